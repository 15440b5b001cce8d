import { requireUser } from '$lib/server/require-user.ts'
import { shownReads } from '$lib/server/shown-reads.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const user = requireUser(event)
  const boughtSlug = event.url.searchParams.get('bought')
  const items = await event.locals.app.purchases.listForUser(user.id, { with: boughtSlug })
  return {
    items,
    bought: boughtSlug === null ? null : { here: items.some(({ slug }) => slug === boughtSlug) },
    cacheReads: shownReads(event.locals),
  }
}
