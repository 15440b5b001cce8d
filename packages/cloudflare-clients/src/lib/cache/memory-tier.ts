import { checkNumber } from '../shared/check-number.ts'
import { maxShareOfBytes, maxUses, newcomers } from './cache-limits.ts'

export interface MemoryTierOptions {
  /** Entries kept at most, from 1 to 1,000,000,000. Default 5,000. */
  readonly maxEntries?: number
  /**
   * Bytes kept at most, as the callers of `set` count them, from 1 to 1,000,000,000. An isolate has 128 MB for everything. A value of
   * more than an eighth of it is not kept. Default 16 MiB.
   */
  readonly maxBytes?: number
}

interface Node<V> {
  value: V
  bytes: number
  /** Reads since it came or was last passed over, 3 at most. */
  uses: number
}

export interface MemoryTier<V> {
  size(): number
  bytes(): number
  get(key: string): V | undefined
  /**
   * Keeps a value, or forgets the key where the value is too large to be kept.
   *
   * @param bytes What the value counts for, from 0.
   */
  set(key: string, value: V, bytes: number): void
  delete(key: string): void
}

/**
 * Makes what keeps an isolate's values in memory, bounded by entries and bytes.
 *
 * **Eviction** is S3-FIFO: a hit counts a use and moves nothing. Newcomers wait in a small queue, and leave from its end
 * unless they were read; those that were move to the main queue, where each use buys another round. A key that left and comes back
 * soon goes to the main queue at once. So keys that are read once push out no others, and what is no longer popular leaves. Why not
 * another policy: docs/decisions/004-memory-eviction.md.
 *
 * **Guarantee.** `size` never exceeds `maxEntries` and `bytes` never exceeds `maxBytes`. Anything may be gone at any
 * time, with the isolate at the latest. It knows no expiry: what is too old is for its owner to say. Besides, it remembers as many keys
 * without a value as it has entries.
 *
 * It is a closure and not a class for its weight: what is named in a closure costs a byte for each use.
 *
 * @throws {RangeError} When a bound is not a number from 1 to 1,000,000,000.
 * @see https://developers.cloudflare.com/workers/platform/limits/#memory
 */
export function createMemoryTier<V>({
  maxEntries = 5000,
  maxBytes = 16_777_216,
}: MemoryTierOptions = {}): MemoryTier<V> {
  checkNumber('create memory tier: maxEntries', maxEntries, { min: 1, max: 1e9 })
  checkNumber('create memory tier: maxBytes', maxBytes, { min: 1, max: 1e9 })
  const small = new Map<string, Node<V>>()
  const main = new Map<string, Node<V>>()
  /** Keys that left the small queue lately. */
  const ghost = new Set<string>()
  let heldBytes = 0

  const size = (): number => small.size + main.size

  const find = (key: string): Node<V> | undefined => main.get(key) ?? small.get(key)

  const remove = (key: string): void => {
    heldBytes -= find(key)?.bytes ?? 0
    small.delete(key)
    main.delete(key)
  }

  const makeRoom = (entries: number, bytes: number): void => {
    while (size() + entries > maxEntries || heldBytes + bytes > maxBytes) {
      const isNewcomer = main.size === 0 || small.size > size() * newcomers
      // From the oldest on, until one has to go. What is put in again comes round at the end.
      const queue = isNewcomer ? small : main
      for (const [key, node] of queue) {
        queue.delete(key)
        if (node.uses === 0) {
          heldBytes -= node.bytes
          if (isNewcomer) ghost.add(key)
          break
        }
        node.uses = isNewcomer ? 0 : node.uses - 1
        main.set(key, node)
      }
      for (const key of ghost) {
        if (ghost.size <= size()) break
        ghost.delete(key)
      }
    }
  }

  return {
    size,
    bytes: () => heldBytes,
    delete: remove,

    get(key) {
      const node = find(key)
      if (node && node.uses < maxUses) node.uses++
      return node?.value
    },

    set(key, value, bytes) {
      if (!(bytes <= maxBytes * maxShareOfBytes)) {
        remove(key)
        return
      }
      const node = find(key)
      if (node) {
        heldBytes += bytes - node.bytes
        node.value = value
        node.bytes = bytes
        makeRoom(0, 0)
        return
      }
      // Before it comes in, so that it is not the first to go.
      makeRoom(1, bytes)
      heldBytes += bytes
      const queue = ghost.delete(key) ? main : small
      queue.set(key, { value, bytes, uses: 0 })
    },
  }
}
