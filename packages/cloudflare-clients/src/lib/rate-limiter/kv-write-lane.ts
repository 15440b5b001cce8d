import { slotCount } from './kv-count.ts'

/** How long what was admitted may wait to be written. Reads are 30 s late anyway. */
export const writeIntervalMs = 10_000
/** KV takes one write per key and second: two lanes of a slot are this far apart. */
const phaseMs = 2000
const laneCount = (slotCount * writeIntervalMs) / phaseMs

/**
 * Where, and at which moments of each interval, a count is written: a slot and a phase of the clock. Isolates that share a slot
 * then still do not write it within the same second, unless chance gave them the same lane.
 */
export class KVWriteLane {
  #lane: number
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
    this.#lane = this.#draw()
  }

  get slot(): number {
    return this.#lane % slotCount
  }

  /** Takes another lane, because somebody else writes in this one. */
  leave(): void {
    this.#lane = this.#draw()
  }

  /** The lane's next moment from then on, in epoch ms. */
  next(fromMs: number): number {
    const phase = Math.floor(this.#lane / slotCount) * phaseMs
    return Math.ceil((fromMs - phase) / writeIntervalMs) * writeIntervalMs + phase
  }

  #draw(): number {
    return Math.floor(this.#random() * laneCount)
  }
}
