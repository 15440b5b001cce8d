import type { BackendCheck, BackendResult } from './rate-limit-backend.ts'

interface Share {
  readonly endsAtMs: number
  used: number
}

const maxKeys = 10_000

/** Decides a call by what this isolate has admitted of its share. */
export type LocalShare = (
  check: BackendCheck,
  share: number,
) => Pick<BackendResult, 'allowed' | 'retryAfterMs'>

/**
 * What an isolate admits by itself while the backend is away: its share of the limit in each window of the clock. Over all
 * isolates this stays near the limit, and nobody can say how near.
 */
export function createLocalShare(now: () => number): LocalShare {
  const shares = new Map<string, Share>()
  return ({ key, cost, rule }, share) => {
    const nowMs = now()
    const endsAtMs = (Math.floor(nowMs / rule.windowMs) + 1) * rule.windowMs
    let held = shares.get(key)
    if (held?.endsAtMs !== endsAtMs) {
      // An isolate that meets so many keys in an outage starts again, rather than fill its memory.
      if (shares.size >= maxKeys) shares.clear()
      held = { endsAtMs, used: 0 }
      shares.set(key, held)
    }
    if (held.used + cost > share) return { allowed: false, retryAfterMs: endsAtMs - nowMs }
    held.used += cost
    return { allowed: true }
  }
}
