import { CloudflareClientError } from '../shared/client-error.ts'
import { type QueueProducer, toMessageBytes, toQueueBatches } from '../shared/queue-batches.ts'
import type { ExposureSink, ReportedExposure } from './reported-exposure.ts'

/** What a queue bills as one operation; a message of up to this size is written, read and deleted for three. */
const billedUnitBytes = 64_000

/** The body of a message. */
export interface ExposureMessage {
  readonly exposures: readonly ReportedExposure[]
}

/**
 * A sink that sends exposures to a queue, as messages `{ exposures: [...] }` in JSON.
 *
 * As many exposures share a message as fit into the 64 KB that a queue bills as one operation, so that a tick costs three operations and
 * one call where it has a few hundred exposures at most. Otherwise calls have at most 100 messages and 256 KB. One exposure of more than 128 KB is not sent,
 * which is reported. A queue delivers at least once: a consumer that counts keeps `user`, `flag`, `variant` and `flagVersion` apart.
 *
 * @param queue The producer's binding.
 * @throws {TypeError} When the queue is missing.
 *
 * @example
 * ```ts
 * import { createExposureReporter, toQueue } from '@codex/cloudflare-clients/feature-flags'
 *
 * declare const exposures: Queue
 *
 * const onEvaluation = createExposureReporter({ to: toQueue(exposures) })
 * ```
 */
export function toQueue(queue: QueueProducer): ExposureSink {
  // A missing binding is undefined at run time, whatever its generated type says.
  if (!(queue as unknown)) {
    throw new TypeError(
      `Cannot report exposures: queue must be a Queue, received ${typeof queue} (is the binding in the Worker's configuration?)`,
    )
  }
  return async (exposures) => {
    const { messages, tooLarge } = toMessages(exposures)
    for (const batch of toQueueBatches(messages)) await queue.sendBatch(batch)
    if (tooLarge === 0) return
    throw new CloudflareClientError(
      `Cannot write ${tooLarge} of ${exposures.length} exposures: each is larger than a message of a queue`,
      { code: 'message_too_large', operation: 'write', retryable: false },
    )
  }
}

function toMessages(exposures: readonly ReportedExposure[]): {
  messages: ExposureMessage[]
  tooLarge: number
} {
  const messages: ExposureMessage[] = []
  const emptyBytes = toMessageBytes({ exposures: [] })
  let tooLarge = 0
  let current: ReportedExposure[] = []
  let currentBytes = Infinity
  for (const exposure of exposures) {
    let bytes
    try {
      bytes = toMessageBytes({ exposures: [exposure] }) - emptyBytes + 1
    } catch {
      tooLarge++
      continue
    }
    if (currentBytes + bytes > billedUnitBytes) {
      messages.push({ exposures: (current = []) })
      currentBytes = emptyBytes
    }
    current.push(exposure)
    currentBytes += bytes
  }
  return { messages, tooLarge }
}
