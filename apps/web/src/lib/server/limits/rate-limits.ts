import { rateLimitPolicies } from '@codex/cloudflare-clients'
import type { RateLimiterClient } from '@codex/cloudflare-clients'
import { describeError, log } from '../log.ts'
import { limitMessage, retryAfterSeconds } from './retry-after.ts'
import type { LimitName } from './retry-after.ts'

/**
 * Sign-ins by network address. Far above what a household needs, and low enough to stop one machine from trying a
 * common password on many accounts, which the limit by account does not see.
 */
const loginAddressPolicy = { limit: 50, window: 900, keyPrefix: 'login-address' } as const

/** Every policy that is enforced, by the name under which the owner resets one. */
export const enforcedPolicies = { ...rateLimitPolicies, loginAddress: loginAddressPolicy } as const

export type PolicyName = keyof typeof enforcedPolicies

export type LimitDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterSeconds: number; readonly message: string }

/** One policy applied to one identifier. */
export interface LimitCheck {
  readonly policy: PolicyName
  readonly identifier: string
}

/** The limits of this site, in its own terms: a decision carries what to tell the visitor. */
export class RateLimits {
  readonly #limiter: RateLimiterClient
  readonly #now: () => number

  constructor(limiter: RateLimiterClient, { now = Date.now }: { now?: () => number } = {}) {
    this.#limiter = limiter
    this.#now = now
  }

  /** Counts one attempt against every check, in order, up to the first that denies it. */
  async check(limit: LimitName, checks: readonly LimitCheck[]): Promise<LimitDecision> {
    for (const { policy, identifier } of checks) {
      // Counts in KV are no reason to let nobody in while KV is away.
      const result = await this.#limiter.checkLimit(identifier, {
        ...enforcedPolicies[policy],
        onUnavailable: 'open',
      })
      if (!result.allowed) {
        const seconds = retryAfterSeconds(result.resetAt, this.#now())
        return {
          allowed: false,
          retryAfterSeconds: seconds,
          message: limitMessage(limit, seconds),
        }
      }
    }
    return { allowed: true }
  }

  /**
   * Forgets what was counted against an account that has just proved its password. When the store fails, the count
   * stays until its window ends, and the person is signed in all the same.
   */
  async forgive(check: LimitCheck): Promise<void> {
    try {
      await this.reset(check)
    } catch (error) {
      log('warn', 'limit_not_reset', { policy: check.policy, error: describeError(error) })
    }
  }

  /** Starts a limit anew. Rejects when the store fails. */
  async reset({ policy, identifier }: LimitCheck): Promise<void> {
    await this.#limiter.reset(identifier, enforcedPolicies[policy].keyPrefix)
  }
}
