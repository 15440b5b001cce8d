import { assertKV } from '../kv/assert-kv.ts'
import { checkNumber } from '../shared/check-number.ts'
import { sleep } from '../shared/timers.ts'
import type { LimitAuthorityCalls } from './authority-protocol.ts'
import { kvBackend, type KVBackendOptions } from './kv-backend.ts'
import type { RateLimitPolicy } from './policies.ts'
import type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitChange,
  LimitName,
  RateLimitBackend,
  RateLimitResult,
  RateLimitStatus,
} from './rate-limit-backend.ts'
import { type CheckLimitOptions, RateLimiter, type RateLimiterOptions } from './rate-limiter.ts'
import { assertCount, toKey } from './subject.ts'
import { toBackendResult } from './to-backend-result.ts'

/** Those of the limiter, and those of KV where it is given a namespace. */
export interface RateLimiterClientOptions extends RateLimiterOptions, KVBackendOptions {
  /**
   * Told of every decision, at once and in the caller's way: count or sample, and do not wait in it. What it throws is reported
   * on `console.error` and changes nothing.
   */
  readonly onDecision?: (result: RateLimitResult, identifier: string) => void
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
 * Limits calls, on KV or on any backend.
 *
 * - `new RateLimiterClient(env.RATE_LIMIT_KV)`: no authority to deploy, and **not exact**: see {@link kvBackend}.
 * - `new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))`: exact at almost no round trips.
 * - `new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER))`: exact, one round trip for each call.
 * - `new RateLimiterClient(nativeBackend(env.API_LIMIT, …))`: free and fast, for each location by itself.
 *
 * @example
 * ```ts
 * import { RateLimiterClient, rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const { allowed, resetAt } = await limiter.checkLimit('user-1', rateLimitPolicies.login)
 * if (!allowed) {
 *   const retryAfterSeconds = Math.ceil((resetAt - Date.now()) / 1000)
 *   throw new Response('Too many attempts', { status: 429, headers: { 'Retry-After': `${retryAfterSeconds}` } })
 * }
 * ```
 */
export class RateLimiterClient<
  Result extends RateLimitResult = CountedRateLimitResult,
> extends RateLimiter<Result> {
  readonly #options: RateLimiterClientOptions

  /**
   * @throws {TypeError} When it is given neither a namespace nor a backend, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(
    kvOrBackend: KVNamespace | RateLimitBackend<Result>,
    options: RateLimiterClientOptions = {},
  ) {
    super(toBackend(kvOrBackend, options), options)
    this.#options = options
  }

  /**
   * Counts a call against several limits at once: against all, or against none. One round trip.
   *
   * @returns A result for each, in order. `allowed` is the same in all; `reason` says which limits were reached.
   * @throws {TypeError} When the backend cannot check several, or keeps them in different places.
   */
  async checkAll(checks: readonly LimitCheck[]): Promise<readonly Result[]> {
    const asked = checks.map(({ identifier, policy, cost }) =>
      this.toCheck(identifier, policy, { exact: true, ...(cost !== undefined && { cost }) }),
    )
    const [first] = asked
    if (first === undefined) return []
    const authority = this.#authorityFor(first, 'checkAll')
    const shards = new Set(asked.map((check) => this.backend.authority?.shard(check)))
    if (shards.size > 1) {
      throw new TypeError(
        `Cannot check several limits at once: the shard option must give all of them one shard, received ${shards.size} for ${asked.length} limits`,
      )
    }
    const requests = asked.map(({ key, rule, cost }) => ({ key, rule, cost }))
    const answers = await this.guarded<readonly BackendResult[]>(first.key, {
      ask: async () => {
        const replies = await authority.checkAll(requests)
        return replies.map((reply, index) => {
          const cost = asked[index]?.cost ?? 0
          return toBackendResult(reply, { cost, receiptId: crypto.randomUUID() })
        })
      },
      answerFor: async () => {
        const known = await Promise.all(
          asked.map((check, index) => this.answerFor(check, checks[index]?.policy)),
        )
        const allowed = known.every((one) => one.allowed)
        return known.map((one) => ({ ...one, allowed }))
      },
    })
    return answers.flatMap((answer, index) => {
      const [check, policy] = [asked[index], checks[index]?.policy]
      return check && policy ? [this.toResult(answer, check, policy)] : []
    })
  }

  /**
   * Says what is known of an identifier, without counting a call.
   *
   * @throws {TypeError} When the backend does not know. What it throws reaches the caller.
   */
  async getStatus(identifier: string, policy: RateLimitPolicy): Promise<RateLimitStatus> {
    const subject = this.toCheck(identifier, policy)
    return await this.#authorityFor(subject, 'getStatus').getStatus(subject.key, subject.rule)
  }

  /**
   * Starts the count of an identifier anew, and admits it again where it was denied. Tokens that isolates hold on lease stay
   * counted. A block stays.
   *
   * @throws {TypeError} When the backend cannot. What it throws reaches the caller.
   */
  async reset(identifier: string, keyPrefix: string): Promise<void> {
    const subject = toName('reset rate limit', identifier, keyPrefix)
    await this.#change(subject, { type: 'reset' })
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
    const subject = this.toCheck(identifier, policy)
    this.#authorityFor(subject, 'change', 'refund')
    if (receipt === undefined) return false
    return this.#change(subject, { type: 'refund', rule: subject.rule, receipt })
  }

  /**
   * Denies an identifier everything for so long. `0` ends it.
   *
   * @throws {RangeError} When `seconds` is not at least 0.
   */
  async block(identifier: string, keyPrefix: string, seconds: number): Promise<void> {
    checkNumber('block: seconds', seconds, { min: 0 })
    const subject = toName('block', identifier, keyPrefix)
    await this.#change(subject, { type: 'block', ms: seconds * 1000 })
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
    const subject = toName('override rate limit', identifier, keyPrefix)
    if (override === null) {
      await this.#change(subject, { type: 'override', override })
      return
    }
    const { limit, ttlSeconds } = override
    assertCount('override rate limit', 'limit', limit)
    const ttl =
      ttlSeconds === undefined
        ? {}
        : { ttlMs: checkNumber('override: ttlSeconds', ttlSeconds, { min: 0 }) * 1000 }
    await this.#change(subject, { type: 'override', override: { limit, ...ttl } })
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
    this.#authorityFor(this.toCheck(identifier, policy), 'change', 'reserve')
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
    const { now = Date.now, timers = globalThis, random = Math.random } = this.#options
    const { signal, timeoutMs = 10_000, ...checkOptions } = options
    checkNumber('wait until allowed: timeoutMs', timeoutMs, { min: 0 })
    const endMs = now() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const result = await this.checkLimit(identifier, policy, checkOptions)
      const leftMs = endMs - now()
      const { retryAfterMs = Math.min(pollMs, leftMs) } = result
      if (result.allowed || leftMs <= 0 || retryAfterMs > leftMs) return result
      // Those who wait for the same moment do not all ask in it.
      const delayMs = Math.min(leftMs, Math.max(1, retryAfterMs * (1 + random() / 10)))
      await untilAborted(sleep(delayMs, timers), signal)
    }
  }

