import type { LimitRule } from '../../src/lib/rate-limiter/rate-limit-backend.ts'

export interface Violation {
  readonly atMs: number
  readonly admitted: number
  readonly bound: number
}

interface LimitInForce {
  readonly fromMs: number
  readonly limit: number
}

/** Sums of fractions are not exact. */
const roundingError = 1e-6

/**
 * Counts what was truly admitted, at the time it was, and holds it against what the rule's algorithm promises. It knows
 * nothing of how an authority counts.
 *
 * A verdict of the authority is admitted when it is taken, a token of a lease when it is spent. What is refunded was never
 * admitted. A reset lets the count start again. After a lowered limit the higher one still bounds what may be counted beside
 * it: two windows.
 */
export class LimitOracle {
  violation: Violation | undefined
  admittedCost = 0
  readonly #rule: LimitRule
  readonly #times: number[] = []
  readonly #costs: number[] = []
  /** For a token bucket: what was in use after each admission. */
  readonly #levels: number[] = []
  #limits: LimitInForce[]
  /** The first admission since the last reset. */
  #first = 0
  /** The first admission that the count still holds. */
  #head = 0
  #window = -1
  #current = 0
  #previous = 0

  constructor(rule: LimitRule) {
    this.#rule = rule
    this.#limits = [{ fromMs: -Infinity, limit: rule.limit }]
  }

  /** @returns What names the admission to {@link refund}. */
  admit(cost: number, atMs: number): number {
    const admission = this.#times.push(atMs) - 1
    this.#costs.push(cost)
    this.admittedCost += cost
    const limit = this.#limitAt(atMs)
    const admitted = this.#count(admission, limit)
    const bound = this.#rule.algorithm === 'token-bucket' ? this.#burst(limit) : limit
    if (admitted > bound + roundingError) this.violation ??= { atMs, admitted, bound }
    return admission
  }

  refund(admission: number, cost: number): void {
    this.admittedCost -= cost
    this.#costs[admission] = (this.#costs[admission] ?? 0) - cost
    if (admission < this.#first) return
    const { algorithm, windowMs } = this.#rule
    switch (algorithm) {
      case 'strict-sliding-window':
        if (admission >= this.#head) this.#current -= cost
        break
      case 'token-bucket':
        for (let at = admission; at < this.#times.length; at++) this.#countInBucket(at)
        break
      case 'fixed-window':
      case 'sliding-window': {
        const age = this.#window - Math.floor((this.#times[admission] ?? 0) / windowMs)
        if (age === 0) this.#current -= cost
        if (age === 1) this.#previous -= cost
      }
    }
  }

  reset(): void {
    this.#first = this.#head = this.#times.length
    this.#current = this.#previous = 0
  }

  setLimit(limit: number, atMs: number): void {
    this.#limits.push({ fromMs: atMs, limit })
  }

  #count(admission: number, limit: number): number {
    const { algorithm, windowMs } = this.#rule
    const atMs = this.#times[admission] ?? 0
    const cost = this.#costs[admission] ?? 0
    if (algorithm === 'token-bucket') return this.#countInBucket(admission, limit)
    if (algorithm === 'strict-sliding-window') {
      this.#current += cost
      while ((this.#times[this.#head] ?? Infinity) <= atMs - windowMs) {
        this.#current -= this.#costs[this.#head++] ?? 0
      }
      return this.#current
    }
    const window = Math.floor(atMs / windowMs)
    if (window !== this.#window) {
      this.#previous = window === this.#window + 1 ? this.#current : 0
      this.#current = 0
      this.#window = window
    }
    this.#current += cost
    if (algorithm === 'fixed-window') return this.#current
    return this.#current + (this.#previous * ((window + 1) * windowMs - atMs)) / windowMs
  }

  /** At most `burst + d × rate` in any interval is the same as this: a bucket that leaks at the rate never overflows. */
  #countInBucket(admission: number, limit = this.#limitAt(this.#times[admission] ?? 0)): number {
    const isFirst = admission === this.#first
    const previous = isFirst ? 0 : (this.#levels[admission - 1] ?? 0)
    const atMs = this.#times[admission] ?? 0
    const elapsedMs = isFirst ? 0 : atMs - (this.#times[admission - 1] ?? 0)
    const leaked = (elapsedMs * limit) / this.#rule.windowMs
    const level =
      Math.max(0, Math.min(previous, this.#burst(limit)) - leaked) + (this.#costs[admission] ?? 0)
    this.#levels[admission] = level
    return level
  }

  /** An override changes the burst as much as the limit. */
  #burst(limit: number): number {
    return Math.max(1, Math.floor((this.#rule.burst * limit) / this.#rule.limit))
  }

  /** The highest limit of those in force in the last two windows. */
  #limitAt(atMs: number): number {
    const limits = this.#limits
    if (limits.length === 1) return limits[0]?.limit ?? 0
    const sinceMs = atMs - 2 * this.#rule.windowMs
    let highest = 0
    for (let at = limits.length - 1; at >= 0; at--) {
      const { fromMs, limit } = limits[at] ?? { fromMs: 0, limit: 0 }
      highest = Math.max(highest, limit)
      if (fromMs <= sinceMs) break
    }
    return highest
  }
}
