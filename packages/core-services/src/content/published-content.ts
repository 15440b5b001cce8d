import type { CacheClient } from '@codex/cloudflare-clients'
import { categories, content, type Database } from '@codex/database'
import { and, asc, eq, type SQL } from 'drizzle-orm'
import * as v from 'valibot'
import { readThrough } from '../cache/read-through.ts'
import { isSlug } from '../slug/slugify.ts'
import { notFound, parseInput } from '../validation/parse-input.ts'
import {
  contentKeys,
  featuredTtlSeconds,
  listHeadSchema,
  publishedTtlSeconds,
  type ListHead,
} from './content-cache.ts'
import { after, selectPublished, selectPublishedBySlug, toSummary } from './content-queries.ts'
import type { ContentService } from './content-service.ts'
import {
  categorySchema,
  contentSummarySchema,
  publishedContentSchema,
  type ContentSummary,
} from './content-shapes.ts'
import { listPublishedSchema, maxPageSize, toPage, type Position } from './page.ts'

const featuredLimit = 6

/** What everyone may read, through the cache. */
export function createPublishedContent({
  database,
  cache,
}: {
  readonly database: Database
  readonly cache: CacheClient
}): Pick<
  ContentService,
  'listCategories' | 'listPublished' | 'listFeatured' | 'getPublishedBySlug'
> {
  const categoryExists = async (slug: string): Promise<boolean> => {
    const rows = await database
      .select({ id: categories.id })
      .from(categories)
      .where(eq(categories.slug, slug))
      .limit(1)
    return rows.length > 0
  }

  const selectSummaries = async (options: {
    readonly where?: SQL | undefined
    readonly limit: number
  }): Promise<ContentSummary[]> => (await selectPublished(database, options)).map(toSummary)

  /** `undefined` when there is no such category, which is not cached: anyone can make up category names. */
  const loadList = async ({
    categorySlug,
    position,
    limit,
  }: {
    readonly categorySlug: string | undefined
    readonly position?: Position | undefined
    readonly limit: number
  }): Promise<ContentSummary[] | undefined> => {
    const inCategory = categorySlug === undefined ? undefined : eq(categories.slug, categorySlug)
    const items = await selectSummaries({
      where: and(inCategory, after(content.publishedAt, position)),
      limit,
    })
    if (items.length > 0 || categorySlug === undefined) return items
    return (await categoryExists(categorySlug)) ? items : undefined
  }

  const loadHead = async (categorySlug: string | undefined): Promise<ListHead | undefined> => {
    const items = await loadList({ categorySlug, limit: maxPageSize + 1 })
    return items && { items: items.slice(0, maxPageSize), complete: items.length <= maxPageSize }
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
      const { categorySlug, cursor: position, pageSize } = parsed.value
      if (categorySlug !== undefined && !isSlug(categorySlug)) return notFound
      const key =
        categorySlug === undefined ? contentKeys.newest : contentKeys.category(categorySlug)

      if (position === undefined) {
        const head = await readThrough(cache, {
          key,
          ttlSeconds: publishedTtlSeconds,
          schema: listHeadSchema,
          load: () => loadHead(categorySlug),
        })
        return head === undefined ? notFound : { ok: true, ...cutFromHead(head.items, head) }
      }

      // A later page is a cut of the same entry while it lies inside. Only a first page fills the entry, so that a deep
      // page costs one query and not two.
      const head: unknown = await cache.get(key)
      if (v.is(listHeadSchema, head)) {
        const index = head.items.findIndex(
          (item) => item.id === position.id && Date.parse(item.publishedAt) === position.atMs,
        )
        const rest = head.items.slice(index + 1)
        if (index >= 0 && (head.complete || rest.length >= pageSize)) {
          return { ok: true, ...cutFromHead(rest, head) }
        }
      }
      const items = await loadList({ categorySlug, position, limit: pageSize + 1 })
      return items === undefined
        ? notFound
        : { ok: true, ...toPage(items, { pageSize, positionOf }) }

      function cutFromHead(items: readonly ContentSummary[], { complete }: ListHead) {
        return toPage(items, { pageSize, positionOf, moreFollow: !complete })
      }
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

    async getPublishedBySlug(slug) {
      if (!isSlug(slug)) return null
      const item = await readThrough(cache, {
        key: contentKeys.item(slug),
        ttlSeconds: publishedTtlSeconds,
        schema: publishedContentSchema,
        load: async () => {
          const [row] = await selectPublishedBySlug(database, slug)
          return row && { ...toSummary(row), body: row.body }
        },
      })
      return item ?? null
    },
  }
}

function positionOf(item: ContentSummary): Position {
  return { atMs: Date.parse(item.publishedAt), id: item.id }
}
