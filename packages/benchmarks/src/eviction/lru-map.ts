import type { Policy } from './policy.ts'

/** LRU in the order of a Map: a hit takes its entry out and puts it in again. */
export class LruMap implements Policy {
  readonly #maxEntries: number
  readonly #values = new Map<string, number>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#values.size
  }

  get(key: string): number | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  set(key: string, value: number): void {
    this.#values.delete(key)
    if (this.#values.size >= this.#maxEntries) {
      const { done, value: oldest } = this.#values.keys().next()
      if (!done) this.#values.delete(oldest)
    }
    this.#values.set(key, value)
  }
}
