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

/**
 * The values that an isolate keeps in memory, bounded by entries and bytes.
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
 * @see https://developers.cloudflare.com/workers/platform/limits/#memory
 */
export class MemoryTier<V> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #small = new Map<string, Node<V>>()
  readonly #main = new Map<string, Node<V>>()
  /** Keys that left the small queue lately. */
  readonly #ghost = new Set<string>()
  #bytes = 0

  /** @throws {RangeError} When a bound is not a number from 1 to 1,000,000,000. */
  constructor({ maxEntries = 5000, maxBytes = 16_777_216 }: MemoryTierOptions = {}) {
    for (const [name, bound] of Object.entries({ maxEntries, maxBytes })) {
      checkNumber(`create memory tier: ${name}`, bound, { min: 1, max: 1e9 })
    }
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#small.size + this.#main.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): V | undefined {
    const node = this.#find(key)
    if (node === undefined) return undefined
    if (node.uses < maxUses) node.uses++
    return node.value
  }

  /**
   * Keeps a value, or forgets the key where the value is too large to be kept.
   *
   * @param bytes What the value counts for, from 0.
   */
  set(key: string, value: V, bytes: number): void {
    if (!(bytes <= this.#maxBytes * maxShareOfBytes)) {
      this.delete(key)
      return
    }
    const node = this.#find(key)
    if (node) {
      this.#bytes += bytes - node.bytes
      node.value = value
      node.bytes = bytes
      this.#makeRoom(0, 0)
      return
    }
    // Before it comes in, so that it is not the first to go.
    this.#makeRoom(1, bytes)
    this.#bytes += bytes
    const queue = this.#ghost.delete(key) ? this.#main : this.#small
    queue.set(key, { value, bytes, uses: 0 })
  }

  delete(key: string): void {
    this.#bytes -= this.#find(key)?.bytes ?? 0
    this.#small.delete(key)
    this.#main.delete(key)
  }

  #find(key: string): Node<V> | undefined {
    return this.#main.get(key) ?? this.#small.get(key)
  }

  #makeRoom(entries: number, bytes: number): void {
    while (this.size + entries > this.#maxEntries || this.#bytes + bytes > this.#maxBytes) {
      const isNewcomer = this.#main.size === 0 || this.#small.size > this.size * newcomers
      // From the oldest on, until one has to go. What is put in again comes round at the end.
      const queue = isNewcomer ? this.#small : this.#main
      for (const [key, node] of queue) {
        queue.delete(key)
        if (node.uses > 0) {
          node.uses = isNewcomer ? 0 : node.uses - 1
          this.#main.set(key, node)
          continue
        }
        this.#bytes -= node.bytes
        if (isNewcomer) this.#ghost.add(key)
        break
      }
      for (const key of this.#ghost) {
        if (this.#ghost.size <= this.size) break
        this.#ghost.delete(key)
      }
    }
  }
}
