import type { LimitSetting } from '../limiters/limiter-under-test.ts'

/** When a limiter admitted calls, by the time it counts by. */
export class Admissions {
  readonly #atMs: number[] = []
  readonly #setting: LimitSetting

  constructor(setting: LimitSetting) {
    this.#setting = setting
  }

  add(atMs: number): void {
    this.#atMs.push(atMs)
  }

  /** The most in a window that is aligned to the clock, divided by the limit. */
  get alignedRatio(): number {
    return this.#ratio(Math.max(0, ...this.#countWindows().values()))
  }

  /** The most in a window that begins anywhere, divided by the limit. Two calls a whole window apart are in no window together. */
  get trailingRatio(): number {
    const sorted = this.#atMs.toSorted((a, b) => a - b)
    let most = 0
    let first = 0
    for (const [index, atMs] of sorted.entries()) {
      while ((sorted[first] ?? atMs) <= atMs - this.#setting.windowMs) first++
      most = Math.max(most, index - first + 1)
    }
    return this.#ratio(most)
  }

  /** How much of the limit was given out, on average over these aligned windows and at most all of it in each. */
  utilisation(windows: readonly number[]): number {
    const counts = this.#countWindows()
    const { limit } = this.#setting
    const shares = windows.map((window) => Math.min(1, (counts.get(window) ?? 0) / limit))
    return shares.reduce((sum, share) => sum + share, 0) / shares.length
  }

  #countWindows(): Map<number, number> {
    return countByWindow(this.#atMs, this.#setting.windowMs)
  }

  /** To three decimals, and up: a single call over the limit is never rounded away. */
  #ratio(count: number): number {
    return Math.ceil((count * 1000) / this.#setting.limit) / 1000
  }
}

/** How many of these times lie in each window that is aligned to the clock. */
export function countByWindow(atMs: Iterable<number>, windowMs: number): Map<number, number> {
  const counts = new Map<number, number>()
  for (const time of atMs) {
    const window = Math.floor(time / windowMs)
    counts.set(window, (counts.get(window) ?? 0) + 1)
  }
  return counts
}
