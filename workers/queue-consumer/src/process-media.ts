import type { MediaItemRow } from '@codex/database'
import type { ConsumerContext, Outcome } from './context.ts'
import { failMedia } from './fail-media.ts'
import { readImageDimensions, type ImageDimensions } from './image-dimensions.ts'
import { inspectBytes } from './inspect-bytes.ts'
import { describeError } from './log.ts'
import { buildManifest, manifestKey, storageFolder } from './manifest.ts'
import { judgeMediaType } from './media-type.ts'
import { sendPoll } from './poll-job.ts'
import { TranscoderError, type Transcoder, type TranscodingJob } from './transcoder.ts'

interface Inspection {
  readonly sha256: string
  readonly type: string
  readonly dimensions: ImageDimensions | null
}

/**
 * Processes one item from its stored bytes.
 *
 * Delivered again, or twice at once, it comes to the same end: the manifest depends only on the row and the bytes,
 * every status step is conditional, and what is settled is left alone.
 *
 * @throws what R2, D1, the queue or the transcoder rejected with when another attempt may go better.
 */
export async function processMedia(mediaId: string, context: ConsumerContext): Promise<Outcome> {
  const { media, transcoder, log } = context
  const item = await media.get(mediaId)
  if (item === null) {
    log({ level: 'warn', event: 'media_unknown', mediaId })
    return 'skipped'
  }
  if (item.status === 'ready' || item.status === 'failed') return 'skipped'
  if (item.externalJobId !== null) {
    // The job was stored and this message not acknowledged: it may be the poll that was not sent.
    const submittedAtMs = item.updatedAt.getTime()
    await sendPoll({ mediaId, jobId: item.externalJobId, submittedAtMs, pollCount: 0 }, context)
    return 'waiting'
  }
  if ((await media.markProcessing(mediaId)) === null) return 'skipped'

  const inspection = await inspectItem(item, context)
  if ('reason' in inspection) {
    return failMedia(context, { mediaId, reason: inspection.reason, ifJobId: null })
  }
  return transcoder !== null && /^(?:audio|video)\//.test(inspection.type)
    ? submitJob(item, inspection, { ...context, transcoder })
    : finish(item, inspection, context)
}

async function inspectItem(
  item: MediaItemRow,
  { bucket, settings }: ConsumerContext,
): Promise<Inspection | { readonly reason: string }> {
  const object = await bucket.get(item.objectKey)
  if (object === null) return { reason: 'The uploaded file is missing. Upload it again.' }
  const { sha256, sizeBytes, prefix, isText } = await inspectBytes(
    object.body as ReadableStream<Uint8Array>,
    settings,
  )
  if (sizeBytes === 0) return { reason: 'The file is empty.' }
  if (sizeBytes !== item.sizeBytes) {
    return {
      reason: `The stored file has ${sizeBytes} bytes instead of ${item.sizeBytes}. Upload it again.`,
    }
  }
  const verdict = await judgeMediaType({ prefix, isText, declaredType: item.declaredType })
  if (!verdict.ok) return { reason: verdict.reason }
  const { type } = verdict
  if (!type.startsWith('image/')) return { sha256, type, dimensions: null }

  const dimensions = readImageDimensions(prefix)
  // A photograph may carry so many profiles and thumbnails that its dimensions come after the prefix.
  if (dimensions === null && sizeBytes <= prefix.byteLength) {
    return { reason: 'The image is damaged: its dimensions cannot be read.' }
  }
  return { sha256, type, dimensions }
}

async function finish(
  item: MediaItemRow,
  { sha256, type, dimensions }: Inspection,
  { media, bucket }: ConsumerContext,
): Promise<Outcome> {
  const key = manifestKey(item)
  // Before the status: whoever sees `ready` finds the manifest.
  await bucket.put(key, JSON.stringify(buildManifest(item, { sha256, type, dimensions })), {
    httpMetadata: { contentType: 'application/json' },
  })
  const result = {
    detectedType: type,
    sha256,
    widthPx: dimensions?.widthPx ?? null,
    heightPx: dimensions?.heightPx ?? null,
    manifestKey: key,
  }
  const moved = await media.markReady(item.id, result, { ifJobId: null })
  return moved === null ? 'skipped' : 'ready'
}

async function submitJob(
  item: MediaItemRow,
  { sha256, type }: Inspection,
  context: ConsumerContext & { readonly transcoder: Transcoder },
): Promise<Outcome> {
  const { media, transcoder, log, now } = context
  const mediaId = item.id
  const job: TranscodingJob = {
    mediaId,
    sourceKey: item.objectKey,
    // A folder per submission, so that two jobs for one item never write over each other.
    outputPrefix: `${storageFolder(item)}/renditions/${crypto.randomUUID()}/`,
    type,
    sizeBytes: item.sizeBytes,
    sha256,
  }
  let jobId: string
  try {
    jobId = (await transcoder.submit(job)).jobId
  } catch (error) {
    if (!(error instanceof TranscoderError) || error.retryable) throw error
    log({ level: 'error', event: 'transcoder_refused', mediaId, error: describeError(error) })
    const reason = `The transcoding service did not accept the file${httpNote(error)}.`
    return failMedia(context, { mediaId, reason, ifJobId: null })
  }
  const submittedAtMs = now()
  if ((await media.attachJob(mediaId, { jobId, detectedType: type, sha256 })) === null) {
    // Another delivery of this message was faster, and its job is the one that counts.
    await transcoder.cancel(jobId).catch((error: unknown) => {
      log({ level: 'warn', event: 'job_not_cancelled', mediaId, error: describeError(error) })
    })
    return 'skipped'
  }
  await sendPoll({ mediaId, jobId, submittedAtMs, pollCount: 0 }, context)
  return 'waiting'
}

function httpNote({ httpStatus }: TranscoderError): string {
  return httpStatus === undefined ? '' : ` (HTTP ${httpStatus})`
}
