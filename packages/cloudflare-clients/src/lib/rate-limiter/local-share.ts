import type { BackendCheck, BackendResult } from './rate-limit-backend.ts'

interface Share {
  readonly endsAtMs: number
  used: number
}

const maxKeys = 10_000

/**
 * What an isolate admits by itself while the backend is away: its share of the limit in each window of the clock. Over all
 * isolates this stays near the limit, and nobody can say how near.
 */
export class LocalShare {
  readonly #now: () => number
  readonly #shares = new Map<string, Share>()

  constructor(now: () => number) {
    this.#now = now
  }

  check({ key, cost, rule }: BackendCheck, share: number): BackendResult {
    const nowMs = this.#now()
    const endsAtMs = (Math.floor(nowMs / rule.windowMs) + 1) * rule.windowMs
    let held = this.#shares.get(key)
    if (held?.endsAtMs !== endsAtMs) {
      held = { endsAtMs, used: 0 }
      this.#shares.delete(key)
      this.#shares.set(key, held)
      const [oldest] = this.#shares.keys()
      if (this.#shares.size > maxKeys && oldest !== undefined) this.#shares.delete(oldest)
    }
    const allowed = held.used + cost <= share
    if (allowed) held.used += cost
    return {
      allowed,
      exact: false,
      reason: 'unavailable',
      ...(!allowed && { retryAfterMs: endsAtMs - nowMs }),
    }
  }
}
