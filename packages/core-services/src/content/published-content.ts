import type { Database } from '@codex/database'
import { isSlug } from '../slug/slugify.ts'
import { notFound, parseInput, type NotFound } from '../validation/parse-input.ts'
import {
  loadItem,
  loadList,
  type ContentCache,
  type ListHead,
  type PublishedList,
} from './content-cache.ts'
import type { ContentService, Page } from './content-service.ts'
import type { ContentSummary } from './content-shapes.ts'
import { listPublishedSchema, pageSchema, toPage, type PageRequest, type Position } from './page.ts'

/** What everyone may read, through the cache. */
export function createPublishedContent({
  database,
  cache,
}: {
  readonly database: Database
  readonly cache: ContentCache
}): Pick<
  ContentService,
  | 'listCategories'
  | 'listPublished'
  | 'listPublishedByCreator'
  | 'listFeatured'
  | 'getPublishedBySlug'
  | 'getWithdrawnBySlug'
> {
  const readPage = async (
    list: PublishedList,
    { cursor: position, pageSize }: PageRequest,
  ): Promise<Page<ContentSummary> | NotFound> => {
    const head = await cache.lists.get(list)
    if (head === null) return notFound
    const inside = cutFromHead(head, { position, pageSize })
    if (inside !== null) {
      const moreFollow = !head.complete
      return { ok: true, ...toPage(inside, { pageSize, positionOf, moreFollow }) }
    }
    // Deeper than what is cached.
    const items = await loadList(database, list, {
      ...(position !== undefined && { position }),
      limit: pageSize + 1,
    })
    return items === undefined ? notFound : { ok: true, ...toPage(items, { pageSize, positionOf }) }
  }

  return {
    async listCategories() {
      return (await cache.categories.get('all')) ?? []
    },

    async listPublished(input = {}) {
      const parsed = parseInput(listPublishedSchema, input)
      if (!parsed.ok) return parsed
      const { categorySlug, ...page } = parsed.value
      if (categorySlug === undefined) return readPage({ of: 'everything' }, page)
      if (!isSlug(categorySlug)) return notFound
      return readPage({ of: 'category', slug: categorySlug }, page)
    },

    async listPublishedByCreator(creatorId, page = {}) {
      const parsed = parseInput(pageSchema, page)
      return parsed.ok ? readPage({ of: 'creator', creatorId }, parsed.value) : parsed
    },

    async listFeatured() {
      return (await cache.featured.get('all')) ?? []
    },

    async getPublishedBySlug(slug, { fresh = false } = {}) {
      if (!isSlug(slug)) return null
      if (!fresh) return cache.items.get(slug)
      return (await loadItem(database, { slug, state: 'published' })) ?? null
    },

    async getWithdrawnBySlug(slug) {
      if (!isSlug(slug)) return null
      return (await loadItem(database, { slug, state: 'withdrawn' })) ?? null
    },
  }
}

/** The items of the head that follow the position, or `null` where the page does not lie inside. */
function cutFromHead(
  { items, complete }: ListHead,
  { position, pageSize }: { readonly position: Position | undefined; readonly pageSize: number },
): readonly ContentSummary[] | null {
  if (position === undefined) return items
  const index = items.findIndex(
    (item) => item.id === position.id && Date.parse(item.publishedAt) === position.atMs,
  )
  const rest = items.slice(index + 1)
  return index >= 0 && (complete || rest.length >= pageSize) ? rest : null
}

function positionOf(item: ContentSummary): Position {
  return { atMs: Date.parse(item.publishedAt), id: item.id }
}
