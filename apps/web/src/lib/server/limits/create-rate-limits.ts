import {
  durableObjectBackend,
  kvBackend,
  leaseBackend,
  RateLimiterClient,
  withBouncer,
} from '@codex/cloudflare-clients/rate-limiter'
import type {
  AuthorityNamespace,
  NativeRateLimit,
  RateLimitBackend,
  RateLimiterClientOptions,
} from '@codex/cloudflare-clients/rate-limiter'
import { bouncers } from './enforced-policies.ts'
import type { LimitKeeping } from './enforced-policies.ts'
import { LimitIdentifiers } from './limit-identifiers.ts'
import { RateLimits } from './rate-limits.ts'
import { RecentDecisions } from './recent-decisions.ts'

/** Where the limits are kept. */
export interface RateLimitBindings {
  /** The coordinator's objects. `null` where they are not bound: then KV counts everything. */
  readonly authority: AuthorityNamespace | null
  readonly kv: KVNamespace
  /** The Worker's own limits. Where one is not bound, nothing stands in front of the coordinator. */
  readonly bouncers: Readonly<Partial<Record<LimitKeeping, NativeRateLimit>>>
  readonly waitUntil: (work: Promise<unknown>) => void
  /** AUTH_SECRET. */
  readonly secret: string
  /** Default `Date.now`. */
  readonly now?: () => number
}

/**
 * How long a check waits for the coordinator. A sign-in waits longer, because it is refused when that is over, while the
 * others go on with KV.
 */
const deadlineMs = { exact: 3000, leased: 1000 } as const satisfies Record<LimitKeeping, number>

/**
 * The limits of this site on their backends.
 *
 * - Sign-in kinds ask the coordinator for each attempt, so that a guess more is never admitted, and close without it.
 * - API and uploads are admitted from leases, which is exact too and asks the coordinator for few of many calls. Without it
 *   KV counts, approximately and with the whole limit: somebody's API client should not stop for our outage.
 * - In front of both stands the Worker's own rate limit, which costs nothing and keeps a flood from the coordinator.
 */
export function createRateLimits(bindings: RateLimitBindings): RateLimits {
  const { authority, kv, waitUntil, secret, now = Date.now } = bindings
  const decisions = new RecentDecisions({ now })
  const identifiers = new LimitIdentifiers(secret)
  const options = { now, onDecision: decisions.note } satisfies RateLimiterClientOptions
  const insurance = kvBackend(kv, { waitUntil, now })
  if (authority === null) {
    const limiter = new RateLimiterClient(insurance, options)
    return new RateLimits({
      limiters: { exact: limiter, leased: limiter },
      identifiers,
      decisions,
      canLookUp: false,
      now,
    })
  }
  const behindBouncer = (keeping: LimitKeeping, backend: RateLimitBackend): RateLimitBackend => {
    const bouncer = bindings.bouncers[keeping]
    if (!bouncer) return backend
    return withBouncer(backend, { bouncer, retryAfterMs: bouncers[keeping].periodSeconds * 1000 })
  }
  const exact = behindBouncer('exact', durableObjectBackend(authority))
  const leased = behindBouncer('leased', leaseBackend(authority, { waitUntil, now }))
  return new RateLimits({
    limiters: {
      exact: new RateLimiterClient(exact, {
        ...options,
        onUnavailable: 'closed',
        deadlineMs: deadlineMs.exact,
      }),
      leased: new RateLimiterClient(leased, {
        ...options,
        onUnavailable: insurance,
        deadlineMs: deadlineMs.leased,
      }),
    },
    identifiers,
    decisions,
    canLookUp: true,
    now,
  })
}
