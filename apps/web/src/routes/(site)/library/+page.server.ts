import { requireUser } from '$lib/server/require-user.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const user = requireUser(event)
  const items = await event.locals.app.purchases.listForUser(user.id)
  const boughtSlug = event.url.searchParams.get('bought')
  return {
    items,
    bought: boughtSlug === null ? null : { here: items.some(({ slug }) => slug === boughtSlug) },
  }
}
