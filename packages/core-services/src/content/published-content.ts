import type { CacheClient } from '@codex/cloudflare-clients'
import { categories, content, creators, type Database } from '@codex/database'
import { and, asc, eq, type SQL } from 'drizzle-orm'
import * as v from 'valibot'
import { readThrough } from '../cache/read-through.ts'
import { isSlug } from '../slug/slugify.ts'
import { notFound, parseInput, type NotFound } from '../validation/parse-input.ts'
import {
  contentKeys,
  featuredTtlSeconds,
  listHeadSchema,
  publishedTtlSeconds,
  type ListHead,
} from './content-cache.ts'
import { after, selectBySlug, selectPublished, toSummary } from './content-queries.ts'
import type { ContentService, Page } from './content-service.ts'
import {
  categorySchema,
  contentSummarySchema,
  publishedContentSchema,
  type ContentSummary,
  type PublishedContent,
} from './content-shapes.ts'
import {
  listPublishedSchema,
  maxPageSize,
  pageSchema,
  toPage,
  type PageRequest,
  type Position,
} from './page.ts'

/** How many of the featured items readers see. */
export const featuredLimit = 6

/** A list of published items: which ones, under which key its head is cached, and whether it can be empty. */
interface PublishedList {
  readonly key: string
  readonly where?: SQL
  /** Whether what the list is of exists. Asked only when the list has no items. */
  readonly exists: () => Promise<boolean>
}

/** What everyone may read, through the cache. */
export function createPublishedContent({
  database,
  cache,
}: {
  readonly database: Database
  readonly cache: CacheClient
}): Pick<
  ContentService,
  | 'listCategories'
  | 'listPublished'
  | 'listPublishedByCreator'
  | 'listFeatured'
  | 'getPublishedBySlug'
  | 'getWithdrawnBySlug'
> {
  const selectSummaries = async (options: {
    readonly where?: SQL | undefined
    readonly limit: number
  }): Promise<ContentSummary[]> => (await selectPublished(database, options)).map(toSummary)

  /** `undefined` when what the list is of does not exist, which is not cached: anyone can make up names. */
  const loadList = async (
    { where, exists }: PublishedList,
    { position, limit }: { readonly position?: Position; readonly limit: number },
  ): Promise<ContentSummary[] | undefined> => {
    const items = await selectSummaries({
      where: and(where, after(content.publishedAt, position)),
      limit,
    })
    if (items.length > 0 || (await exists())) return items
    return undefined
  }

  const loadHead = async (list: PublishedList): Promise<ListHead | undefined> => {
    const items = await loadList(list, { limit: maxPageSize + 1 })
    return items && { items: items.slice(0, maxPageSize), complete: items.length <= maxPageSize }
  }

  const readPage = async (
    list: PublishedList,
    { cursor: position, pageSize }: PageRequest,
  ): Promise<Page<ContentSummary> | NotFound> => {
    if (position === undefined) {
      const head = await readThrough(cache, {
        key: list.key,
        ttlSeconds: publishedTtlSeconds,
        schema: listHeadSchema,
        load: () => loadHead(list),
      })
      return head === undefined ? notFound : { ok: true, ...cutFromHead(head.items, head) }
    }

    // A later page is a cut of the same entry while it lies inside. Only a first page fills the entry, so that a deep
    // page costs one query and not two.
    const head: unknown = await cache.get(list.key)
    if (v.is(listHeadSchema, head)) {
      const index = head.items.findIndex(
        (item) => item.id === position.id && Date.parse(item.publishedAt) === position.atMs,
      )
      const rest = head.items.slice(index + 1)
      if (index >= 0 && (head.complete || rest.length >= pageSize)) {
        return { ok: true, ...cutFromHead(rest, head) }
      }
    }
    const items = await loadList(list, { position, limit: pageSize + 1 })
    return items === undefined ? notFound : { ok: true, ...toPage(items, { pageSize, positionOf }) }

    function cutFromHead(items: readonly ContentSummary[], { complete }: ListHead) {
      return toPage(items, { pageSize, positionOf, moreFollow: !complete })
    }
  }

  const loadItem = async (
    slug: string,
    state: 'published' | 'withdrawn',
  ): Promise<PublishedContent | undefined> => {
    const [row] = await selectBySlug(database, { slug, state })
    return row && { ...toSummary(row), body: row.body }
  }

  return {
    async listCategories() {
      const cached = await readThrough(cache, {
        key: contentKeys.categories,
        ttlSeconds: publishedTtlSeconds,
        schema: v.array(categorySchema),
        load: () =>
          database
            .select({
              id: categories.id,
              slug: categories.slug,
              name: categories.name,
              description: categories.description,
            })
            .from(categories)
            .orderBy(asc(categories.position), asc(categories.name)),
      })
      return cached ?? []
    },

    async listPublished(input = {}) {
      const parsed = parseInput(listPublishedSchema, input)
      if (!parsed.ok) return parsed
      const { categorySlug, ...page } = parsed.value
      if (categorySlug === undefined) {
        const everything = { key: contentKeys.newest, exists: () => Promise.resolve(true) }
        return readPage(everything, page)
      }
      if (!isSlug(categorySlug)) return notFound
      const category = {
        key: contentKeys.category(categorySlug),
        where: eq(categories.slug, categorySlug),
        exists: () =>
          hasRows(
            database
              .select({ id: categories.id })
              .from(categories)
              .where(eq(categories.slug, categorySlug)),
          ),
      }
      return readPage(category, page)
    },

    async listPublishedByCreator(creatorId, page = {}) {
      const parsed = parseInput(pageSchema, page)
      if (!parsed.ok) return parsed
      const byCreator = {
        key: contentKeys.creator(creatorId),
        where: eq(content.creatorId, creatorId),
        exists: () =>
          hasRows(
            database
              .select({ id: creators.userId })
              .from(creators)
              .where(eq(creators.userId, creatorId)),
          ),
      }
      return readPage(byCreator, parsed.value)
    },

    async listFeatured() {
      const cached = await readThrough(cache, {
        key: contentKeys.featured,
        ttlSeconds: featuredTtlSeconds,
        schema: v.array(contentSummarySchema),
        load: () => selectSummaries({ where: eq(content.featured, true), limit: featuredLimit }),
      })
      return cached ?? []
    },

    async getPublishedBySlug(slug, { fresh = false } = {}) {
      if (!isSlug(slug)) return null
      if (fresh) return (await loadItem(slug, 'published')) ?? null
      const item = await readThrough(cache, {
        key: contentKeys.item(slug),
        ttlSeconds: publishedTtlSeconds,
        schema: publishedContentSchema,
        load: () => loadItem(slug, 'published'),
      })
      return item ?? null
    },

    async getWithdrawnBySlug(slug) {
      return isSlug(slug) ? ((await loadItem(slug, 'withdrawn')) ?? null) : null
    },
  }
}

async function hasRows(query: PromiseLike<readonly unknown[]>): Promise<boolean> {
  return (await query).length > 0
}

function positionOf(item: ContentSummary): Position {
  return { atMs: Date.parse(item.publishedAt), id: item.id }
}
