import { createReporter, type EventReporter } from '../shared/client-event.ts'
import type { Timers } from '../shared/timers.ts'
import { createLocalShare, type LocalShare } from './local-share.ts'
import { createOutageGuard, type OutageGuard } from './outage-guard.ts'
import type { RateLimitPolicy, UnavailablePolicy } from './policies.ts'
import type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitRule,
  RateLimitBackend,
  RateLimitResult,
} from './rate-limit-backend.ts'
import { assertCount, assertMethod, toKey, toRule } from './subject.ts'

export interface RateLimiterOptions {
  /** The clock, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default: the global ones. They must move with `now`. */
  readonly timers?: Timers
  /** Gives numbers from 0 to under 1, so that isolates do not all act at once. Default `Math.random`. */
  readonly random?: () => number
  /** Told of failures of the backend. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /**
   * What answers when the backend does not, for policies that do not say: `open`, `closed`, `local`, or another backend as
   * insurance. Default `local`.
   */
  readonly onUnavailable?: UnavailablePolicy | RateLimitBackend
  /** How long a check waits for a backend outside of the isolate, in whole ms, at least 1. Default 500. */
  readonly deadlineMs?: number
  /**
   * After so many failed checks in a row the backend is not asked for the cooldown and up to half of it more; then one check
   * probes it. Both whole numbers, at least 1. Default 3 failures and 5,000 ms.
   */
  readonly breaker?: { readonly maxFailures?: number; readonly cooldownMs?: number }
}

export interface CheckLimitOptions {
  /** What the call costs: a whole number of at least 1. Default 1. */
  readonly cost?: number
  /** Asks the authority also where a lease could answer. Default `false`. */
  readonly exact?: boolean
}

/**
 * Counts and decides, on any backend, and nothing else. {@link RateLimiterClient} is this with more calls, and takes a KV namespace
 * too; this alone is half of its bytes.
 *
 * What a decision promises is the backend's: see there. `exact` says in each result whether the promise was kept,
 * `reason` why it is as it is, and what is not known is absent.
 *
 * **Failure.** A backend that does not answer within `deadlineMs`, fails, or failed too often just before is answered for
 * by the policy's `onUnavailable`: the result then says `unavailable` and is not exact. Nothing is tried again.
 */
export class RateLimiter<Result extends RateLimitResult = CountedRateLimitResult> {
  protected readonly backend: RateLimitBackend
  readonly #options: RateLimiterOptions
  readonly #guard: OutageGuard
  readonly #insuranceGuard: OutageGuard
  readonly #share: LocalShare
  readonly #rules = new WeakMap<RateLimitPolicy, LimitRule>()

  /**
   * @throws {TypeError} When the backend is none.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(backend: RateLimitBackend<Result>, options: RateLimiterOptions = {}) {
    assertMethod(backend, 'check', 'create rate limiter: backend must have check()')
    const { now = Date.now, timers = globalThis, random = Math.random, deadlineMs = 500 } = options
    const { maxFailures = 3, cooldownMs = 5000 } = options.breaker ?? {}
    for (const [name, value] of Object.entries({ deadlineMs, maxFailures, cooldownMs })) {
      assertCount('create rate limiter', name, value)
    }
    // Its results are only read here, and go out as the type that its caller knows.
    this.backend = backend
    this.#options = options
    this.#share = createLocalShare(now)
    const report = createReporter(options.onEvent)
    const guardOptions = { now, timers, random, deadlineMs, maxFailures, cooldownMs, report }
    this.#guard = createOutageGuard(guardOptions)
    this.#insuranceGuard = createOutageGuard(guardOptions)
  }

  /**
   * Counts a call and says whether it is within the limit. A denied call consumes nothing.
   *
   * @throws {TypeError} When the identifier or the prefix is empty or no string: all such would share one count.
   * @throws {RangeError} When the policy or the cost is out of range, or the backend cannot keep the policy.
   */
  async checkLimit(
    identifier: string,
    policy: RateLimitPolicy,
    options?: CheckLimitOptions,
  ): Promise<Result> {
    const check = this.toCheck(identifier, policy, options)
    const { backend } = this
    const answer =
      backend.checkLocally?.(check) ??
      (await this.guarded(check.key, {
        ask: () => backend.check(check),
        answerFor: async () => ({
          ...backend.lastKnown?.(check),
          ...(await this.answerFor(check, policy)),
        }),
      }))
    return this.toResult(answer, check, policy)
  }

  protected toCheck(
    identifier: string,
    policy: RateLimitPolicy,
    { cost = 1, exact = false }: CheckLimitOptions = {},
  ): BackendCheck {
    assertCount('check rate limit', 'cost', cost)
    const { keyPrefix } = policy
    const key = toKey('check rate limit', identifier, keyPrefix)
    let rule = this.#rules.get(policy)
    if (rule === undefined) {
      rule = toRule(policy)
      this.backend.assertRule?.(rule)
      this.#rules.set(policy, rule)
    }
    return { identifier, keyPrefix, key, rule, cost, exact }
  }

  /** Asks the backend, or has others answer for it. */
  protected async guarded<T>(
    key: string,
    { ask, answerFor }: { readonly ask: () => Promise<T>; readonly answerFor: () => Promise<T> },
  ): Promise<T> {
    if (!this.backend.isRemote) return ask()
    return (await this.#guard.ask(ask, key)) ?? answerFor()
  }

  /** Answers for the backend. */
  protected async answerFor(
    check: BackendCheck,
    policy: RateLimitPolicy | undefined,
  ): Promise<BackendResult> {
    const unavailable = { exact: false, reason: 'unavailable' } as const
    const instead = policy?.onUnavailable ?? this.#options.onUnavailable ?? 'local'
    if (instead === 'local') {
      const share = this.backend.safeShare?.(check) ?? Math.max(1, check.rule.limit / 10)
      return { ...this.#share(check, share), ...unavailable }
    }
    if (typeof instead === 'object') {
      const answer = await this.#insuranceGuard.ask(() => instead.check(check), check.key)
      if (answer) return { ...answer, ...unavailable }
    }
    const allowed = instead === 'open'
    const retryAfterMs = this.#guard.retryAfterMs()
    return { allowed, ...(!allowed && retryAfterMs > 0 && { retryAfterMs }), ...unavailable }
  }

  protected toResult(answer: BackendResult, check: BackendCheck, policy: RateLimitPolicy): Result {
    const isShadowed = policy.shadow === true && !answer.allowed
    return {
      limit: check.rule.limit,
      ...answer,
      policy: check.keyPrefix,
      ...(isShadowed && { allowed: true, shadowed: true }),
    } as unknown as Result
  }
}
