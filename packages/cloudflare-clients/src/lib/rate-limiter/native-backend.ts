import type { BackendResult, LimitRule, RateLimitBackend } from './rate-limit-backend.ts'
import { assertMethod } from './subject.ts'

/** The `ratelimits` binding of a Worker. */
export interface NativeRateLimit {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

export interface NativeBackendOptions {
  /** `simple.limit` of the binding's configuration. */
  readonly limit: number
  /** `simple.period` of the binding's configuration, in seconds: 10 or 60. */
  readonly periodSeconds: 10 | 60
  /** The clock, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

/**
 * Asks the Worker's own rate limiting binding: no round trip, no charge, **and not exact**.
 *
 * Counters are kept for each Cloudflare location by itself and follow a little late, so the limit holds in each location, not
 * over all, and Cloudflare does not mean it for accounting. It says nothing but yes or no: `remaining` is absent, and
 * `retryAfterMs` is at most the rest of the window, because windows are aligned to the clock. The limit and the window stand
 * in the Worker's configuration, so a policy must be the same; a call costs 1. Nothing can be reset, given back or looked up.
 *
 * Use it in front of an exact backend, where it keeps floods away for free (`withBouncer`), or as insurance for when that is
 * away (`onUnavailable`).
 *
 * @throws {TypeError} When the binding is missing.
 * @see https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 */
export function nativeBackend(
  binding: NativeRateLimit,
  { limit, periodSeconds, now = Date.now }: NativeBackendOptions,
): RateLimitBackend {
  assertMethod(binding, 'limit', 'create native backend: binding must be a rate limit binding')
  const periodMs = periodSeconds * 1000
  return {
    name: 'native',
    isRemote: false,
    assertRule(rule: LimitRule) {
      if (rule.algorithm === 'fixed-window' && rule.limit === limit && rule.windowMs === periodMs) {
        return
      }
      throw new RangeError(
        `Cannot check rate limit: the policy must be what the binding is configured for, ${limit} in fixed windows of ${periodSeconds} s, received ${rule.limit} in ${rule.algorithm} of ${rule.windowMs / 1000} s`,
      )
    },
    async check({ key, cost }): Promise<BackendResult> {
      if (cost !== 1) {
        throw new RangeError(
          `Cannot check rate limit: cost must be 1 with the native backend, received ${cost}`,
        )
      }
      const { success } = await binding.limit({ key })
      const resetAt = (Math.floor(now() / periodMs) + 1) * periodMs
      return {
        allowed: success,
        resetAt,
        exact: false,
        reason: success ? 'within_limit' : 'over_limit',
        ...(!success && { retryAfterMs: resetAt - now() }),
      }
    },
  }
}
