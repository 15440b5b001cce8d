import { parseTranscodingMessage, type TranscodingMessage } from '@codex/core-services'
import { backoffSeconds } from './backoff.ts'
import type { ConsumerContext, Outcome } from './context.ts'
import { failMedia } from './fail-media.ts'
import { describeError, excerpt } from './log.ts'
import { pollJob } from './poll-job.ts'
import { processMedia } from './process-media.ts'

export type BatchOutcomes = Partial<Record<Outcome, number>>

/** Queues whose name starts so hold what was given up on: `transcoding-dead`, `transcoding-dead-staging`, … */
const deadLetterQueuePrefix = 'transcoding-dead'

const deadLetterReason =
  'Processing failed several times, and was given up. Your file is kept: try again in a while.'

/**
 * Decides about every message of a batch by itself: acknowledged, or asked for again after a delay that doubles
 * with each attempt. One that fails leaves the others alone.
 *
 * A message of the wrong shape can never succeed. It is acknowledged, with an error in the log that holds its id
 * and a bounded excerpt: the dead-letter queue would only bring it back here, with less to say about it.
 *
 * @returns how many messages ended how.
 */
export async function handleBatch(
  batch: Pick<MessageBatch, 'queue' | 'messages'>,
  context: ConsumerContext,
): Promise<BatchOutcomes> {
  const isDeadLetter = batch.queue.startsWith(deadLetterQueuePrefix)
  const outcomes = await Promise.all(
    batch.messages.map((message) => handleMessage(message, { ...context, isDeadLetter })),
  )
  const counts: BatchOutcomes = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

async function handleMessage(
  message: Pick<Message, 'id' | 'body' | 'attempts' | 'ack' | 'retry'>,
  context: ConsumerContext & { readonly isDeadLetter: boolean },
): Promise<Outcome> {
  const { settings, log, isDeadLetter } = context
  const { id: messageId, attempts } = message
  const parsed = parseTranscodingMessage(message.body)
  if (!parsed.ok) {
    const body = excerpt(message.body)
    log({ level: 'error', event: 'message_malformed', messageId, reason: parsed.reason, body })
    message.ack()
    return 'malformed'
  }
  try {
    const outcome = await (isDeadLetter ? giveUp : process)(parsed.message, context)
    message.ack()
    return outcome
  } catch (error) {
    const delaySeconds = backoffSeconds(attempts, {
      baseSeconds: settings.retryBaseSeconds,
      maxSeconds: settings.retryMaxSeconds,
    })
    const { mediaId } = parsed.message
    const cause = describeError(error)
    const event = 'message_retried'
    log({ level: 'warn', event, messageId, mediaId, attempts, delaySeconds, error: cause })
    message.retry({ delaySeconds })
    return 'retried'
  }
}

function process(message: TranscodingMessage, context: ConsumerContext): Promise<Outcome> {
  return message.type === 'transcode'
    ? processMedia(message.mediaId, context)
    : pollJob(message, context)
}

/**
 * Tells the creator of an item that its message was given up. An item that another message brought to an end, or
 * that an external job works on, is left alone: the job's own poll, or the sweep of stuck items, ends it.
 */
function giveUp(message: TranscodingMessage, context: ConsumerContext): Promise<Outcome> {
  const ifJobId = message.type === 'poll' ? message.jobId : null
  return failMedia(context, { mediaId: message.mediaId, reason: deadLetterReason, ifJobId })
}
