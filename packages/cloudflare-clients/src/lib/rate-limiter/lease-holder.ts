import type { AcquireReply } from './authority-protocol.ts'
import type {
  BackendResult,
  CountedRateLimitResult,
  LimitRule,
  LimitSubject,
} from './rate-limit-backend.ts'

export type LeaseResult = BackendResult<CountedRateLimitResult>

export interface LeaseHolderOptions {
  readonly maxKeys: number
  readonly guardMs: number
  readonly maxDenyMs: number
  readonly maxLeaseMs: number
}

/** Tokens that the authority has already counted as spent. */
interface Lease {
  tokens: number
  /** By the holder's own clock. */
  readonly expiresAtMs: number
  /** By the authority's clock: a receipt gives back to the window that the tokens were taken from. */
  readonly grantedAtMs: number
  readonly receiptPrefix: string
  /** Numbers the receipts. */
  receipts: number
}

/** What the holder asked when it got a reply. */
export interface AskedAuthority {
  readonly costs: readonly number[]
  readonly want: number
  /** By the holder's clock. A lease counts from then, so that no difference of clocks and no delay makes it longer. */
  readonly sentAtMs: number
  readonly receivedAtMs: number
  /** Of this request alone. */
  readonly receiptPrefix: string
}

/** Where fewer tokens were leased than this, the next ones are not fetched ahead. */
const minPrefetchedLease = 4
/** How much of coming demand is leased at most. */
const maxHorizonMs = 12_000
/** The authority leases a tenth of the limit at most: under this limit it leases nothing. */
const minLeasedLimit = 10

const noLease: Readonly<Lease> = {
  tokens: 0,
  expiresAtMs: 0,
  grantedAtMs: 0,
  receiptPrefix: '',
  receipts: 0,
}

/**
 * What one isolate holds of one limit: leased tokens, and what it knows of denials. Pure: no clock, no timers, no I/O.
 */
export class HeldLimit<Flight = unknown> {
  rule: LimitRule
  /** The request to the authority that is under way. Kept here by whoever sends it. */
  flight: Flight | undefined
  /** What calls cost since the authority was asked. Every call is added once, however it is decided. */
  arrived = 0
  readonly #options: LeaseHolderOptions
  /** Spent first, because it ends first. */
  #lease: Lease = noLease
  #spare: Lease = noLease
  #lowMark = -1
  #reply: AcquireReply | undefined
  #resetAt = 0
  /** What costs less is not denied here. */
  #deniedCost = Infinity
  #deniedUntilMs = 0
  #freeAtMs = 0
  /** Arrivals, not admissions: else a denied holder would forget how busy it is. Each fades with the horizon. */
  #recent = 0
  #measuredAtMs = 0
  #longestTtlMs = 0

  constructor(rule: LimitRule, options: LeaseHolderOptions) {
    this.rule = rule
    this.#options = options
  }

