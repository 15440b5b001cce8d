import type {
  RateLimitPolicy,
  RequestLimiter,
  ReportedResult,
} from '@codex/cloudflare-clients/rate-limiter'

/** When every test of HTTP takes place, in epoch ms. */
export const nowMs = 1_800_000_000_000

/** A limiter that counts in memory, whose windows end 30 s from now, and that remembers what it was asked. */
export class ScriptedLimiter implements RequestLimiter {
  readonly asked: string[] = []
  readonly #counts = new Map<string, number>()

  checkLimit(identifier: string, { keyPrefix, limit }: RateLimitPolicy): Promise<ReportedResult> {
    const key = `${keyPrefix} ${identifier}`
    this.asked.push(key)
    const count = this.#counts.get(key) ?? 0
    const allowed = count < limit
    if (allowed) this.#counts.set(key, count + 1)
    return Promise.resolve({
      allowed,
      limit,
      remaining: allowed ? limit - count - 1 : 0,
      resetAt: nowMs + 30_000,
      reason: allowed ? 'within_limit' : 'over_limit',
      ...(allowed ? {} : { retryAfterMs: 30_000 }),
    })
  }
}
