import type { AuthorityChange, LimitAuthorityCalls } from './authority-protocol.ts'
import type { RateLimitAlgorithm } from './policies.ts'

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

/** A subject without its policy, which most of what changes a key does not need. */
export type LimitName = Pick<LimitSubject, 'identifier' | 'keyPrefix' | 'key'>

/** What changes a key beside counting. */
export type LimitChange =
  | { readonly type: 'reset' }
  /** `0` ends a block. */
  | { readonly type: 'block'; readonly ms: number }
  /** `null` ends an override. */
  | {
      readonly type: 'override'
      readonly override: { readonly limit: number; readonly ttlMs?: number } | null
    }
  | { readonly type: 'refund'; readonly rule: LimitRule; readonly receipt: RateLimitReceipt }

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

/** How a backend's authorities are reached. What one cannot do it leaves out. */
export interface LimitAuthorityAccess {
  /** Names the authority that decides for a subject. Limits that are checked together must have one. */
  shard(subject: LimitName): string
  of(shard: string): Partial<LimitAuthorityCalls>
  /** Told of every change that was asked for, whatever became of it. */
  changed?(change: AuthorityChange): void
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
  /** Where what is beyond a check is asked. Default: nowhere. */
  readonly authority?: LimitAuthorityAccess
  /** What is known of a subject without asking, which goes with the outage policy's answer while the backend is away. */
  lastKnown?(subject: LimitSubject): Pick<RateLimitResult, 'remaining' | 'resetAt'>
  /** What this isolate may admit in a window while the backend is away. `undefined`, as by default: a tenth of the limit, at least 1. */
  safeShare?(subject: LimitSubject): number | undefined
}
