import { creators, mediaItems, type Database, type MediaItemRow } from '@codex/database'
import { and, desc, eq, inArray } from 'drizzle-orm'
import type { ServiceCache } from '../cache/service-cache.ts'
import { normalizeDeclaredType } from './declared-type.ts'
import { sanitizeFilename } from './filename.ts'
import { defineMediaStatus, summarizeStatus, type MediaStatusSummary } from './media-status.ts'
import { createMediaTransitions, type MediaTransitions } from './media-transitions.ts'
import { openMedia, type OpenMediaResult } from './open-media.ts'
import { requeueStuck, type RequeueStuckOptions } from './requeue-stuck.ts'
import { storeExactly } from './store-exactly.ts'
import type { TranscodingMessage } from './transcoding-message.ts'

const maxListedItems = 200

/** Faults that a call survived, for the caller's log. */
export type MediaEvent =
  | { readonly type: 'queue_send_failed'; readonly mediaId: string; readonly error: unknown }
  | { readonly type: 'object_delete_failed'; readonly objectKey: string; readonly error: unknown }

export interface MediaServiceOptions {
  readonly database: Database
  /** Takes the definition of this service, so each client makes one of it. */
  readonly cache: ServiceCache
  readonly bucket: R2Bucket
  readonly queue: Queue<TranscodingMessage>
  /** Where a creator's uploads go. Default: the creators table; the creator service answers from its cache. */
  readonly buckets?: {
    getBucket(creatorId: string): Promise<{ readonly storagePrefix: string } | null>
  }
  /** The clock, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of faults that a call survived. Default: one line on `console.error`. */
  readonly onEvent?: (event: MediaEvent) => void
}

export interface UploadInput {
  readonly filename: string
  readonly declaredType: string
  /** The declared length of the body. */
  readonly sizeBytes: number
  readonly body: ReadableStream<Uint8Array>
  /** The platform's limit at this moment. */
  readonly maxUploadBytes: number
}

export type UploadRefusal =
  | 'no_creator'
  | 'invalid_size'
  | 'empty_file'
  | 'too_large'
  | 'size_mismatch'
  | 'upload_interrupted'

export type UploadResult =
  | {
      readonly ok: true
      readonly media: MediaItemRow
      /** `false`: stored, but its processing could not be asked for yet. `requeueStuck` or `retry` will. */
      readonly queued: boolean
    }
  | { readonly ok: false; readonly reason: UploadRefusal; readonly message: string }

export type RetryResult =
  | { readonly ok: true; readonly media: MediaItemRow; readonly queued: boolean }
  | { readonly ok: false; readonly reason: 'not_found' | 'already_ready' | 'in_progress' }

/**
 * Uploads and their processing status.
 *
 * Truth is in D1; the bytes are in R2 under `{storagePrefix}/{mediaId}/original`, written once and never
 * overwritten. Processing is asked for through a queue and may be asked for more than once.
 */
export interface MediaService extends MediaTransitions {
  /**
   * Streams a file into R2, records it and asks for its processing.
   *
   * A body that is longer or shorter than declared is refused and leaves nothing behind. When D1 fails after the
   * object is stored, the object is deleted. When only the queue fails, the item stays `uploaded` and `queued` is
   * `false`: nothing is lost.
   *
   * @throws RangeError when `maxUploadBytes` is no positive whole number; what R2 or D1 rejected with.
   */
  upload(creatorId: string, input: UploadInput): Promise<UploadResult>
  /**
   * The status of one item; `null` when there is no such item.
   *
   * `ready`, `failed` and the work of an external job are cached for 60 s, and written to the cache as they happen. What
   * passes within seconds is read from the database every time, so that `ready` is seen at once. While an external job
   * works, its end may be seen 60 s late, and KV's propagation later. KV failing costs a database query, never the
   * answer.
   */
  getStatus(mediaId: string): Promise<MediaStatusSummary | null>
  get(mediaId: string): Promise<MediaItemRow | null>
  /** A creator's items, newest first, at most 200. */
  listByCreator(creatorId: string): Promise<MediaItemRow[]>
  /** Opens a `ready` item for a download; see {@link openMedia}. */
  open(mediaId: string, requestHeaders?: Headers): Promise<OpenMediaResult>
  /** Asks again for the processing of a creator's own item that failed or was never picked up. */
  retry(creatorId: string, mediaId: string): Promise<RetryResult>
  /**
   * Asks again for items that have stood still: their message was never sent, or was lost.
   *
   * @throws what the queue rejected with; the items are then found again by the next call.
   */
  requeueStuck(
    olderThanMs: number,
    options?: RequeueStuckOptions,
  ): Promise<{ readonly requeuedItems: number }>
}

