import { error } from '@sveltejs/kit'
import type { RequestEvent } from '@sveltejs/kit'
import type { Category, ContentSummary } from '@codex/core-services'
import type { CacheReadLine } from './cache-reads.ts'
import { shownReads } from './shown-reads.ts'

/** A page of published items, of one category or of all. */
export interface Shelf {
  readonly categories: readonly Category[]
  readonly category: Category | null
  readonly items: readonly ContentSummary[]
  readonly cursor: string | null
  readonly nextCursor: string | null
  readonly cacheReads: readonly CacheReadLine[] | null
}

const pageSize = 24

/**
 * Loads what a browse page shows.
 *
 * @throws the 404 page for an unknown category, the 400 page for a cursor that no page returned
 */
export async function loadShelf(
  { locals, url }: Pick<RequestEvent, 'locals' | 'url'>,
  { categorySlug }: { categorySlug: string | null },
): Promise<Shelf> {
  const { content } = locals.app
  const cursor = url.searchParams.get('cursor')
  const [categories, page] = await Promise.all([
    content.listCategories(),
    content.listPublished({
      pageSize,
      ...(categorySlug !== null && { categorySlug }),
      ...(cursor !== null && { cursor }),
    }),
  ])
  if (!page.ok) {
    if (page.reason === 'not_found') error(404, { message: 'There is no such category.' })
    error(400, { message: 'That link to a page is damaged. Begin again with the newest.' })
  }
  return {
    categories,
    category: categories.find(({ slug }) => slug === categorySlug) ?? null,
    items: page.items,
    cursor,
    nextCursor: page.nextCursor,
    cacheReads: shownReads(locals),
  }
}
