import { checkNumber } from '../shared/check-number.ts'

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
  visited: boolean
}

/** The largest share of `maxBytes` that one value may take: it would push out too much for one key's sake. */
const maxShareOfBytes = 1 / 8

/**
 * The values that an isolate keeps in memory, bounded by entries and bytes.
 *
 * **Eviction** is SIEVE: a hit marks its entry and moves nothing, so it costs one `Map` lookup. When there is no room, a
 * hand walks from old to new, takes the marks off and evicts the first entry without one. Why not another policy:
 * docs/decisions/004-memory-eviction.md.
 *
 * **Guarantee.** `size` never exceeds `maxEntries` and `bytes` never exceeds `maxBytes`. Anything may be gone at any
 * time, with the isolate at the latest. It knows no expiry: what is too old is for its owner to say.
 *
 * @see https://developers.cloudflare.com/workers/platform/limits/#memory
 */
export class MemoryTier<V> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  /** In the order they came. */
  readonly #nodes = new Map<string, Node<V>>()
  /** The hand. An iterator of a Map stands still between calls, and passes over what was deleted meanwhile. */
  #hand: MapIterator<[string, Node<V>]> | undefined
  #deletes = 0
  #bytes = 0

  /** @throws {RangeError} When a bound is not a number from 1 to 1,000,000,000. */
  constructor({ maxEntries = 5000, maxBytes = 16_777_216 }: MemoryTierOptions = {}) {
    this.#maxEntries = checkNumber('create memory tier: maxEntries', maxEntries, {
      min: 1,
      max: 1e9,
    })
    this.#maxBytes = checkNumber('create memory tier: maxBytes', maxBytes, { min: 1, max: 1e9 })
  }

  get size(): number {
    return this.#nodes.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    node.visited = true
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
    const known = this.#nodes.get(key)
    if (known) {
      this.#bytes += bytes - known.bytes
      known.value = value
      known.bytes = bytes
      this.#makeRoom(0, 0)
    } else {
      // Before it comes in: the newcomer has no mark yet and would be the first to go.
      this.#makeRoom(1, bytes)
      this.#bytes += bytes
      this.#nodes.set(key, { value, bytes, visited: false })
    }
  }

  delete(key: string): void {
    this.#remove(key)
    // A hand that stands still keeps alive every table that the Map has outgrown since, so it starts over at times.
    if (++this.#deletes > this.#maxEntries) {
      this.#hand = undefined
      this.#deletes = 0
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#nodes.get(key)?.bytes ?? 0
    this.#nodes.delete(key)
  }

  #makeRoom(entries: number, bytes: number): void {
    while (this.#nodes.size + entries > this.#maxEntries || this.#bytes + bytes > this.#maxBytes) {
      const next = this.#hand?.next()
      if (!next || next.done) this.#hand = this.#nodes.entries()
      else if (next.value[1].visited) next.value[1].visited = false
      else this.#remove(next.value[0])
    }
  }
}
