import { checkNumber } from '../shared/check-number.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { sleep, type Timers } from '../shared/timers.ts'
import { LocalShare } from './local-share.ts'
import { LimiterUnavailableError, OutageGuard } from './outage-guard.ts'
import type { RateLimitPolicy, UnavailablePolicy } from './policies.ts'
import type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitRule,
  LimitSubject,
  RateLimitBackend,
  RateLimitResult,
  RateLimitStatus,
} from './rate-limit-backend.ts'
import { assertCount, toNamedSubject, toRule } from './subject.ts'

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
   * Told of every decision, at once and in the caller's way: count or sample, and do not wait in it. What it throws is reported
   * on `console.error` and changes nothing.
   */
  readonly onDecision?: (result: RateLimitResult, identifier: string) => void
  /**
   * What answers when the backend does not, for policies that do not say: `open`, `closed`, `local`, or another backend as
   * insurance. Default `local`.
   */
  readonly onUnavailable?: UnavailablePolicy | RateLimitBackend
  /** How long a check waits for a backend outside of the isolate, in ms, from 1. Default 500. */
  readonly deadlineMs?: number
  /**
   * After so many failed checks in a row the backend is not asked for the cooldown and up to half of it more; then one check
   * probes it. Both from 1. Default 3 failures and 5,000 ms.
   */
  readonly breaker?: { readonly maxFailures?: number; readonly cooldownMs?: number }
}

export interface CheckLimitOptions {
  /** What the call costs: a whole number of at least 1. Default 1. */
  readonly cost?: number
  /** Asks the authority also where a lease could answer. Default `false`. */
  readonly exact?: boolean
}

/** One limit of several that are checked together. */
export interface LimitCheck {
  readonly identifier: string
  readonly policy: RateLimitPolicy
  /** Default 1. */
  readonly cost?: number
}

export interface WaitUntilAllowedOptions extends CheckLimitOptions {
  /** Ends the wait by rejecting with its reason. */
  readonly signal?: AbortSignal
  /** How long to wait at most, in ms, from 0. Default 10,000. */
  readonly timeoutMs?: number
}

/** Calls that were counted before what they really cost was known. */
export interface RateLimitReservation<Result extends RateLimitResult> {
  readonly result: Result
  readonly allowed: boolean
  /**
   * Gives back what was reserved and not used.
   *
   * @param actualCost From 0 to what was reserved.
   * @throws {RangeError} When it is not a whole number of that range. Reserve what a call can cost at most.
   */
  commit(actualCost: number): Promise<void>
  /** Gives back everything. */
  cancel(): Promise<void>
}

/** How often a wait without a known end asks again. */
const pollMs = 1000

/**
 * Limits calls on any backend. {@link RateLimiterClient} is this and takes a KV namespace too; this alone is smaller.
 *
 * What a decision promises is the backend's: see there. `exact` says in each result whether the promise was kept,
 * `reason` why it is as it is, and what is not known is absent.
 *
 * **Failure.** A backend that does not answer within `deadlineMs`, fails, or failed too often just before is answered for
 * by the policy's `onUnavailable`: the result then says `unavailable` and is not exact. Nothing is tried again.
 */
export class RateLimiter<Result extends RateLimitResult = CountedRateLimitResult> {
  readonly #backend: RateLimitBackend
  readonly #options: RateLimiterOptions
  readonly #now: () => number
  readonly #timers: Timers
  readonly #random: () => number
  readonly #report: EventReporter
  readonly #guard: OutageGuard
  readonly #share: LocalShare
  readonly #rules = new WeakMap<RateLimitPolicy, LimitRule>()

