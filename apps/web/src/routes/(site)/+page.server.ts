import { shownReads } from '$lib/server/shown-reads.ts'
import type { PageServerLoad } from './$types'

const newestCount = 8
/** Enough that there are still `newestCount` when every featured item (at most six) is among the newest. */
const newestPageSize = newestCount + 6

export const load: PageServerLoad = async ({ locals }) => {
  const { content } = locals.app
  const [featured, newest, categories] = await Promise.all([
    content.listFeatured(),
    content.listPublished({ pageSize: newestPageSize }),
    content.listCategories(),
  ])
  const featuredIds = new Set(featured.map(({ id }) => id))
  const others = newest.ok ? newest.items.filter(({ id }) => !featuredIds.has(id)) : []
  return {
    featured,
    newest: others.slice(0, newestCount),
    categories,
    cacheReads: shownReads(locals),
  }
}
