import { checkNumber } from '../shared/check-number.ts'
import type { LimitMoment } from './algorithms/algorithm.ts'
import type {
  AcquireReply,
  AcquireRequest,
  AuthorityChange,
  CheckAllReply,
  CheckAllRequest,
  LimitAuthorityCalls,
} from './authority-protocol.ts'
import type { LimitCount } from './limit-count.ts'
import { LimitRecord } from './limit-record.ts'
import type { LimitStorage } from './limit-row.ts'
import type { LimitRule, RateLimitStatus } from './rate-limit-backend.ts'

export interface LimitAuthorityOptions {
  /** The clock, in epoch ms. Default `Date.now`. A key's own time never goes back, whatever the clock does. */
  readonly now?: () => number
  /** Where rows are kept for after a restart. Default: nowhere. */
  readonly storage?: LimitStorage
  /**
   * How many keys are held in memory, at least 1. The longest unused is dropped first, which without storage
   * forgets its count. Default 10,000.
   */
  readonly maxKeys?: number
}

/** A lease is at most this part of what is left and of the limit, for each holder. */
const leaseShare = { ofAvailable: 2, ofLimit: 10 }
/** A shorter lease would be over before its holder has it. */
const minLeaseMs = 100

/** One key at one moment, with what is in force there. */
interface Turn extends LimitMoment {
  readonly record: LimitRecord
  readonly count: LimitCount
}

/**
 * Decides for all keys of one place: the only one that grants tokens of them.
 *
 * Every decision is synchronous, so that nothing comes between reading a count and writing it, and every token is counted
 * when it is granted. With storage a restart forgets no grant: what is kept is ahead of what was granted, by at most 2 % of the limit,
 * which a restart costs.
 *
 * `RateLimiterObject` is this in a Durable Object. For tests and simulations it runs anywhere, on any clock.
 */
export class LimitAuthority implements LimitAuthorityCalls {
  readonly #now: () => number
  readonly #storage: LimitStorage | undefined
  readonly #maxKeys: number
  /** The longest unused first. */
  readonly #records = new Map<string, LimitRecord>()

  constructor({ now = Date.now, storage, maxKeys = 10_000 }: LimitAuthorityOptions = {}) {
    this.#now = now
    this.#storage = storage
    this.#maxKeys = checkNumber('create limit authority: maxKeys', maxKeys, { min: 1 })
  }

  /** @throws {RangeError} When a cost is not a whole number of at least 1, or the rule is none. */
  acquire(request: AcquireRequest): AcquireReply {
    const { key, rule, holder, seq, costs, want } = request
    assertRule(rule)
    for (const cost of costs) assertWhole('cost', cost, 1)
    assertWhole('want', want, 0)
    const turn = this.#begin(key, rule)
    const { holders } = turn.record
    holders.prune(turn.nowMs, rule.windowMs)
    const earlier = holder === '' ? undefined : holders.get(holder)
    if (earlier?.seq === seq) return replay(earlier.reply, turn.nowMs)

    const isLate = earlier !== undefined && earlier.seq > seq
    const isOpen = !isLate && turn.record.blockedMs === 0
    const verdicts = costs.map((cost) => isOpen && spendWhole(cost, turn))
    const leaseholders = holders.countLeasing(holder, want)
    const lease = isOpen ? lend(want, leaseholders, turn) : noLease
    this.#keepAhead(key, turn.record)
    const denied = isLate ? [] : costs.filter((_, index) => verdicts[index] === false)
    const reply = describe(turn, { verdicts, ...lease, denied, leaseholders })
    if (holder !== '' && !isLate) holders.remember(holder, { seq, reply, want })
    this.#trim()
    return reply
  }

