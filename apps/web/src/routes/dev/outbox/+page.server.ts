import { error, redirect } from '@sveltejs/kit'
import type { PageServerLoad } from './$types'

/** Development only. */
export const load: PageServerLoad = async ({ locals, url }) => {
  if (!locals.app.outbox) error(404, { message: 'Not Found' })
  if (url.searchParams.get('format') === 'json') redirect(303, '/dev/outbox/json')
  const mails = await locals.app.outbox.list()
  return {
    mails: mails.map((mail) => ({ ...mail, links: mail.text.match(/https?:\/\/\S+/g) ?? [] })),
  }
}
