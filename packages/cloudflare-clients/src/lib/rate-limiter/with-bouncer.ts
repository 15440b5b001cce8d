import type { NativeRateLimit } from './native-backend.ts'
import type { BackendResult, RateLimitBackend } from './rate-limit-backend.ts'

/**
 * Puts the Worker's own rate limiting binding in front of a backend: what is far over any limit is denied without asking
 * the backend. The binding's limit must be above what the policies admit, because its counters only deny sooner.
 *
 * What the bouncer denies counts nowhere else and is not exact. When the binding fails, the backend decides alone.
 */
export function withBouncer(
  backend: RateLimitBackend,
  { bouncer, retryAfterMs }: { readonly bouncer: NativeRateLimit; readonly retryAfterMs: number },
): RateLimitBackend {
  return {
    ...backend,
    name: `${backend.name} behind native`,
    async check(check): Promise<BackendResult> {
      const { success } = await bouncer.limit({ key: check.key }).catch(() => ({ success: true }))
      if (!success) return { allowed: false, exact: false, reason: 'over_limit', retryAfterMs }
      return backend.check(check)
    },
  }
}