  checkAll(requests: readonly CheckAllRequest[]): CheckAllReply {
    const asked = requests.map(({ key, rule, cost }) => {
      assertRule(rule)
      assertWhole('cost', cost, 1)
      return { key, cost, turn: this.#begin(key, rule) }
    })
    const spent = new Map<LimitCount, number>()
    const fits = asked.map(({ cost, turn }) => {
      const total = (spent.get(turn.count) ?? 0) + cost
      spent.set(turn.count, total)
      return turn.record.blockedMs === 0 && total <= turn.count.measure(turn).available
    })
    const allowed = fits.every((one) => one)
    if (allowed) {
      for (const { cost, turn } of asked) turn.count.spend(cost, turn)
    }
    for (const { key, turn } of asked) this.#keepAhead(key, turn.record)
    this.#trim()
    return asked.map(({ cost, turn }, index) =>
      describe(turn, {
        verdicts: [allowed],
        ...noLease,
        denied: fits[index] === true ? [] : [cost],
        leaseholders: turn.record.holders.countLeasing(),
      }),
    )
  }

  getStatus(key: string, rule: LimitRule): RateLimitStatus {
    assertRule(rule)
    const { record, count, ...moment } = this.#begin(key, rule)
    const { available, used, resetInMs } = count.measure(moment)
    const { override, blockedMs, blockedUntilMs } = record
    this.#letGo(key, record)
    return {
      limit: moment.rule.limit,
      used,
      remaining: available,
      resetAt: moment.nowMs + resetInMs,
      ...(blockedMs > 0 && { blockedUntil: blockedUntilMs }),
      ...(override !== undefined && {
        override: {
          limit: override.limit,
          ...(override.untilMs !== undefined && { expiresAt: override.untilMs }),
        },
      }),
    }
  }

  change(change: AuthorityChange): boolean {
    const { key } = change
    const record = this.#record(key)
    record.see(this.#now())
    const isChanged =
      change.type === 'refund' ? this.#refund(change, record) : applyChange(change, record)
    // At once: a block or a reset that a restart undoes was none. A refund may be lost.
    if (isChanged && change.type !== 'refund') this.#keep(key, record)
    this.#letGo(key, record)
    return isChanged
  }

  /** Forgets those of the keys that say nothing any more, and keeps of the others until when they will. */
  deleteIdle(keys: Iterable<string>): void {
    for (const key of keys) {
      const record = this.#record(key)
      if (record.idleAtMs > record.see(this.#now())) {
        this.#keep(key, record)
      } else {
        this.#records.delete(key)
        this.#storage?.delete(key)
      }
      this.#trim()
    }
  }

  #refund(change: AuthorityChange & { readonly type: 'refund' }, record: LimitRecord): boolean {
    const { key, receipt, rule } = change
    assertRule(rule)
    assertWhole('cost', receipt.cost, 1)
    if (!record.refunded.mayRefund(receipt)) return false
    const { count, ...moment } = this.#begin(key, rule)
    if (!count.refund(receipt, moment)) return false
    record.refunded.add(receipt)
    return true
  }

  #begin(key: string, rule: LimitRule): Turn {
    const record = this.#record(key)
    const nowMs = record.see(this.#now())
    const inForce = record.ruleInForce(rule)
    const count = record.countOf({ rule: inForce, nowMs })
    return { record, count, rule: inForce, nowMs }
  }

  #record(key: string): LimitRecord {
    const known = this.#records.get(key)
    const record = known ?? new LimitRecord(this.#now(), this.#storage?.load(key))
    if (known !== undefined) this.#records.delete(key)
    this.#records.set(key, record)
    return record
  }

  /** A key that was only asked about takes no room. */
  #letGo(key: string, record: LimitRecord): void {
    if (record.idleAtMs <= record.see(this.#now())) this.#records.delete(key)
    this.#trim()
  }

  /** After a decision and never within one, so that no key of it is held twice. */
  #trim(): void {
    for (const key of this.#records.keys()) {
      if (this.#records.size <= this.#maxKeys) return
      this.#records.delete(key)
    }
  }

  #keepAhead(key: string, record: LimitRecord): void {
    if (this.#storage !== undefined && !record.isCovered()) this.#keep(key, record)
  }

  #keep(key: string, record: LimitRecord): void {
    const storage = this.#storage
    if (storage === undefined) return
    record.keep((row) => {
      storage.save(key, row)
    })
  }
}

const noLease = { lease: 0, ttlMs: 0 }

function spendWhole(cost: number, turn: Turn): boolean {
  if (cost > turn.count.measure(turn).available) return false
  turn.count.spend(cost, turn)
  return true
}

function lend(want: number, leaseholders: number, turn: Turn): typeof noLease {
  if (want === 0) return noLease
  const { leasable, leaseMs } = turn.count.measure(turn)
  const holders = Math.max(1, leaseholders)
  const lease = Math.min(
    want,
    Math.floor(leasable / (leaseShare.ofAvailable * holders)),
    Math.floor(turn.rule.limit / (leaseShare.ofLimit * holders)),
  )
  if (lease <= 0 || leaseMs < minLeaseMs) return noLease
  turn.count.lend(lease, { ...turn, leaseMs })
  return { lease, ttlMs: leaseMs }
}

function describe(
  { record, count, ...moment }: Turn,
  decided: Pick<AcquireReply, 'verdicts' | 'lease' | 'ttlMs'> & {
    readonly denied: readonly number[]
    readonly leaseholders: number
  },
): AcquireReply {
  const { verdicts, lease, ttlMs, denied, leaseholders } = decided
  const { available, resetInMs } = count.measure(moment)
  const { blockedMs } = record
  const { limit } = moment.rule
  const waitMs = denied.length === 0 ? 0 : count.waitMs(Math.min(...denied), moment)
  const safeShare = leaseholders === 0 ? limit / 10 : limit / (2 * leaseholders)
  return {
    verdicts,
    lease,
    ttlMs,
    available,
    retryAfterMs: denied.length === 0 ? 0 : Math.max(waitMs, blockedMs),
    resetInMs,
    limit,
    safeShare: Math.max(1, Math.floor(safeShare)),
    epoch: record.epoch,
    blockedMs,
    nowMs: moment.nowMs,
  }
}

/** The same grants once more. Their lease ends when it would have: what has passed since is off its length. */
function replay(reply: AcquireReply, nowMs: number): AcquireReply {
  return { ...reply, ttlMs: Math.max(0, reply.ttlMs - (nowMs - reply.nowMs)) }
}

function applyChange(
  change: Exclude<AuthorityChange, { readonly type: 'refund' }>,
  record: LimitRecord,
): boolean {
  switch (change.type) {
    case 'reset':
      return record.reset()
    case 'block':
      checkNumber('block: ms', change.ms, { min: 0, max: Number.MAX_SAFE_INTEGER })
      return record.block(change.ms)
    case 'override':
      if (change.override !== null) {
        const { limit, ttlMs = 1 } = change.override
        assertWhole('limit', limit, 1)
        checkNumber('override limit: ttlMs', ttlMs, { min: 1, max: Number.MAX_SAFE_INTEGER })
      }
      return record.setOverride(change.override)
  }
}

function assertRule({ limit, windowMs, burst }: LimitRule): void {
  assertWhole('limit', limit, 1)
  assertWhole('burst', burst, 1)
  if (!(windowMs > 0)) {
    throw new RangeError(
      `Cannot check rate limit: windowMs must be greater than 0, received ${windowMs}`,
    )
  }
}

function assertWhole(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return
  throw new RangeError(
    `Cannot check rate limit: ${name} must be a whole number of at least ${min}, received ${value}`,
  )
}
