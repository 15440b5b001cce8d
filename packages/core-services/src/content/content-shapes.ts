import * as v from 'valibot'
import type { ContentStatus } from '@codex/database'

// Everything here is plain JSON data: what a cache gives back equals what was put in. Times are ISO 8601 strings.

export const categorySchema = v.object({
  id: v.string(),
  slug: v.string(),
  name: v.string(),
  description: v.string(),
})
export type Category = v.InferOutput<typeof categorySchema>

export const contentSummarySchema = v.object({
  id: v.string(),
  slug: v.string(),
  title: v.string(),
  summary: v.string(),
  /** In cents of the platform's currency. 0 is free. */
  priceCents: v.number(),
  currency: v.string(),
  mediaItemId: v.nullable(v.string()),
  category: v.object({ slug: v.string(), name: v.string() }),
  creator: v.object({ id: v.string(), handle: v.nullable(v.string()), displayName: v.string() }),
  publishedAt: v.string(),
})
/** A published item as a card in a list shows it. */
export type ContentSummary = v.InferOutput<typeof contentSummarySchema>

export const publishedContentSchema = v.object({
  ...contentSummarySchema.entries,
  /** What is sold. Show it only to someone who may see it: the cached item page is the same for everyone. */
  body: v.string(),
})
/** A published item in full. */
export type PublishedContent = v.InferOutput<typeof publishedContentSchema>

/** An item as its creator sees it, published or not. Never cached. */
export interface CreatorContent {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly body: string
  readonly priceCents: number
  readonly currency: string
  readonly featured: boolean
  readonly status: ContentStatus
  readonly mediaItemId: string | null
  readonly category: { readonly id: string; readonly slug: string; readonly name: string }
  /** When it was first published. Stays through unpublishing, so that publishing again does not jump the list. */
  readonly publishedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}