  /** Decides a call from what is held, or gives `undefined` where the authority must be asked. */
  decide(cost: number, nowMs: number): LeaseResult | undefined {
    const lease = this.#lease
    if (nowMs >= lease.expiresAtMs || lease.tokens < cost) {
      this.#dropExpired(nowMs)
      if (this.#tokens < cost) return this.#deny(cost, nowMs)
      if (this.#lease.tokens < cost) this.#pool()
      return this.decide(cost, nowMs)
    }
    lease.tokens -= cost
    const id = lease.receiptPrefix + String(lease.receipts++)
    const result = this.#result('within_limit')
    result.receipt = { id, cost, admittedAtMs: lease.grantedAtMs }
    return result
  }

  /** Whether to ask for the next lease while there is still something left of this one. */
  get shouldPrefetch(): boolean {
    return this.#tokens <= this.#lowMark
  }

  /**
   * How many tokens to ask for beyond those that wait: what came in lately beside them. So the first call asks for
   * itself alone, and nothing is stranded where calls are few or scattered.
   */
  want(nowMs: number, waitingCost: number): number {
    const { limit, windowMs } = this.rule
    const horizonMs = Math.min(maxHorizonMs, windowMs / 4, this.#longestTtlMs || Infinity)
    const horizons = Math.max(1, nowMs - this.#measuredAtMs) / horizonMs
    const left = Math.exp(-horizons)
    // Those that wait came now, the others evenly since the last time.
    const earlier = ((this.arrived - waitingCost) * (1 - left)) / horizons
    const recent = this.#recent * left + earlier
    this.#recent = recent + waitingCost
    this.arrived = 0
    this.#measuredAtMs = nowMs
    if (limit < minLeasedLimit) return 0
    // What is held is spent first. Where leases are short, the rest of a new one would be lost with it.
    const held = horizonMs === this.#longestTtlMs ? this.#tokens : 0
    return Math.max(0, Math.round(recent - held))
  }

  /** Takes over what a reply says. Not for that of an abandoned request. */
  learn(reply: AcquireReply, asked: AskedAuthority): void {
    const { costs, want, sentAtMs, receivedAtMs, receiptPrefix } = asked
    if (reply.epoch !== this.#reply?.epoch) {
      this.#lease = this.#spare = noLease
      this.#deniedCost = Infinity
    }
    this.#reply = reply
    this.#resetAt = reply.nowMs + reply.resetInMs
    this.#longestTtlMs = Math.max(this.#longestTtlMs, reply.ttlMs)

    let deniedCost = reply.blockedMs > 0 ? 1 : Infinity
    costs.forEach((cost, index) => {
      if (reply.verdicts[index] === true) {
        if (cost >= this.#deniedCost) this.#deniedCost = Infinity
      } else deniedCost = Math.min(deniedCost, cost)
    })
    // A refused lease is no denial: what is left may still do for the calls that come.
    if (deniedCost < Infinity) {
      this.#deniedCost = deniedCost
      this.#freeAtMs = sentAtMs + Math.max(reply.retryAfterMs, reply.blockedMs)
      this.#deniedUntilMs = Math.min(this.#freeAtMs, sentAtMs + this.#options.maxDenyMs)
    }

    if (want === 0) return
    // Nor is it asked for again before a call has to ask: what is scarce is not worth a request of its own.
    this.#lowMark = reply.lease < minPrefetchedLease ? -1 : reply.lease / 4
    if (reply.lease === 0) return
    const { guardMs, maxLeaseMs } = this.#options
    this.#dropExpired(receivedAtMs)
    this.#pool()
    this.#spare = {
      tokens: reply.lease,
      expiresAtMs: sentAtMs + Math.min(reply.ttlMs, maxLeaseMs) - guardMs,
      grantedAtMs: reply.nowMs,
      receiptPrefix,
      receipts: costs.length,
    }
  }

  /** After something was given back: what was denied may be admitted now. */
  forgetDenial(): void {
    this.#deniedCost = Infinity
  }

  get safeShare(): number | undefined {
    return this.#reply?.safeShare
  }

  get #tokens(): number {
    return this.#lease.tokens + this.#spare.tokens
  }

  #deny(cost: number, nowMs: number): LeaseResult | undefined {
    if (cost < this.#deniedCost || nowMs >= this.#deniedUntilMs) return undefined
    const reason = (this.#reply?.blockedMs ?? 0) > 0 ? 'blocked' : 'over_limit'
    const result = this.#result(reason)
    if (this.#freeAtMs < Infinity) result.retryAfterMs = this.#freeAtMs - nowMs
    return result
  }

  /** To be completed in place: a copy would cost as much as the whole admission. */
  #result(reason: LeaseResult['reason']): {
    -readonly [Name in keyof LeaseResult]: LeaseResult[Name]
  } {
    return {
      allowed: reason === 'within_limit',
      remaining: this.#tokens + (this.#reply?.available ?? 0),
      resetAt: this.#resetAt,
      limit: this.#reply?.limit ?? this.rule.limit,
      exact: true,
      reason,
    }
  }

  #dropExpired(nowMs: number): void {
    if (nowMs >= this.#lease.expiresAtMs) this.#lease = noLease
    if (nowMs >= this.#spare.expiresAtMs) this.#spare = noLease
  }

  /** Makes one lease of both, which ends with the first of them. */
  #pool(): void {
    const [lease, spare] = [this.#lease, this.#spare]
    this.#spare = noLease
    if (lease.tokens === 0) this.#lease = spare
    else if (spare.tokens > 0) {
      this.#lease = {
        ...lease,
        tokens: lease.tokens + spare.tokens,
        expiresAtMs: Math.min(lease.expiresAtMs, spare.expiresAtMs),
      }
    }
  }
}

/** What one isolate holds of all limits. Bounded: of the keys it forgets those that were not asked for longest. */
export class LeaseHolder<Flight = unknown> {
  readonly #options: LeaseHolderOptions
  // Two generations in place of an order by use, which would cost as much as the admission itself.
  #young = new Map<string, HeldLimit<Flight>>()
  #old = new Map<string, HeldLimit<Flight>>()

  constructor(options: LeaseHolderOptions) {
    this.#options = options
  }

  of({ key, rule }: Pick<LimitSubject, 'key' | 'rule'>): HeldLimit<Flight> {
    const young = this.#young.get(key)
    let held = young ?? this.#old.get(key)
    // Tokens of one rule are not spent under another.
    if (held === undefined || !isSameRule(held.rule, rule)) {
      held = new HeldLimit<Flight>(rule, this.#options)
    }
    if (held !== young) {
      if (this.#young.size >= this.#options.maxKeys / 2) {
        this.#old = this.#young
        this.#young = new Map()
      }
      this.#young.set(key, held)
    }
    return held
  }

  peek(key: string): HeldLimit<Flight> | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  drop(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }
}

function isSameRule(a: LimitRule, b: LimitRule): boolean {
  return (
    a === b ||
    (a.limit === b.limit &&
      a.windowMs === b.windowMs &&
      a.algorithm === b.algorithm &&
      a.burst === b.burst)
  )
}
