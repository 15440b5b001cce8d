/** A double holds epoch milliseconds to about a quarter of this. */
const stepMs = 0.001

/**
 * Gives every load, write and invalidation of an isolate a time of its own, in epoch ms.
 *
 * The clock of a Worker stands still between I/O, so a load and the invalidation that must fence it may fall into the
 * same millisecond. Stamps only grow, also past those seen in entries that other isolates wrote.
 */
export class StampClock {
  readonly #now: () => number
  #last = 0

  constructor(now: () => number) {
    this.#now = now
  }

  next(): number {
    this.#last = Math.max(this.#now(), this.#last + stepMs)
    return this.#last
  }

  observe(stampMs: number): void {
    this.#last = Math.max(this.#last, stampMs)
  }
}
