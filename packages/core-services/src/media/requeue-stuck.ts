import { mediaItems, type Database } from '@codex/database'
import { and, inArray, isNotNull, isNull, lt, or } from 'drizzle-orm'
import type { TranscodingMessage } from './transcoding-message.ts'

/** D1 binds at most 100 parameters to a statement, and a queue takes at most 100 messages at once. */
const maxRequeuedItems = 50
const defaultStuckJobMs = 3 * 60 * 60 * 1000

export interface RequeueStuckOptions {
  /** How long an item with an external job may stand still. Default 3 h: beyond what the consumer waits for one. */
  readonly jobsOlderThanMs?: number
  /** How many items at once, 1 to 50. Default 50. */
  readonly limit?: number
}

export interface RequeueStuckContext {
  readonly database: Database
  readonly queue: Queue<TranscodingMessage>
  readonly now: () => number
  readonly olderThanMs: number
}

/** Sends again for items whose message was never sent, or was lost; the longest waiting first. */
export async function requeueStuck(
  { database, queue, now, olderThanMs }: RequeueStuckContext,
  { jobsOlderThanMs = defaultStuckJobMs, limit = maxRequeuedItems }: RequeueStuckOptions = {},
): Promise<{ readonly requeuedItems: number }> {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxRequeuedItems) {
    throw new RangeError(
      `Cannot requeue media: limit must be from 1 to ${maxRequeuedItems}, received ${limit}`,
    )
  }
  const nowMs = now()
  const withoutJobSince = new Date(nowMs - olderThanMs)
  const withJobSince = new Date(nowMs - jobsOlderThanMs)
  const stuck = await database
    .select({ id: mediaItems.id, jobId: mediaItems.externalJobId })
    .from(mediaItems)
    .where(
      and(
        inArray(mediaItems.status, ['uploaded', 'processing']),
        or(
          and(isNull(mediaItems.externalJobId), lt(mediaItems.updatedAt, withoutJobSince)),
          and(isNotNull(mediaItems.externalJobId), lt(mediaItems.updatedAt, withJobSince)),
        ),
      ),
    )
    .orderBy(mediaItems.updatedAt)
    .limit(limit)
  if (stuck.length === 0) return { requeuedItems: 0 }

  await queue.sendBatch(stuck.map(({ id }) => ({ body: { type: 'transcode', mediaId: id } })))
  // So that the next call takes the next ones. An item with a job keeps its time: its job's age is counted from it.
  const withoutJob = stuck.filter(({ jobId }) => jobId === null).map(({ id }) => id)
  if (withoutJob.length > 0) {
    await database
      .update(mediaItems)
      .set({ updatedAt: new Date(nowMs) })
      .where(and(inArray(mediaItems.id, withoutJob), isNull(mediaItems.externalJobId)))
  }
  return { requeuedItems: stuck.length }
}