  /**
   * @throws {TypeError} When the backend is none.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(backend: RateLimitBackend<Result>, options: RateLimiterOptions = {}) {
    const given = backend as Partial<RateLimitBackend> | null | undefined
    if (typeof given?.check !== 'function') {
      throw new TypeError(
        `Cannot create rate limiter: backend must be a backend such as leaseBackend gives, received ${given === null ? 'null' : typeof given}`,
      )
    }
    const { now = Date.now, timers = globalThis, random = Math.random, deadlineMs = 500 } = options
    const { maxFailures = 3, cooldownMs = 5000 } = options.breaker ?? {}
    const atLeastOne = (name: string, value: number): number =>
      checkNumber(`create rate limiter: ${name}`, value, { min: 1 })
    // Its results are only read here, and go out as the type that its caller knows.
    this.#backend = backend
    this.#options = options
    this.#now = now
    this.#timers = timers
    this.#random = random
    this.#report = createReporter(options.onEvent)
    this.#share = new LocalShare(now)
    this.#guard = new OutageGuard({
      now,
      timers,
      random,
      deadlineMs: atLeastOne('deadlineMs', deadlineMs),
      maxFailures: atLeastOne('breaker.maxFailures', maxFailures),
      cooldownMs: atLeastOne('breaker.cooldownMs', cooldownMs),
    })
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
    const check = this.#toCheck(identifier, policy, options)
    const answer = this.#backend.checkLocally?.(check) ?? (await this.#ask(check, policy))
    return this.#toResult(answer, check, policy)
  }

  /**
   * Counts a call against several limits at once: against all, or against none. One round trip.
   *
   * @returns A result for each, in order. `allowed` is the same in all; `reason` says which limits were reached.
   * @throws {TypeError} When the backend cannot check several, or keeps them in different places.
   */
  async checkAll(checks: readonly LimitCheck[]): Promise<readonly Result[]> {
    const checkAll = this.#need('checkAll')
    const asked = checks.map(({ identifier, policy, cost }) =>
      this.#toCheck(identifier, policy, { exact: true, ...(cost !== undefined && { cost }) }),
    )
    const answers = await this.#guarded(
      () => checkAll(asked),
      async (error) => {
        const known = await Promise.all(
          asked.map((check, index) => this.#answerFor(check, checks[index]?.policy, error)),
        )
        const allowed = known.every((one) => one.allowed)
        return known.map((one) => ({ ...one, allowed }))
      },
    )
    return answers.flatMap((answer, index) => {
      const [check, policy] = [asked[index], checks[index]?.policy]
      return check && policy ? [this.#toResult(answer, check, policy)] : []
    })
  }

  /**
   * Says what is known of an identifier, without counting a call.
   *
   * @throws {TypeError} When the backend does not know. What it throws reaches the caller.
   */
  async getStatus(identifier: string, policy: RateLimitPolicy): Promise<RateLimitStatus> {
    return this.#need('getStatus')(this.#toSubject(identifier, policy))
  }

  /**
   * Starts the count of an identifier anew, and admits it again where it was denied. Tokens that isolates hold on lease stay
   * counted. A block stays.
   *
   * @throws {TypeError} When the backend cannot. What it throws reaches the caller.
   */
  async reset(identifier: string, keyPrefix: string): Promise<void> {
    await this.#need('reset')(toNamedSubject('reset rate limit', identifier, keyPrefix))
  }

  /**
   * Gives back what an admitted call cost, as where it did nothing. Once for each result, within its window.
   *
   * @returns Whether it was given back.
   */
  async refund(
    identifier: string,
    policy: RateLimitPolicy,
    { receipt }: Pick<RateLimitResult, 'receipt'>,
  ): Promise<boolean> {
    const refund = this.#need('refund')
    return receipt !== undefined && refund(this.#toSubject(identifier, policy), receipt)
  }

  /**
   * Denies an identifier everything for so long. `0` ends it.
   *
   * @throws {RangeError} When `seconds` is not at least 0.
   */
  async block(identifier: string, keyPrefix: string, seconds: number): Promise<void> {
    checkNumber('block: seconds', seconds, { min: 0 })
    const subject = toNamedSubject('block', identifier, keyPrefix)
    await this.#need('block')(subject, seconds * 1000)
  }

  /**
   * Gives one identifier a limit of its own in place of the policy's. `null` ends it.
   *
   * @param override `ttlSeconds`: for how long, above 0. Default: until it is ended.
   */
  async override(
    identifier: string,
    keyPrefix: string,
    override: { readonly limit: number; readonly ttlSeconds?: number } | null,
  ): Promise<void> {
    const subject = toNamedSubject('override rate limit', identifier, keyPrefix)
    if (override === null) return this.#need('override')(subject, null)
    const { limit, ttlSeconds } = override
    assertCount('override rate limit', 'limit', limit)
    const ttl =
      ttlSeconds === undefined
        ? {}
        : { ttlMs: checkNumber('override: ttlSeconds', ttlSeconds, { min: 0 }) * 1000 }
    await this.#need('override')(subject, { limit, ...ttl })
  }

  /**
   * Counts what a call may cost at most, before it is known what it costs: metered work. What is neither committed nor
   * cancelled stays spent.
   */
  async reserve(
    identifier: string,
    policy: RateLimitPolicy,
    cost: number,
  ): Promise<RateLimitReservation<Result>> {
    this.#need('refund')
    const result = await this.checkLimit(identifier, policy, { cost })
    const commit = async (actualCost: number): Promise<void> => {
      if (!(Number.isInteger(actualCost) && actualCost >= 0 && actualCost <= cost)) {
        throw new RangeError(
          `Cannot commit reservation: actualCost must be a whole number from 0 to ${cost}, received ${actualCost}`,
        )
      }
      const { receipt } = result
      if (receipt === undefined || actualCost === cost) return
      await this.refund(identifier, policy, { receipt: { ...receipt, cost: cost - actualCost } })
    }
    return { result, allowed: result.allowed, commit, cancel: () => commit(0) }
  }

  /**
   * Waits until a call is admitted, and counts it.
   *
   * @returns The result of the last check: denied where the time was over, or would be before the call can be admitted.
   * @throws The signal's reason.
   */
  async waitUntilAllowed(
    identifier: string,
    policy: RateLimitPolicy,
    options: WaitUntilAllowedOptions = {},
  ): Promise<Result> {
    const { signal, timeoutMs = 10_000, ...checkOptions } = options
    checkNumber('wait until allowed: timeoutMs', timeoutMs, { min: 0 })
    const endMs = this.#now() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = await this.checkLimit(identifier, policy, checkOptions)
      const leftMs = endMs - this.#now()
      const { retryAfterMs = Math.min(pollMs, leftMs) } = result
      if (result.allowed || leftMs <= 0 || retryAfterMs > leftMs) return result
      // Those who wait for the same moment do not all ask in it.
      const delayMs = Math.min(leftMs, Math.max(1, retryAfterMs * (1 + this.#random() / 10)))
      await untilAborted(sleep(delayMs, this.#timers), signal)
    }
  }

  #toSubject(identifier: string, policy: RateLimitPolicy): LimitSubject {
    const subject = toNamedSubject('check rate limit', identifier, policy.keyPrefix)
    let rule = this.#rules.get(policy)
    if (rule === undefined) {
      rule = toRule(policy)
      this.#backend.assertRule?.(rule)
      this.#rules.set(policy, rule)
    }
    return { ...subject, rule }
  }

  #toCheck(
    identifier: string,
    policy: RateLimitPolicy,
    { cost = 1, exact = false }: CheckLimitOptions = {},
  ): BackendCheck {
    assertCount('check rate limit', 'cost', cost)
    return { ...this.#toSubject(identifier, policy), cost, exact }
  }

  #need<Name extends 'checkAll' | 'getStatus' | 'reset' | 'refund' | 'block' | 'override'>(
    name: Name,
  ): NonNullable<RateLimitBackend[Name]> {
    const call = this.#backend[name]
    if (call) return call.bind(this.#backend) as NonNullable<RateLimitBackend[Name]>
    throw new TypeError(
      `Cannot call ${name}: the backend must be one that can, received ${this.#backend.name}`,
    )
  }

  #ask(check: BackendCheck, policy: RateLimitPolicy): Promise<BackendResult> {
    return this.#guarded(
      () => this.#backend.check(check),
      (error) => this.#answerFor(check, policy, error),
    )
  }

  async #guarded<T>(
    call: () => Promise<T>,
    answer: (error: LimiterUnavailableError) => Promise<T>,
  ): Promise<T> {
    if (!this.#backend.isRemote) return call()
    try {
      return await this.#guard.run(call)
    } catch (error) {
      if (error instanceof LimiterUnavailableError) return answer(error)
      throw error
    }
  }

  /** Answers for the backend. */
  async #answerFor(
    check: BackendCheck,
    policy: RateLimitPolicy | undefined,
    error: LimiterUnavailableError,
  ): Promise<BackendResult> {
    // The failures that opened the circuit were reported.
    if (error.code !== 'circuit_open') this.#reportError(check.key, error)
    const instead = policy?.onUnavailable ?? this.#options.onUnavailable ?? 'local'
    if (instead === 'open') return { allowed: true, exact: false, reason: 'unavailable' }
    if (instead === 'local') {
      const share = this.#backend.safeShare?.(check) ?? Math.max(1, check.rule.limit / 10)
      return this.#share.check(check, share)
    }
    if (instead !== 'closed') {
      try {
        return { ...(await instead.check(check)), exact: false, reason: 'unavailable' }
      } catch (cause) {
        const options = { code: 'unavailable', cause } as const
        const message = `Cannot check rate limit: ${instead.name} is unavailable too`
        this.#reportError(check.key, new LimiterUnavailableError(message, options))
      }
    }
    const { retryAfterMs } = this.#guard
    return {
      allowed: false,
      exact: false,
      reason: 'unavailable',
      ...(retryAfterMs > 0 && { retryAfterMs }),
    }
  }

  #reportError(key: string, error: LimiterUnavailableError): void {
    this.#report({ type: 'store_error', client: 'rate-limiter', operation: 'check', key, error })
  }

  #toResult(answer: BackendResult, check: BackendCheck, policy: RateLimitPolicy): Result {
    const isShadowed = policy.shadow === true && !answer.allowed
    const result = {
      limit: check.rule.limit,
      ...answer,
      policy: check.keyPrefix,
      ...(isShadowed && { allowed: true, shadowed: true }),
    } as unknown as Result
    try {
      this.#options.onDecision?.(result, check.identifier)
    } catch (error) {
      console.error('The onDecision option threw', error)
    }
    return result
  }
}

/** Waits, or until the signal is aborted. */
function untilAborted(wait: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal?.removeEventListener('abort', end)
      resolve()
    }
    signal?.addEventListener('abort', end)
    void wait.then(end)
  })
}
