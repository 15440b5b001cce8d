import { schemaFormat } from '@codex/cloudflare-clients/cache'
import type { CacheDefinition } from '@codex/cloudflare-clients'
import { categories, content, creators, type Database } from '@codex/database'
import { and, asc, eq, type SQL } from 'drizzle-orm'
import * as v from 'valibot'
import { staleEntry, type StaleEntry } from '../cache/invalidate.ts'
import type { ServiceCache } from '../cache/service-cache.ts'
import { after, selectBySlug, selectPublished, toSummary } from './content-queries.ts'
import {
  categorySchema,
  contentSummarySchema,
  publishedContentSchema,
  type Category,
  type ContentSummary,
  type CreatorContent,
  type PublishedContent,
} from './content-shapes.ts'
import { maxPageSize, type Position } from './page.ts'

// The layout and its reasons: docs/decisions/002-content-cache-keys.md

/** How many of the featured items readers see. */
export const featuredLimit = 6

/** Another isolate sees a change of what is published after so long, and after KV has shown it. */
const memory = '5s'
/** What is often read is refreshed before it ends, so that nobody waits for it. */
const refreshAhead = 0.8

/** The newest items of a list, as many as the largest page: every page size and the following pages are cut from it. */
const listHeadSchema = v.object({
  items: v.array(contentSummarySchema),
  /** Whether the list ends with the last of these items. */
  complete: v.boolean(),
})
export type ListHead = v.InferOutput<typeof listHeadSchema>

/** A list of published items: of the whole platform, of a category or of a creator. */
export type PublishedList =
  | { readonly of: 'everything' }
  | { readonly of: 'category'; readonly slug: string }
  | { readonly of: 'creator'; readonly creatorId: string }

export interface ContentCache {
  readonly categories: CacheDefinition<'all', readonly Category[]>
  readonly lists: CacheDefinition<PublishedList, ListHead>
  readonly featured: CacheDefinition<'all', readonly ContentSummary[]>
  readonly items: CacheDefinition<string, PublishedContent>
}

const plainKey = (id: string): [string] => [id]
function listKey(list: PublishedList): [string, ...string[]] {
  if (list.of === 'everything') return ['newest']
  return list.of === 'category' ? ['category', list.slug] : ['creator', list.creatorId]
}

/** Everything of the content that is cached. What nothing has is not: anyone can make up names. */
export function defineContentCache(cache: ServiceCache, database: Database): ContentCache {
  return {
    // They come with the migrations.
    categories: cache.define<'all', readonly Category[]>('content-categories', {
      load: () => loadCategories(database),
      format: schemaFormat(v.array(categorySchema)),
      fresh: '5m',
      stale: '1h',
      staleIfError: '7d',
    }),
    lists: cache.define<PublishedList, ListHead>('content-list', {
      key: listKey,
      load: async (list) => {
        const items = await loadList(database, list, { limit: maxPageSize + 1 })
        return (
          items && { items: items.slice(0, maxPageSize), complete: items.length <= maxPageSize }
        )
      },
      format: schemaFormat(listHeadSchema),
      fresh: '5m',
      staleIfError: '1d',
      refreshAhead,
      memory,
    }),
    featured: cache.define<'all', readonly ContentSummary[]>('content-featured', {
      load: () =>
        loadSummaries(database, { where: eq(content.featured, true), limit: featuredLimit }),
      format: schemaFormat(v.array(contentSummarySchema)),
      fresh: '30m',
      staleIfError: '1d',
      refreshAhead,
      memory,
    }),
    items: cache.define<string, PublishedContent>('content-item', {
      load: (slug) => loadItem(database, { slug, state: 'published' }),
      format: schemaFormat(publishedContentSchema),
      fresh: '5m',
      staleIfError: '1d',
      refreshAhead,
      memory,
    }),
  }
}

export function staleFeatured({ featured }: ContentCache): StaleEntry {
  return staleEntry(featured, { id: 'all', key: plainKey })
}

/** Every entry that shows the item as it was or as it is now. Nothing for an item that is a draft before and after. */
export function entriesShowing(
  cache: ContentCache,
  {
    versions,
    creatorId,
  }: { readonly versions: readonly CreatorContent[]; readonly creatorId: string },
): StaleEntry[] {
  if (!versions.some((version) => version.status === 'published')) return []
  const list = (id: PublishedList): StaleEntry => staleEntry(cache.lists, { id, key: listKey })
  const entries = [
    list({ of: 'creator', creatorId }),
    list({ of: 'everything' }),
    ...versions.flatMap((version) => [
      list({ of: 'category', slug: version.category.slug }),
      staleEntry(cache.items, { id: version.slug, key: plainKey }),
      ...(version.featured ? [staleFeatured(cache)] : []),
    ]),
  ]
  return [...new Map(entries.map((entry) => [entry.key, entry])).values()]
}

/** @returns `undefined` when what the list is of does not exist. */
export async function loadList(
  database: Database,
  list: PublishedList,
  { position, limit }: { readonly position?: Position; readonly limit: number },
): Promise<ContentSummary[] | undefined> {
  const where = and(conditionOf(list), after(content.publishedAt, position))
  const items = await loadSummaries(database, { where, limit })
  return items.length > 0 || (await exists(database, list)) ? items : undefined
}

export async function loadItem(
  database: Database,
  which: { readonly slug: string; readonly state: 'published' | 'withdrawn' },
): Promise<PublishedContent | undefined> {
  const [row] = await selectBySlug(database, which)
  return row && { ...toSummary(row), body: row.body }
}

async function loadSummaries(
  database: Database,
  which: { readonly where: SQL | undefined; readonly limit: number },
): Promise<ContentSummary[]> {
  return (await selectPublished(database, which)).map(toSummary)
}

async function loadCategories(database: Database): Promise<readonly Category[]> {
  const { id, slug, name, description } = categories
  return database
    .select({ id, slug, name, description })
    .from(categories)
    .orderBy(asc(categories.position), asc(categories.name))
}

function conditionOf(list: PublishedList): SQL | undefined {
  if (list.of === 'everything') return undefined
  return list.of === 'category'
    ? eq(categories.slug, list.slug)
    : eq(content.creatorId, list.creatorId)
}

async function exists(database: Database, list: PublishedList): Promise<boolean> {
  if (list.of === 'everything') return true
  const rows =
    list.of === 'category'
      ? await database
          .select({ id: categories.id })
          .from(categories)
          .where(eq(categories.slug, list.slug))
      : await database
          .select({ id: creators.userId })
          .from(creators)
          .where(eq(creators.userId, list.creatorId))
  return rows.length > 0
}
