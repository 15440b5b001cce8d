import type { Database } from '@codex/database'
import type { ServiceCache } from '../cache/service-cache.ts'
import { logServiceEvent, type ServiceEventReporter } from '../cache/service-event.ts'
import type { InvalidInput, NotFound } from '../validation/parse-input.ts'
import { defineContentCache } from './content-cache.ts'
import type { ContentDraftInput, ContentPatchInput } from './content-input.ts'
import type {
  Category,
  ContentSummary,
  CreatorContent,
  PublishedContent,
} from './content-shapes.ts'
import { createCreatorContent } from './creator-content.ts'
import { createFeaturedContent } from './featured-content.ts'
import type { ListPublishedInput, PageInput } from './page.ts'
import { createPublishedContent } from './published-content.ts'

export interface ContentServiceOptions {
  readonly database: Database
  /** Takes the definitions of this service, so each client makes one of it. */
  readonly cache: ServiceCache
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Hears of cache entries that could not be deleted. Default: one line on the console. */
  readonly onEvent?: ServiceEventReporter
}

export interface Page<T> {
  readonly ok: true
  readonly items: readonly T[]
  /** What to pass as `cursor` for the page after this one, or `null` when this is the last. */
  readonly nextCursor: string | null
}

export interface ContentChange {
  readonly ok: true
  readonly content: CreatorContent
  /** `false`: the change stands, but readers may see the old state until the cached entries' TTL ends. */
  readonly cacheInvalidated: boolean
}

export interface FeaturedChange {
  readonly ok: true
  readonly slug: string
  readonly title: string
  /** `false`: the change stands, but readers may see the old list until its TTL (30 min) ends. */
  readonly cacheInvalidated: boolean
}

/** A featured item as the owner sees it. */
export interface FeaturedItem {
  readonly slug: string
  readonly title: string
  /** `false`: it comes back in front when its creator publishes it again. */
  readonly published: boolean
}

/**
 * What the platform offers, and each creator's own items.
 *
 * Public reads are cached: lists, a creator's too, and item pages are fresh for 5 min, featured for 30 min. A change deletes every
 * entry that shows the item, after the database has it: this isolate shows it at once, others within 5 s and what KV takes to show
 * it, usually within 60 s. A read that overlaps the change can store the old state once more, so the bound for readers is how
 * long the entry is fresh. While the database fails, public reads are answered with what is cached for a day more. A
 * creator's own reads are never cached. Whether a cache works, fails or is absent changes no answer. What is returned is frozen.
 *
 * @see docs/decisions/002-content-cache-keys.md
 */
export interface ContentService {
  listCategories(): Promise<readonly Category[]>
  /** Newest first. `not_found` when there is no such category. */
  listPublished(input?: ListPublishedInput): Promise<Page<ContentSummary> | InvalidInput | NotFound>
  /** What one creator has published, newest first. `not_found` when there is no such creator. */
  listPublishedByCreator(
    creatorId: string,
    page?: PageInput,
  ): Promise<Page<ContentSummary> | InvalidInput | NotFound>
  /** The newest of the items that the owner features, at most six. */
  listFeatured(): Promise<readonly ContentSummary[]>
  /** Everything that the owner features, also beyond those six and what is unpublished; never cached. */
  listAllFeatured(): Promise<readonly FeaturedItem[]>
  /**
   * Puts a published item in front, or takes any item down. Whether the caller may is the caller's to check.
   * `not_found` when there is no such item.
   */
  setFeatured(slug: string, featured: boolean): Promise<FeaturedChange | NotFound>
  /**
   * `null` when no published item has this slug.
   *
   * @param options.fresh Asks the database and not the cache: for a sale, where an old price would be charged. Default
   * `false`.
   */
  getPublishedBySlug(
    slug: string,
    options?: { readonly fresh?: boolean },
  ): Promise<PublishedContent | null>
  /**
   * An item that was published and no longer is, as its buyers still have it; never cached. Show it only to them and to
   * its creator. `null` when there is none, also while the item is a draft that was never published.
   */
  getWithdrawnBySlug(slug: string): Promise<PublishedContent | null>
  /** The creator's items of every status, newest first. */
  listByCreator(creatorId: string, page?: PageInput): Promise<Page<CreatorContent> | InvalidInput>
  /** `null` when there is no such item or it is another creator's. */
  getForCreator(creatorId: string, id: string): Promise<CreatorContent | null>
  /** `not_found` when the user is not a creator. The slug is made from the title and stays. */
  createDraft(
    creatorId: string,
    input: ContentDraftInput,
  ): Promise<ContentChange | InvalidInput | NotFound>
  update(
    creatorId: string,
    id: string,
    patch: ContentPatchInput,
  ): Promise<ContentChange | InvalidInput | NotFound>
  /** Publishing what is published changes nothing and deletes the cached entries again. */
  publish(creatorId: string, id: string): Promise<ContentChange | NotFound>
  unpublish(creatorId: string, id: string): Promise<ContentChange | NotFound>
}

export function createContentService({
  database,
  cache,
  now = Date.now,
  onEvent = logServiceEvent,
}: ContentServiceOptions): ContentService {
  const contentCache = defineContentCache(cache, database)
  return {
    ...createPublishedContent({ database, cache: contentCache }),
    ...createFeaturedContent({ database, cache: contentCache, onEvent }),
    ...createCreatorContent({ database, cache: contentCache, now, onEvent }),
  }
}