export function createMediaService({
  database,
  cache,
  bucket,
  queue,
  buckets = databaseBuckets(database),
  now = Date.now,
  onEvent = logEvent,
}: MediaServiceOptions): MediaService {
  async function get(mediaId: string): Promise<MediaItemRow | null> {
    const [row] = await database.select().from(mediaItems).where(eq(mediaItems.id, mediaId))
    return row ?? null
  }

  async function send(mediaId: string): Promise<boolean> {
    try {
      await queue.send({ type: 'transcode', mediaId })
      return true
    } catch (error) {
      onEvent({ type: 'queue_send_failed', mediaId, error })
      return false
    }
  }

  async function deleteObject(objectKey: string): Promise<void> {
    try {
      await bucket.delete(objectKey)
    } catch (error) {
      onEvent({ type: 'object_delete_failed', objectKey, error })
    }
  }

  const statuses = defineMediaStatus(cache, get)
  return {
    ...createMediaTransitions({ database, statuses, now }),
    get,

    async upload(creatorId, { filename, declaredType, sizeBytes, body, maxUploadBytes }) {
      const refusal = refuseSize(sizeBytes, maxUploadBytes)
      if (refusal !== null) return refusal
      const creator = await buckets.getBucket(creatorId)
      if (creator === null) return refuse('no_creator', 'Only creators can upload files.')

      const mediaId = crypto.randomUUID()
      const objectKey = `${creator.storagePrefix}/${mediaId}/original`
      const type = normalizeDeclaredType(declaredType)
      try {
        const stored = await storeExactly(bucket, objectKey, {
          body,
          sizeBytes,
          put: { customMetadata: { mediaId, declaredType: type } },
        })
        if (!stored.ok) {
          await deleteObject(objectKey)
          return stored.reason === 'size_mismatch'
            ? refuse('size_mismatch', 'The file is not as long as announced. Upload it again.')
            : refuse('upload_interrupted', 'The upload broke off. Upload the file again.')
        }
        const createdAt = new Date(now())
        const media = {
          id: mediaId,
          creatorId,
          filename: sanitizeFilename(filename),
          objectKey,
          declaredType: type,
          sizeBytes,
          createdAt,
          updatedAt: createdAt,
        }
        const [row] = await database.insert(mediaItems).values(media).returning()
        if (row === undefined) throw new Error('The database returned no row for an insert')
        return { ok: true, media: row, queued: await send(mediaId) }
      } catch (error) {
        await deleteObject(objectKey)
        throw error
      }
    },

    getStatus: (mediaId) => statuses.get(mediaId),

    listByCreator: (creatorId) =>
      database
        .select()
        .from(mediaItems)
        .where(eq(mediaItems.creatorId, creatorId))
        .orderBy(desc(mediaItems.createdAt), desc(mediaItems.id))
        .limit(maxListedItems),

    async open(mediaId, requestHeaders = new Headers()) {
      const media = await get(mediaId)
      if (media === null) return { ok: false, reason: 'not_found' }
      return openMedia(bucket, media, requestHeaders)
    },

    async retry(creatorId, mediaId) {
      const ownItem = and(eq(mediaItems.id, mediaId), eq(mediaItems.creatorId, creatorId))
      const [media] = await database
        .update(mediaItems)
        .set({
          status: 'uploaded',
          failureReason: null,
          externalJobId: null,
          updatedAt: new Date(now()),
        })
        .where(and(ownItem, inArray(mediaItems.status, ['uploaded', 'failed'])))
        .returning()
      if (media !== undefined) {
        await statuses.put(mediaId, summarizeStatus(media))
        return { ok: true, media, queued: await send(mediaId) }
      }
      const [other] = await database.select().from(mediaItems).where(ownItem)
      if (other === undefined) return { ok: false, reason: 'not_found' }
      return { ok: false, reason: other.status === 'ready' ? 'already_ready' : 'in_progress' }
    },

    requeueStuck: (olderThanMs, options) =>
      requeueStuck({ database, queue, now, olderThanMs }, options),
  }
}

function databaseBuckets(database: Database): NonNullable<MediaServiceOptions['buckets']> {
  return {
    async getBucket(creatorId) {
      const [creator] = await database
        .select({ storagePrefix: creators.storagePrefix })
        .from(creators)
        .where(eq(creators.userId, creatorId))
      return creator ?? null
    },
  }
}

function refuse(reason: UploadRefusal, message: string): UploadResult & { ok: false } {
  return { ok: false, reason, message }
}

function refuseSize(sizeBytes: number, maxUploadBytes: number): UploadResult | null {
  if (!Number.isSafeInteger(maxUploadBytes) || maxUploadBytes <= 0) {
    throw new RangeError(
      `Cannot upload media: maxUploadBytes must be a positive whole number, received ${maxUploadBytes}`,
    )
  }
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    return refuse('invalid_size', 'The size of the file was not announced. Upload it again.')
  }
  if (sizeBytes === 0) return refuse('empty_file', 'The file is empty.')
  if (sizeBytes > maxUploadBytes) {
    return refuse('too_large', `The file is larger than ${formatSize(maxUploadBytes)}.`)
  }
  return null
}

function formatSize(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2
  return mebibytes >= 1 ? `${Number(mebibytes.toFixed(1))} MiB` : `${bytes} bytes`
}

function logEvent(event: MediaEvent): void {
  const message = event.error instanceof Error ? event.error.message : String(event.error)
  console.error(JSON.stringify({ event: 'media', ...event, error: message }))
}
