import { error, json } from '@sveltejs/kit'
import type { RequestHandler } from './$types'

/** Development only: the mails for programs, newest first. */
export const GET: RequestHandler = async ({ locals }) => {
  if (!locals.app.outbox) error(404, { message: 'Not Found' })
  return json(await locals.app.outbox.list())
}
