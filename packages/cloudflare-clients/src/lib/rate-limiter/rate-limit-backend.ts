import type { RateLimitAlgorithm, UnavailablePolicy } from './policies.ts'

/** A policy with its defaults filled in, as it travels to an authority. */
export interface LimitRule {
  readonly algorithm: RateLimitAlgorithm
  readonly limit: number
  readonly windowMs: number
  /** `limit` where the algorithm has no burst. */
  readonly burst: number
}

/** What is checked: one identifier under one policy. */
export interface LimitSubject {
  readonly identifier: string
  readonly keyPrefix: string
  /** `keyPrefix` and `identifier`, joined so that no two pairs give the same text. */
  readonly key: string
  readonly rule: LimitRule
}

export interface BackendCheck extends LimitSubject {
  /** What the call costs: a whole number of at least 1. */
  readonly cost: number
  /** Asks the authority itself, also where a lease could answer. */
  readonly exact: boolean
}

export type RateLimitReason =
  | 'within_limit'
  | 'over_limit'
  /** Blocked with `block`. */
  | 'blocked'
  /** The backend could not be asked in time, and the outage policy answered. */
  | 'unavailable'

/** Proof of an admission, which `refund` takes once. */
export interface RateLimitReceipt {
  readonly id: string
  readonly cost: number
  /** When it was admitted, by the authority's clock, in epoch ms. Where that is not known exactly, never later than it was. */
  readonly admittedAtMs: number
}

/** What a check came to. What is not known is absent. */
export interface RateLimitResult {
  readonly allowed: boolean
  /** How many more calls are admitted, as far as is known here. */
  readonly remaining?: number
  /** When the window ends, or the whole limit is there again, in epoch ms. */
  readonly resetAt?: number
  readonly limit: number
  /** How long to wait before the same call can be admitted. Only where it was denied and this is known. */
  readonly retryAfterMs?: number
  /** Whether the decision keeps the policy's promise over all isolates. */
  readonly exact: boolean
  readonly reason: RateLimitReason
  /** The policy's `keyPrefix`. */
  readonly policy: string
  /** How old the counts of other isolates may be, where they are not exact. */
  readonly staleMs?: number
  /** Whether it was admitted only because its policy is a shadow. */
  readonly shadowed?: true
  /** Only where it was admitted and can be given back. */
  readonly receipt?: RateLimitReceipt
}

/** A result of a backend that always knows its counts. */
export interface CountedRateLimitResult extends RateLimitResult {
  readonly remaining: number
  readonly resetAt: number
}

/** What the client fills in itself. */
export type BackendResult<Result extends RateLimitResult = RateLimitResult> = Omit<
  Result,
  'policy' | 'limit' | 'shadowed'
> & {
  /** Where an override holds. Default: the rule's. */
  readonly limit?: number
}

/** What is known of one identifier under one policy, without counting a call. */
export interface RateLimitStatus {
  readonly limit: number
  readonly used: number
  readonly remaining: number
  readonly resetAt: number
  /** Until when it is blocked, in epoch ms. */
  readonly blockedUntil?: number
  /** The limit that was set for this identifier in place of the policy's. */
  readonly override?: { readonly limit: number; readonly expiresAt?: number }
}

/** Where counts are kept. What a backend cannot do it leaves out, and the client refuses with a `TypeError`. */
export interface RateLimitBackend<Result extends RateLimitResult = RateLimitResult> {
  readonly name: string
  /** Whether its checks leave the isolate, so that a deadline and a breaker are of use. */
  readonly isRemote: boolean
  /** Throws a {@link TypeError} or {@link RangeError} for a rule that it cannot keep. Called once per policy. */
  assertRule?(rule: LimitRule): void
  /**
   * Decides at once, without a promise, a timer or a round trip, where what is held here is enough: asked first, and also
   * while the backend is away. Where it answers, the call is counted, and `check` must not be called for it too.
   *
   * @returns `undefined` where the backend must be asked.
   */
  checkLocally?(check: BackendCheck): BackendResult<Result> | undefined
  /** @throws An error when it cannot be asked. Never waits for another request's I/O without a timer of its own. */
  check(check: BackendCheck): Promise<BackendResult<Result>>
  /** All or none, in one round trip. @returns A result for each, in order; `allowed` of all is the same. */
  checkAll?(checks: readonly BackendCheck[]): Promise<readonly BackendResult<Result>[]>
  getStatus?(subject: LimitSubject): Promise<RateLimitStatus>
  reset?(subject: Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>): Promise<void>
  /** @returns Whether it was given back: `false` for what was before, or whose window is over. */
  refund?(subject: LimitSubject, receipt: RateLimitReceipt): Promise<boolean>
  /** `0` ends a block. */
  block?(subject: Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>, ms: number): Promise<void>
  /** `null` ends an override. */
  override?(
    subject: Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>,
    override: { readonly limit: number; readonly ttlMs?: number } | null,
  ): Promise<void>
  /** What this isolate may admit in a window while the backend is away. Default: a tenth of the limit, at least 1. */
  safeShare?(subject: LimitSubject): number
}
