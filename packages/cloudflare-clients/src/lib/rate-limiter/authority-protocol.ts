import type { LimitChange, LimitRule, RateLimitStatus } from './rate-limit-backend.ts'

/** Asks an authority for verdicts on the calls that wait now, and for a lease of tokens beside. */
export interface AcquireRequest {
  readonly key: string
  readonly rule: LimitRule
  /**
   * Who asks: one isolate's limiter. Random, so that two are never one. Empty for a check on its own: `seq` says nothing
   * then, so that checks which overtake each other are all answered, and no reply is kept.
   */
  readonly holder: string
  /** Grows with every request of a holder about a key. The same one again gets the same reply; a lower one gets nothing. */
  readonly seq: number
  /** What the waiting calls cost, in the order in which they came. Each is admitted whole or not at all. */
  readonly costs: readonly number[]
  /** How many tokens beyond them the holder would like to lease. `0`: none, and the holder counts as no leaseholder. */
  readonly want: number
}

export interface AcquireReply {
  /** For each of `costs`: final, whatever becomes of the lease. */
  readonly verdicts: readonly boolean[]
  /** Tokens leased, already debited, to be spent within `ttlMs` of when the request was sent. */
  readonly lease: number
  readonly ttlMs: number
  /** What is left at the authority after this. */
  readonly available: number
  /** How long until the smallest denied cost may be admitted. `0` where none was denied, `Infinity` for one above the limit. */
  readonly retryAfterMs: number
  /** How long until the window ends, or the whole limit is there again. */
  readonly resetInMs: number
  /** The limit in force: the rule's, or the override's. */
  readonly limit: number
  /** What one isolate may admit in a window on its own while the authority is away. */
  readonly safeShare: number
  /** Grows when the key is reset, blocked or overridden: what a holder knows from before is void. */
  readonly epoch: number
  /** How long the key is blocked. `0`: it is not. */
  readonly blockedMs: number
  /** The authority's time, for receipts. */
  readonly nowMs: number
}

export interface CheckAllRequest {
  readonly key: string
  readonly rule: LimitRule
  readonly cost: number
}

/** A reply for each check, whose one verdict is the same in all. */
export type CheckAllReply = readonly AcquireReply[]

/** A change of a key. All but a refund, which only gives back, make its epoch grow. */
export type AuthorityChange = LimitChange & { readonly key: string }

/**
 * What an authority answers: the Durable Object as RPC, and the in-memory one. Every method decides synchronously, so that
 * nothing comes between reading a state and writing it.
 */
export interface LimitAuthorityCalls {
  acquire(request: AcquireRequest): Promise<AcquireReply> | AcquireReply
  checkAll(requests: readonly CheckAllRequest[]): Promise<CheckAllReply> | CheckAllReply
  getStatus(key: string, rule: LimitRule): Promise<RateLimitStatus> | RateLimitStatus
  /** @returns Whether anything changed. */
  change(change: AuthorityChange): Promise<boolean> | boolean
}

/** What the backends take: a Durable Object binding of `RateLimiterObject`, or anything that reaches an authority by name. */
export interface AuthorityNamespace {
  getByName(name: string): {
    acquire(request: AcquireRequest): Promise<AcquireReply>
    checkAll(requests: readonly CheckAllRequest[]): Promise<CheckAllReply>
    getStatus(key: string, rule: LimitRule): Promise<RateLimitStatus>
    change(change: AuthorityChange): Promise<boolean>
  }
}
