import { keys, type CacheClient } from '@codex/cloudflare-clients'
import { mediaStatuses, type MediaItemRow } from '@codex/database'
import * as v from 'valibot'

/** How long a cached status may be served. */
const mediaStatusTtlSeconds = 60

const MediaStatusSummarySchema = v.object({
  mediaId: v.string(),
  creatorId: v.string(),
  status: v.picklist(mediaStatuses),
  failureReason: v.nullable(v.string()),
  updatedAtMs: v.number(),
})

/** What a page that watches an upload needs to know, and whose it is so that the page can check who asks. */
export type MediaStatusSummary = Readonly<v.InferOutput<typeof MediaStatusSummarySchema>>

type StatusCache = Pick<CacheClient, 'get' | 'set'>

function summarizeStatus(media: MediaItemRow): MediaStatusSummary {
  return {
    mediaId: media.id,
    creatorId: media.creatorId,
    status: media.status,
    failureReason: media.failureReason,
    updatedAtMs: media.updatedAt.getTime(),
  }
}

/** @returns the cached status; `null` when there is none or what is stored has another shape. */
export async function readCachedStatus(
  cache: StatusCache,
  mediaId: string,
): Promise<MediaStatusSummary | null> {
  const cached = await cache.get<unknown>(statusKey(mediaId))
  const parsed = v.safeParse(MediaStatusSummarySchema, cached)
  return parsed.success ? parsed.output : null
}

/**
 * The status of a row that was read, cached if it will last.
 *
 * An item without an external job is done within seconds. Its passing status is not cached: other locations would go
 * on showing it for the whole TTL, and the write of `ready`, if it came within a second, would be refused by KV, which
 * takes one write per key and second.
 */
export async function cacheLastingStatus(
  cache: StatusCache,
  media: MediaItemRow,
): Promise<MediaStatusSummary> {
  const isFinal = media.status === 'ready' || media.status === 'failed'
  return isFinal || media.externalJobId !== null
    ? cacheStatus(cache, media)
    : summarizeStatus(media)
}

/** Writes the status of a row that is in the database already. A store that fails is the cache's to report. */
export async function cacheStatus(
  cache: StatusCache,
  media: MediaItemRow,
): Promise<MediaStatusSummary> {
  const summary = summarizeStatus(media)
  await cache.set(statusKey(media.id), summary, mediaStatusTtlSeconds)
  return summary
}

function statusKey(mediaId: string): string {
  return keys.cache('media-status', mediaId)
}
