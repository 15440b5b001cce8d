import { memoryBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { LimitIdentifiers } from './limit-identifiers.ts'
import { RateLimits } from './rate-limits.ts'
import { RecentDecisions } from './recent-decisions.ts'

/** The limits of this site, counted as the coordinator counts and in this process alone. For tests. */
export function createMemoryRateLimits({
  now = Date.now,
}: { now?: () => number } = {}): RateLimits {
  const decisions = new RecentDecisions({ now })
  const backend = memoryBackend({ now })
  const limiter = new RateLimiterClient(backend, { now, onDecision: decisions.note })
  return new RateLimits({
    limiters: { exact: limiter, leased: limiter },
    identifiers: new LimitIdentifiers('a secret of tests, longer than 32 characters'),
    decisions,
    canLookUp: true,
    now,
  })
}
