import { type QueueProducer, toQueueBatches } from '../shared/queue-batches.ts'
import type { WriteBehindEntry } from './write-behind.ts'

/**
 * The `save` of a write-behind that sends each value to a queue, whose consumer saves it.
 *
 * **When to use it.** When saving is slow or may be down for longer than a Worker waits: the loss window ends when the queue
 * has the message. A queue delivers at least once and in no order, so the message must carry what the consumer needs to
 * keep an older value from replacing a newer one, such as the time of the change.
 *
 * **Cost.** A message of up to 64 KB is three billed operations (write, read, delete). As few calls as the limits allow: 100 messages and 256 KB each.
 *
 * A message of more than 128 KB fails its call before anything of it is sent, with code `message_too_large` and `retryable: false`, so that a
 * write-behind gives up that entry alone. When a later call of several fails, what the earlier ones sent is sent again.
 *
 * @param queue The producer's binding.
 * @param toMessage Makes the message's body, which is sent as JSON.
 * @throws {TypeError} When the queue is missing.
 *
 * @example
 * ```ts
 * import { createWriteBehind, saveToQueue } from '@codex/cloudflare-clients/cache'
 *
 * declare const positionJobs: Queue
 * declare const positions: { put(userId: string, seconds: number): Promise<void> }
 *
 * const behind = createWriteBehind(positions, {
 *   save: saveToQueue(positionJobs, ({ id, value }) => ({
 *     userId: id,
 *     seconds: value,
 *     savedAtMs: Date.now(),
 *   })),
 * })
 * await behind.put('user-1', 62)
 * ```
 */
export function saveToQueue<Id, T>(
  queue: QueueProducer,
  toMessage: (entry: WriteBehindEntry<Id, T>) => unknown,
): (entries: readonly WriteBehindEntry<Id, T>[]) => Promise<void> {
  // A missing binding is undefined at run time, whatever its generated type says.
  if (!(queue as unknown)) {
    throw new TypeError(
      `Cannot save to a queue: queue must be a Queue, received ${typeof queue} (is the binding in the Worker's configuration?)`,
    )
  }
  return async (entries) => {
    const batches = toQueueBatches(entries.map(toMessage))
    for (const messages of batches) await queue.sendBatch(messages)
  }
}
