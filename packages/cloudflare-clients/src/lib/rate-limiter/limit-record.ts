import type { LimitMoment } from './algorithms/algorithm.ts'
import { LimitCount } from './limit-count.ts'
import { type LimitOverride, type LimitRow, neverMs } from './limit-row.ts'
import type { LimitRule } from './rate-limit-backend.ts'
import { RecentHolders } from './recent-holders.ts'
import { RefundedReceipts } from './refunded-receipts.ts'

/** All that an authority knows of a key: its counts, its block and its override, and who asks about it. */
export class LimitRecord {
  readonly holders = new RecentHolders()
  readonly refunded: RefundedReceipts
  #epoch = 0
  #seenMs: number
  #blockedUntilMs = 0
  #override: LimitOverride | undefined
  /** By algorithm and window: two rules that share a key and differ in these are counted apart. */
  readonly #counts = new Map<string, LimitCount>()

  constructor(nowMs: number, row?: LimitRow) {
    this.#seenMs = Math.max(nowMs, row?.seenMs ?? 0)
    // In the millisecond in which a row is read, admissions may be from before; of a new key none is.
    this.refunded = new RefundedReceipts(row === undefined ? this.#seenMs - 1 : this.#seenMs)
    if (row === undefined) return
    this.#epoch = row.epoch
    this.#blockedUntilMs = row.blockedUntilMs
    this.#override = row.override
    for (const count of row.counts) {
      this.#counts.set(countKey(count.rule), LimitCount.restore(count, this.#seenMs))
    }
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The key's time, which never goes back. */
  see(nowMs: number): number {
    this.#seenMs = Math.max(nowMs, this.#seenMs)
    return this.#seenMs
  }

  /** The rule with the limit that is in force. A burst changes as much. */
  ruleInForce(rule: LimitRule): LimitRule {
    const limit = this.override?.limit
    if (limit === undefined) return rule
    const burst = Math.max(1, Math.floor((rule.burst * limit) / rule.limit))
    return { ...rule, limit, burst }
  }

  /** The count of a rule, under the limit that is in force. */
  countOf({ rule, nowMs }: LimitMoment): LimitCount {
    const count = this.#counts.get(countKey(rule)) ?? new LimitCount(rule)
    this.#counts.set(countKey(rule), count)
    count.adopt({ rule, nowMs })
    return count
  }

  get blockedUntilMs(): number {
    return this.#blockedUntilMs
  }

  get blockedMs(): number {
    return Math.max(0, this.#blockedUntilMs - this.#seenMs)
  }

  /** Of its end, the last moment is over already. */
  get override(): LimitOverride | undefined {
    return (this.#override?.untilMs ?? neverMs) > this.#seenMs ? this.#override : undefined
  }

  /** @returns Whether there was anything to end. */
  reset(): boolean {
    if (this.#counts.size === 0) return false
    for (const count of this.#counts.values()) count.reset(this.#seenMs)
    this.refunded.forget(this.#seenMs)
    this.#epoch += 1
    return true
  }

  block(ms: number): boolean {
    if (ms === 0 && this.blockedMs === 0) return false
    this.#blockedUntilMs = this.#seenMs + ms
    this.#epoch += 1
    return true
  }

  setOverride(override: { readonly limit: number; readonly ttlMs?: number } | null): boolean {
    if (override === null && this.override === undefined) return false
    this.#override = override === null ? undefined : toOverride(override, this.#seenMs)
    if (override !== null) {
      for (const count of this.#counts.values()) count.adoptLimit(override.limit, this.#seenMs)
    }
    this.#epoch += 1
    return true
  }

  /** From when on it says nothing that matters. */
  get idleAtMs(): number {
    let idleAtMs = Math.max(this.#blockedUntilMs, this.#override?.untilMs ?? 0)
    if (this.#override !== undefined && this.#override.untilMs === undefined) return neverMs
    for (const count of this.#counts.values()) idleAtMs = Math.max(idleAtMs, count.idleAtMs)
    return idleAtMs
  }

  /** Whether a restart from what is kept would admit nothing that this record would not. */
  isCovered(): boolean {
    for (const count of this.#counts.values()) {
      if (!count.isCovered(this.#seenMs)) return false
    }
    return true
  }

  /** Keeps what a restart needs. What `save` does not take is not remembered as kept. */
  keep(save: (row: LimitRow) => void): void {
    for (const [key, count] of this.#counts) {
      if (count.idleAtMs <= this.#seenMs) this.#counts.delete(key)
    }
    const rows = [...this.#counts.values()].map((count) => count.toRow(this.#seenMs))
    const { override } = this
    save({
      epoch: this.#epoch,
      seenMs: this.#seenMs,
      idleAtMs: this.idleAtMs,
      blockedUntilMs: this.#blockedUntilMs,
      ...(override !== undefined && { override }),
      counts: rows.filter((row) => row !== undefined),
    })
    let index = 0
    for (const count of this.#counts.values()) count.rememberRow(rows[index++])
  }
}

function countKey({ algorithm, windowMs }: LimitRule): string {
  return `${algorithm} ${windowMs}`
}

function toOverride(
  { limit, ttlMs }: { readonly limit: number; readonly ttlMs?: number },
  nowMs: number,
): LimitOverride {
  return { limit, ...(ttlMs !== undefined && { untilMs: nowMs + ttlMs }) }
}
