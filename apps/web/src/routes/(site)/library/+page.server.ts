import { categorySlugs } from '$lib/server/category-slugs.ts'
import { requireUser } from '$lib/server/require-user.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = async (event) => {
  const user = requireUser(event)
  const { app } = event.locals
  const items = await app.purchases.listForUser(user.id)
  const slugs = await categorySlugs(
    app,
    items.map(({ contentId }) => contentId),
  )
  const boughtSlug = event.url.searchParams.get('bought')
  return {
    items: items.map((item) => ({ ...item, categorySlug: slugs.get(item.contentId) ?? '' })),
    bought: boughtSlug === null ? null : { here: items.some(({ slug }) => slug === boughtSlug) },
  }
}
