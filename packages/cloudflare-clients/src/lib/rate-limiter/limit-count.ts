import type { LimitAlgorithm, LimitMeasure, LimitMoment } from './algorithms/algorithm.ts'
import { algorithmOf, type LimitState } from './algorithms/algorithm-of.ts'
import type { LimitCountRow } from './limit-row.ts'
import { LentTokens } from './lent-tokens.ts'
import type { LimitRule, RateLimitReceipt } from './rate-limit-backend.ts'

const hourMs = 3_600_000
/** The part of the limit that a row counts as granted in advance, so that it need not be written for every grant. */
const chunkPercent = 2

/** One key's count under one algorithm and window, and what of it is kept for after a restart. */
export class LimitCount {
  readonly #algorithm: LimitAlgorithm<LimitState>
  readonly #lent = new LentTokens()
  #rule: LimitRule
  #state: LimitState | undefined
  #row: LimitCountRow | undefined
  #idleAtMs = 0

  constructor(rule: LimitRule) {
    this.#algorithm = algorithmOf(rule)
    this.#rule = rule
  }

  static restore(row: LimitCountRow, nowMs: number): LimitCount {
    const count = new LimitCount(row.rule)
    count.#row = row
    count.#state = row.state
    count.#lent.add(row.leasedTokens, { nowMs, untilMs: row.leasedUntilMs })
    count.#use({ rule: row.rule, nowMs })
    return count
  }

  /** From when on it is as if it had never been used. */
  get idleAtMs(): number {
    return this.#idleAtMs
  }

  /** Counts under this rule from now on: its limit may be another than before. */
  adopt(moment: LimitMoment): void {
    if (this.#state !== undefined && moment.rule.limit !== this.#rule.limit) {
      // When the limit changed is not known. At the lower of the two no more has come back than under both in turn.
      const limit = Math.min(moment.rule.limit, this.#rule.limit)
      this.#state = this.#algorithm.roll(this.#state, {
        ...moment,
        rule: { ...moment.rule, limit },
      })
    }
    this.#rule = moment.rule
  }

  adoptLimit(limit: number, nowMs: number): void {
    this.adopt({ rule: { ...this.#rule, limit }, nowMs })
  }

  measure(moment: LimitMoment): LimitMeasure {
    return this.#algorithm.measure(this.#state, moment)
  }

  waitMs(cost: number, moment: LimitMoment): number {
    return this.#algorithm.waitMs(this.#state, cost, moment)
  }

  spend(tokens: number, moment: LimitMoment): void {
    this.#state = this.#algorithm.debit(this.#state, tokens, moment)
    this.#use(moment)
  }

  lend(tokens: number, moment: LimitMoment & { readonly leaseMs: number }): void {
    const { nowMs, leaseMs } = moment
    this.#state = this.#algorithm.debit(this.#state, tokens, { ...moment, isLease: true })
    this.#lent.add(tokens, { nowMs, untilMs: nowMs + leaseMs })
    this.#use(moment)
  }

  /** @returns Whether anything of it still counted. */
  refund({ cost, admittedAtMs }: RateLimitReceipt, moment: LimitMoment): boolean {
    const admission = { cost, admittedAtMs: Math.min(admittedAtMs, moment.nowMs) }
    const credited = this.#algorithm.credit(this.#state, admission, moment)
    if (credited === null) return false
    this.#state = credited
    return true
  }

  /** Starts again from what holders of leases may still spend. */
  reset(nowMs: number): void {
    const moment = { rule: this.#rule, nowMs }
    const { tokens } = this.#lent.at(nowMs)
    this.#row = undefined
    this.#state =
      tokens === 0
        ? undefined
        : this.#algorithm.debit(undefined, tokens, { ...moment, isLease: true })
    this.#use(moment)
  }

  /** Whether a restart from the row would admit nothing that this count would not. */
  isCovered(nowMs: number): boolean {
    if (this.#state === undefined) return this.#row === undefined
    if (this.#row === undefined || this.#row.rule.limit > this.#rule.limit) return false
    const { tokens, untilMs } = this.#lent.at(nowMs)
    const moment = { rule: this.#rule, nowMs }
    return (
      this.#row.leasedTokens >= tokens &&
      this.#row.leasedUntilMs >= untilMs &&
      this.#algorithm.covers(this.#row.state, this.#state, moment)
    )
  }

  /** @returns What to keep: the row there is while that covers, and else one that covers some of what follows too. */
  toRow(nowMs: number): LimitCountRow | undefined {
    if (this.#state === undefined) return undefined
    if (this.#row !== undefined && this.isCovered(nowMs)) return this.#row
    const rule = this.#rule
    const moment = { rule, nowMs }
    const { available } = this.#algorithm.measure(this.#state, moment)
    const chunk = Math.min(available, Math.floor((rule.limit * chunkPercent) / 100))
    const { tokens, untilMs } = this.#lent.at(nowMs)
    return {
      rule,
      state: this.#algorithm.debit(this.#state, chunk, moment),
      leasedTokens: tokens === 0 ? 0 : tokens + chunk,
      // Leases of a constant length end later and later.
      leasedUntilMs: tokens === 0 ? 0 : untilMs + Math.min(untilMs - nowMs, rule.windowMs / 10),
    }
  }

  /** What was kept. */
  rememberRow(row: LimitCountRow | undefined): void {
    this.#row = row
  }

  #use(moment: LimitMoment): void {
    const { resetInMs } = this.measure(moment)
    this.#idleAtMs = moment.nowMs + Math.max(resetInMs, 2 * moment.rule.windowMs, hourMs)
  }
}