  protected override toResult(
    answer: BackendResult,
    check: BackendCheck,
    policy: RateLimitPolicy,
  ): Result {
    const result = super.toResult(answer, check, policy)
    try {
      this.#options.onDecision?.(result, check.identifier)
    } catch (error) {
      console.error('The onDecision option threw', error)
    }
    return result
  }

  async #change(subject: LimitName, change: LimitChange): Promise<boolean> {
    const authority = this.#authorityFor(subject, 'change', change.type)
    const keyed = { ...change, key: subject.key }
    try {
      return await authority.change(keyed)
    } finally {
      this.backend.authority?.changed?.(keyed)
    }
  }

  #authorityFor<Name extends keyof LimitAuthorityCalls>(
    subject: LimitName,
    name: Name,
    what: string = name,
  ): Pick<LimitAuthorityCalls, Name> {
    const { authority: access, name: backendName } = this.backend
    const authority = access?.of(access.shard(subject))
    if (authority?.[name] !== undefined) return authority as Pick<LimitAuthorityCalls, Name>
    throw new TypeError(
      `Cannot call ${what}: the backend must be one that can, received ${backendName}`,
    )
  }
}

function toBackend<Result extends RateLimitResult>(
  kvOrBackend: KVNamespace | RateLimitBackend<Result>,
  options: KVBackendOptions,
): RateLimitBackend<Result> {
  assertKV('create rate limiter', kvOrBackend)
  if ('check' in kvOrBackend) return kvOrBackend
  // A namespace is only taken where results are counted: KV's.
  return kvBackend(kvOrBackend, options) as unknown as RateLimitBackend<Result>
}

function toName(action: string, identifier: string, keyPrefix: string): LimitName {
  return { identifier, keyPrefix, key: toKey(action, identifier, keyPrefix) }
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
