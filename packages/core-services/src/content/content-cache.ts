import { keys } from '@codex/cloudflare-clients'
import * as v from 'valibot'
import { contentSummarySchema, type CreatorContent } from './content-shapes.ts'

// The layout and its reasons: docs/decisions/002-content-cache-keys.md

export const publishedTtlSeconds = 300
export const featuredTtlSeconds = 1800

export const contentKeys = {
  categories: keys.cache('content', 'categories'),
  featured: keys.cache('content', 'featured'),
  /** The newest items of the whole platform. */
  newest: keys.cache('content', 'newest'),
  category: (slug: string): string => keys.cache('content', 'category', slug),
  /** One creator's newest items, as their public page shows them. */
  creator: (creatorId: string): string => keys.cache('content', 'creator', creatorId),
  item: (slug: string): string => keys.cache('content', 'item', slug),
}

/** The newest items of a list, as many as the largest page: every page size and the following pages are cut from it. */
export const listHeadSchema = v.object({
  items: v.array(contentSummarySchema),
  /** Whether the list ends with the last of these items. */
  complete: v.boolean(),
})
export type ListHead = v.InferOutput<typeof listHeadSchema>

/** Every entry that shows the item as it was or as it is now. Nothing for an item that is a draft before and after. */
export function keysShowing(
  versions: readonly CreatorContent[],
  { creatorId }: { readonly creatorId: string },
): string[] {
  const stale = new Set<string>()
  if (!versions.some((version) => version.status === 'published')) return []
  stale.add(contentKeys.creator(creatorId))
  for (const version of versions) {
    stale.add(contentKeys.newest)
    stale.add(contentKeys.category(version.category.slug))
    stale.add(contentKeys.item(version.slug))
    if (version.featured) stale.add(contentKeys.featured)
  }
  return [...stale]
}
