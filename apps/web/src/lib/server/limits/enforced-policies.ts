import { rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
import type { RateLimitPolicy } from '@codex/cloudflare-clients/rate-limiter'

/** Whom a limit is counted for: who owns a mailbox, where a request comes from, or who is signed in. */
export type IdentifierKind = 'account' | 'address' | 'user'

/**
 * How a limit is kept. `exact`: the coordinator decides each attempt, and while it is away nobody gets in. `leased`: isolates
 * admit from leases, and while the coordinator is away KV counts.
 */
export type LimitKeeping = 'exact' | 'leased'

interface EnforcedPolicy extends RateLimitPolicy {
  readonly keeping: LimitKeeping
  /** In the order in which they are checked. */
  readonly countedBy: readonly IdentifierKind[]
}

// What their presets say of an outage is for sites without insurance: here KV answers, see `createRateLimits`.
const { onUnavailable: _api, ...api } = rateLimitPolicies.api
const { onUnavailable: _upload, ...upload } = rateLimitPolicies.upload

/** Every policy that is enforced, by the name that the owner sees. */
export const enforcedPolicies = {
  login: { ...rateLimitPolicies.login, keeping: 'exact', countedBy: ['account'] },
  /**
   * Far above what a household needs, and low enough to stop one machine from trying a common password on many accounts,
   * which the limit by account does not see.
   */
  loginAddress: {
    limit: 50,
    window: 900,
    keyPrefix: 'login-address',
    onUnavailable: 'closed',
    keeping: 'exact',
    countedBy: ['address'],
  },
  register: { ...rateLimitPolicies.register, keeping: 'exact', countedBy: ['address'] },
  passwordReset: {
    ...rateLimitPolicies.passwordReset,
    keeping: 'exact',
    countedBy: ['address', 'account'],
  },
  verifyEmail: {
    ...rateLimitPolicies.verifyEmail,
    keeping: 'exact',
    countedBy: ['address', 'account'],
  },
  api: { ...api, keeping: 'leased', countedBy: ['user', 'address'] },
  upload: { ...upload, keeping: 'leased', countedBy: ['user'] },
} as const satisfies Record<string, EnforcedPolicy>

export type PolicyName = keyof typeof enforcedPolicies

export const policyNames = Object.keys(enforcedPolicies) as readonly PolicyName[]

export function isPolicy(name: string): name is PolicyName {
  return Object.hasOwn(enforcedPolicies, name)
}

/**
 * The Worker's own rate limits, as wrangler.jsonc sets them: what one identifier may ask in a period under one policy before
 * the coordinator is not asked at all. For each location by itself.
 */
export const bouncers = {
  exact: { binding: 'LIMIT_SIGN_IN', limit: 1000, periodSeconds: 60 },
  leased: { binding: 'LIMIT_API', limit: 10_000, periodSeconds: 60 },
} as const satisfies Record<LimitKeeping, unknown>

/** The highest limit that an identifier may be given. Two windows of it in one period still pass the bouncer. */
export function maxOverride(policy: PolicyName): number {
  return bouncers[enforcedPolicies[policy].keeping].limit / 2
}
