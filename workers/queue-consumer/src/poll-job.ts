import type { TranscodingMessage } from '@codex/core-services'
import type { MediaItemRow } from '@codex/database'
import * as v from 'valibot'
import { backoffSeconds } from './backoff.ts'
import type { ConsumerContext, Outcome } from './context.ts'
import { failMedia } from './fail-media.ts'
import { describeError, excerpt } from './log.ts'
import { buildManifest, manifestKey, storageFolder, type Rendition } from './manifest.ts'
import { TranscoderError, type Transcoder, type TranscodingJobStatus } from './transcoder.ts'

type PollMessage = Omit<Extract<TranscodingMessage, { type: 'poll' }>, 'type'>

const OutputSchema = v.object({
  renditions: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.regex(/^(?!original$)[\w-]{1,40}$/)),
        type: v.pipe(v.string(), v.regex(/^[\w.+-]+\/[\w.+-]+$/), v.maxLength(100)),
        key: v.pipe(v.string(), v.maxLength(500)),
      }),
    ),
    v.minLength(1),
    v.maxLength(20),
  ),
})

const failureReasons = {
  failed: 'The transcoder could not process this file. Check that it plays, then try again.',
  lost: 'The transcoding service no longer knows this job. Try again.',
  output: 'The transcoder finished without usable results. Try again.',
  age: 'Transcoding took too long and was stopped. Try again.',
  off: 'Transcoding was switched off while this file was being processed. Try again.',
}

/** Asks for a job to be looked at, later and later the more often it has been. */
export async function sendPoll(
  message: PollMessage,
  { queue, settings }: Pick<ConsumerContext, 'queue' | 'settings'>,
): Promise<void> {
  const delaySeconds = backoffSeconds(message.pollCount + 1, {
    baseSeconds: settings.pollBaseSeconds,
    maxSeconds: settings.pollMaxSeconds,
  })
  await queue.send({ type: 'poll', ...message }, { delaySeconds })
}

/**
 * Looks at an external job once: finishes its item, fails it, or asks again later.
 *
 * A transcoder that cannot be reached counts as a job that still runs, within the job's total age, so that an
 * outage of it does not use up the message's attempts.
 *
 * @throws what R2, D1 or the queue rejected with.
 */
export async function pollJob(message: PollMessage, context: ConsumerContext): Promise<Outcome> {
  const { media, transcoder, settings, now, log } = context
  const { mediaId, jobId, submittedAtMs, pollCount } = message
  const item = await media.get(mediaId)
  if (item?.status !== 'processing' || item.externalJobId !== jobId) return 'skipped'
  const fail = (reason: keyof typeof failureReasons) =>
    failMedia(context, { mediaId, reason: failureReasons[reason], ifJobId: jobId })
  if (transcoder === null) return fail('off')

  const status = await askStatus(message, { transcoder, log })
  switch (status.state) {
    case 'lost':
      return fail('lost')
    case 'failed':
      log({ level: 'error', event: 'job_failed', mediaId, jobId, detail: status.detail })
      return fail('failed')
    case 'completed':
      if (await finishJob(item, jobId, { ...context, output: status.output })) return 'ready'
      log({ level: 'error', event: 'job_output', mediaId, jobId, output: excerpt(status.output) })
      return fail('output')
    case 'running':
      if (now() - submittedAtMs < settings.maxJobAgeMs) {
        await sendPoll({ ...message, pollCount: pollCount + 1 }, context)
        return 'waiting'
      }
      await transcoder.cancel(jobId).catch((error: unknown) => {
        log({ level: 'warn', event: 'job_not_cancelled', mediaId, error: describeError(error) })
      })
      return fail('age')
  }
}

async function askStatus(
  { mediaId, jobId }: PollMessage,
  { transcoder, log }: Pick<ConsumerContext, 'log'> & { readonly transcoder: Transcoder },
): Promise<TranscodingJobStatus | { readonly state: 'lost' }> {
  try {
    return await transcoder.status(jobId)
  } catch (error) {
    if (!(error instanceof TranscoderError)) throw error
    log({ level: 'warn', event: 'job_status', mediaId, jobId, error: describeError(error) })
    return error.retryable ? { state: 'running' } : { state: 'lost' }
  }
}

/** @returns `false` when what the transcoder handed back is not what it says, or is not there. */
async function finishJob(
  item: MediaItemRow,
  jobId: string,
  { media, bucket, output }: ConsumerContext & { readonly output: unknown },
): Promise<boolean> {
  const { sha256, detectedType: type } = item
  const parsed = v.safeParse(OutputSchema, output)
  if (!parsed.success || sha256 === null || type === null) return false
  const folder = `${storageFolder(item)}/renditions/`
  const names = new Set<string>()
  const transcoded: Rendition[] = []
  for (const rendition of parsed.output.renditions) {
    if (!rendition.key.startsWith(folder) || names.has(rendition.name)) return false
    names.add(rendition.name)
    const stored = await bucket.head(rendition.key)
    if (stored === null) return false
    transcoded.push({ ...rendition, sizeBytes: stored.size })
  }
  const key = manifestKey(item)
  const manifest = buildManifest(item, { sha256, type, dimensions: null, transcoded })
  await bucket.put(key, JSON.stringify(manifest), {
    httpMetadata: { contentType: 'application/json' },
  })
  const result = { detectedType: type, sha256, widthPx: null, heightPx: null, manifestKey: key }
  // `null`: a second chain of polls finished the same job, with the same manifest.
  await media.markReady(item.id, result, { ifJobId: jobId })
  return true
}
