import type { CacheDefinition } from '@codex/cloudflare-clients'
import { mediaItems, type Database, type MediaItemRow, type MediaStatus } from '@codex/database'
import { and, eq, inArray, isNull, type SQL } from 'drizzle-orm'
import { summarizeStatus, type MediaStatusSummary } from './media-status.ts'

const maxFailureReasonLength = 300
const unfinished: readonly MediaStatus[] = ['uploaded', 'processing']

export interface InspectedMedia {
  readonly detectedType: string
  /** Lower-case hexadecimal SHA-256 of the stored bytes. */
  readonly sha256: string
}

export interface ReadyMedia extends InspectedMedia {
  readonly widthPx: number | null
  readonly heightPx: number | null
  readonly manifestKey: string
}

export interface TransitionCondition {
  /** Only while this is the item's external job; `null`: only while it has none. Without it, whatever the job. */
  readonly ifJobId?: string | null
}

export interface MediaTransitionsOptions {
  readonly database: Database
  readonly statuses: CacheDefinition<string, MediaStatusSummary>
  readonly now: () => number
}

/**
 * The steps of an item's status. Each one is a single conditional update, so that of two deliveries of the same
 * message one takes effect and the other is told `null`; none leaves `ready` or `failed`.
 */
export interface MediaTransitions {
  /** `uploaded`, or `processing` without an external job → `processing`. */
  markProcessing(mediaId: string): Promise<MediaItemRow | null>
  /** Stores an external transcoder's job, if the item has none yet. */
  attachJob(
    mediaId: string,
    job: InspectedMedia & { readonly jobId: string },
  ): Promise<MediaItemRow | null>
  /** `uploaded` or `processing` → `ready`. */
  markReady(
    mediaId: string,
    result: ReadyMedia,
    condition?: TransitionCondition,
  ): Promise<MediaItemRow | null>
  /** `uploaded` or `processing` → `failed`, with a reason that the creator reads, cut to 300 characters. */
  markFailed(
    mediaId: string,
    reason: string,
    condition?: TransitionCondition,
  ): Promise<MediaItemRow | null>
}

export function createMediaTransitions({
  database,
  statuses,
  now,
}: MediaTransitionsOptions): MediaTransitions {
  async function move(
    mediaId: string,
    condition: SQL | undefined,
    values: Partial<typeof mediaItems.$inferInsert>,
  ): Promise<MediaItemRow | null> {
    const [row] = await database
      .update(mediaItems)
      .set({ ...values, updatedAt: new Date(now()) })
      .where(and(eq(mediaItems.id, mediaId), inArray(mediaItems.status, unfinished), condition))
      .returning()
    return row ?? null
  }

  async function moveAndCache(
    mediaId: string,
    condition: SQL | undefined,
    values: Partial<typeof mediaItems.$inferInsert>,
  ): Promise<MediaItemRow | null> {
    const row = await move(mediaId, condition, values)
    // The status is in the database already: a store that fails is the cache's to report.
    if (row !== null) await statuses.put(mediaId, summarizeStatus(row))
    return row
  }

  return {
    // Not into the cache: it passes within seconds, and other locations would go on showing it.
    markProcessing: (mediaId) =>
      move(mediaId, isNull(mediaItems.externalJobId), { status: 'processing' }),

    attachJob: (mediaId, { jobId, detectedType, sha256 }) =>
      moveAndCache(mediaId, isNull(mediaItems.externalJobId), {
        status: 'processing',
        externalJobId: jobId,
        detectedType,
        sha256,
      }),

    markReady: (mediaId, { detectedType, sha256, widthPx, heightPx, manifestKey }, condition) =>
      moveAndCache(mediaId, jobCondition(condition), {
        status: 'ready',
        failureReason: null,
        externalJobId: null,
        detectedType,
        sha256,
        widthPx,
        heightPx,
        manifestKey,
      }),

    markFailed: (mediaId, reason, condition) =>
      moveAndCache(mediaId, jobCondition(condition), {
        status: 'failed',
        failureReason: reason.slice(0, maxFailureReasonLength),
        externalJobId: null,
      }),
  }
}

function jobCondition({ ifJobId }: TransitionCondition = {}): SQL | undefined {
  if (ifJobId === undefined) return undefined
  return ifJobId === null ? isNull(mediaItems.externalJobId) : eq(mediaItems.externalJobId, ifJobId)
}
