import { rateLimitHeaders, tooManyRequests } from '@codex/cloudflare-clients/rate-limiter'
import type {
  RateLimiterClient,
  RateLimitOutcome,
  RateLimitPolicy,
  RateLimitReceipt,
  RateLimitResult,
  RateLimitStatus,
} from '@codex/cloudflare-clients/rate-limiter'
import { describeError, log } from '../log.ts'
import { enforcedPolicies } from './enforced-policies.ts'
import type { LimitKeeping, PolicyName } from './enforced-policies.ts'
import type { Counted, LimitIdentifiers } from './limit-identifiers.ts'
import type { RecentDecisions } from './recent-decisions.ts'
import { refusalMessage, toRetryAfterSeconds } from './retry-after.ts'
import type { LimitName } from './retry-after.ts'
import { withinDeadline } from './within-deadline.ts'

export type LimitDecision =
  | {
      readonly allowed: true
      /** The rate limit fields of the response. */
      readonly headers: Readonly<Record<string, string>>
    }
  | {
      readonly allowed: false
      /** 503 where nobody reached a limit, but the coordinator is away. */
      readonly status: 429 | 503
      readonly retryAfterSeconds: number
      readonly message: string
      /** The same as an answer for programs. */
      readonly toResponse: () => Response
    }

/** One policy applied to one who is counted. */
export type LimitCheck = { readonly policy: PolicyName } & Counted

/** One count, as the owner names it. */
export interface LimitKey {
  readonly policy: PolicyName
  /** As {@link LimitIdentifiers} makes it. */
  readonly identifier: string
}

interface Admission extends LimitKey {
  readonly receipt: RateLimitReceipt
}

export interface RateLimitsOptions {
  readonly limiters: Readonly<Record<LimitKeeping, RateLimiterClient<RateLimitResult>>>
  readonly identifiers: LimitIdentifiers
  readonly decisions: RecentDecisions
  /** Whether counts can be read, blocked and overridden: the coordinator can, KV cannot. */
  readonly canLookUp: boolean
  /** Default `Date.now`. */
  readonly now?: () => number
}

/** How long a call waits that only reads or changes a count. A check has the limiter's own deadline. */
const changeDeadlineMs = 3000

/** The limits of this site, in its own terms: a decision carries what to tell the visitor. */
export class RateLimits {
  readonly identifiers: LimitIdentifiers
  readonly decisions: RecentDecisions
  readonly canLookUp: boolean
  readonly #limiters: RateLimitsOptions['limiters']
  readonly #now: () => number

  constructor(options: RateLimitsOptions) {
    this.identifiers = options.identifiers
    this.decisions = options.decisions
    this.canLookUp = options.canLookUp
    this.#limiters = options.limiters
    this.#now = options.now ?? Date.now
  }

  /**
   * Counts one attempt against every check, in order, up to the first that denies it: what it has counted before is given
   * back then, so that a denied attempt consumes nothing.
   *
   * One round trip for all would need one object that keeps the counts of every address and every account, because each
   * address goes with any account: a single object for the whole site. So each has its own and they are asked one after
   * the other. The address comes first: one that is over its limit then never touches the counts of the accounts that it
   * names, not even for the moment until they are given back. Where KV counts, nothing can be given back.
   */
  async check(limit: LimitName, checks: readonly LimitCheck[]): Promise<LimitDecision> {
    const outcomes: RateLimitOutcome[] = []
    const admissions: Admission[] = []
    for (const check of checks) {
      const key = await this.#keyOf(check)
      const policy = enforcedPolicies[check.policy]
      const result = await this.#limiterOf(check.policy).checkLimit(key.identifier, policy)
      outcomes.push({ result, policy })
      if (!result.allowed) {
        await this.#giveBack(admissions)
        return refuse(limit, { result, policy, outcomes, now: this.#now })
      }
      if (result.receipt) admissions.push({ ...key, receipt: result.receipt })
    }
    return { allowed: true, headers: rateLimitHeaders(outcomes, { now: this.#now }) }
  }

  /**
   * Forgets what was counted against an account that has just proved its password. When the store fails, the count
   * stays until its window ends, and the person is signed in all the same.
   */
  async forgive(check: LimitCheck): Promise<void> {
    try {
      await this.reset(await this.#keyOf(check))
    } catch (error) {
      log('warn', 'limit_not_reset', { policy: check.policy, error: describeError(error) })
    }
  }

  /** Starts a limit anew. Rejects when the store fails. */
  async reset({ policy, identifier }: LimitKey): Promise<void> {
    const { keyPrefix } = enforcedPolicies[policy]
    const reset = this.#limiterOf(policy).reset(identifier, keyPrefix)
    await withinDeadline(reset, changeDeadlineMs)
  }

  /** Denies everything under a limit for so long. `0` ends it. Rejects when the coordinator is away. */
  async block({ policy, identifier }: LimitKey, seconds: number): Promise<void> {
    const { keyPrefix } = enforcedPolicies[policy]
    const block = this.#limiterOf(policy).block(identifier, keyPrefix, seconds)
    await withinDeadline(block, changeDeadlineMs)
  }

  /** Sets a limit in place of the policy's. `null` ends it. Rejects when the coordinator is away. */
  async override(
    { policy, identifier }: LimitKey,
    override: { readonly limit: number; readonly ttlSeconds?: number } | null,
  ): Promise<void> {
    const { keyPrefix } = enforcedPolicies[policy]
    const change = this.#limiterOf(policy).override(identifier, keyPrefix, override)
    await withinDeadline(change, changeDeadlineMs)
  }

  /** What is counted now. Rejects when the coordinator is away. */
  async getStatus({ policy, identifier }: LimitKey): Promise<RateLimitStatus> {
    const status = this.#limiterOf(policy).getStatus(identifier, enforcedPolicies[policy])
    return withinDeadline(status, changeDeadlineMs)
  }

  async #keyOf(check: LimitCheck): Promise<LimitKey> {
    return { policy: check.policy, identifier: await this.identifiers.of(check) }
  }

  #limiterOf(policy: PolicyName): RateLimiterClient<RateLimitResult> {
    return this.#limiters[enforcedPolicies[policy].keeping]
  }

  async #giveBack(admissions: readonly Admission[]): Promise<void> {
    await Promise.all(
      admissions.map(async ({ policy, identifier, receipt }) => {
        try {
          const refund = this.#limiterOf(policy).refund(identifier, enforcedPolicies[policy], {
            receipt,
          })
          await withinDeadline(refund, changeDeadlineMs)
        } catch (error) {
          log('warn', 'limit_not_given_back', { policy, error: describeError(error) })
        }
      }),
    )
  }
}

function refuse(
  limit: LimitName,
  {
    result,
    policy,
    outcomes,
    now,
  }: {
    readonly result: RateLimitResult
    readonly policy: RateLimitPolicy
    readonly outcomes: readonly RateLimitOutcome[]
    readonly now: () => number
  },
): LimitDecision {
  const retryAfterSeconds = toRetryAfterSeconds(result.retryAfterMs)
  const message = refusalMessage(limit, { reason: result.reason, seconds: retryAfterSeconds })
  // Where nothing is known of when it opens again, the answer still says a time.
  const known = { ...result, retryAfterMs: retryAfterSeconds * 1000 }
  const shown = [...outcomes.slice(0, -1), { result: known, policy }]
  return {
    allowed: false,
    status: result.reason === 'unavailable' ? 503 : 429,
    retryAfterSeconds,
    message,
    toResponse: () => tooManyRequests(shown, { detail: message, now }),
  }
}
