import { schemaFormat } from '@codex/cloudflare-clients/cache'
import type { CacheDefinition } from '@codex/cloudflare-clients'
import { mediaStatuses, type MediaItemRow } from '@codex/database'
import * as v from 'valibot'
import type { ServiceCache } from '../cache/service-cache.ts'

const mediaStatusSummarySchema = v.object({
  mediaId: v.string(),
  creatorId: v.string(),
  status: v.picklist(mediaStatuses),
  failureReason: v.nullable(v.string()),
  updatedAtMs: v.number(),
})

/** What a page that watches an upload needs to know, and whose it is so that the page can check who asks. */
export type MediaStatusSummary = Readonly<v.InferOutput<typeof mediaStatusSummarySchema>>

export function summarizeStatus(media: MediaItemRow): MediaStatusSummary {
  return {
    mediaId: media.id,
    creatorId: media.creatorId,
    status: media.status,
    failureReason: media.failureReason,
    updatedAtMs: media.updatedAt.getTime(),
  }
}

/**
 * Defines the status of an item, which is cached if it will last.
 *
 * An item without an external job is done within seconds. Its passing status is not cached, because other locations
 * would go on showing it.
 */
export function defineMediaStatus(
  cache: ServiceCache,
  get: (mediaId: string) => Promise<MediaItemRow | null>,
): CacheDefinition<string, MediaStatusSummary> {
  return cache.define<string, MediaStatusSummary>('media-status', {
    load: async (mediaId, { setFresh }) => {
      const media = await get(mediaId)
      if (media === null) return undefined
      const isFinal = media.status === 'ready' || media.status === 'failed'
      if (!isFinal && media.externalJobId === null) setFresh(0)
      return summarizeStatus(media)
    },
    format: schemaFormat(mediaStatusSummarySchema),
    fresh: '60s',
    jitter: 0,
    // The queue consumer puts the next status while a page watches.
    memory: false,
  })
}
