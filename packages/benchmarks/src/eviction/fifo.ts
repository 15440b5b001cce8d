import type { Policy } from './policy.ts'

/** Evicts what came first. The floor of every comparison. */
export class Fifo implements Policy {
  readonly #maxEntries: number
  readonly #values = new Map<string, number>()
  #oldest = this.#values.keys()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#values.size
  }

  get(key: string): number | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: number): void {
    while (!this.#values.has(key) && this.#values.size >= this.#maxEntries) {
      const { done, value: oldest } = this.#oldest.next()
      if (done) this.#oldest = this.#values.keys()
      else this.#values.delete(oldest)
    }
    this.#values.set(key, value)
  }
}
