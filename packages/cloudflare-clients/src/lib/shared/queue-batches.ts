import { CloudflareClientError } from './client-error.ts'

/**
 * Limits of Queues. A kilobyte is taken as 1,000 bytes, and 100 bytes are added for what a message carries besides.
 *
 * @see https://developers.cloudflare.com/queues/platform/limits/
 */
const maxBatchMessages = 100
const maxBatchBytes = 256_000
const maxMessageBytes = 128_000
const messageOverheadBytes = 100

export interface QueueMessage {
  readonly body: unknown
  readonly contentType: 'json'
}

/** What is needed of a queue: the producer's binding has it. */
export interface QueueProducer {
  sendBatch(messages: Iterable<{ body: unknown; contentType: 'json' }>): Promise<unknown>
}

/**
 * As few calls of `sendBatch` as the limits allow.
 *
 * @throws {CloudflareClientError} When a queue does not take one of them.
 */
export function toQueueBatches(bodies: Iterable<unknown>): QueueMessage[][] {
  const batches: QueueMessage[][] = []
  let batch: QueueMessage[] = []
  let batchBytes = Infinity
  for (const body of bodies) {
    const bytes = toMessageBytes(body)
    if (batch.length === maxBatchMessages || batchBytes + bytes > maxBatchBytes) {
      batches.push((batch = []))
      batchBytes = 0
    }
    batch.push({ body, contentType: 'json' })
    batchBytes += bytes
  }
  return batches
}

/**
 * How many bytes of a batch a message takes.
 *
 * @throws {CloudflareClientError} When a queue does not take it.
 */
export function toMessageBytes(body: unknown): number {
  // Its type says string, but it gives undefined for what has no JSON text.
  const text = JSON.stringify(body) as string | undefined
  const bytes =
    text === undefined ? Infinity : new TextEncoder().encode(text).length + messageOverheadBytes
  if (bytes <= maxMessageBytes) return bytes
  throw new CloudflareClientError(
    text === undefined
      ? 'Cannot write to a queue: a message must be plain JSON'
      : `Cannot write to a queue: a message must be at most ${maxMessageBytes} bytes with its metadata, received ${bytes}`,
    {
      code: text === undefined ? 'invalid_request' : 'message_too_large',
      operation: 'write',
      retryable: false,
    },
  )
}
