import type { LimitRule } from '../rate-limit-backend.ts'

/** Under which rule, and when. */
export interface LimitMoment {
  readonly rule: LimitRule
  /** In epoch ms. Never before a moment that the state has seen. */
  readonly nowMs: number
}

/** What a state comes to at a moment. */
export interface LimitMeasure {
  /** Tokens that may be granted and spent now. */
  readonly available: number
  /** Tokens that may be granted now and spent within `leaseMs`. Never more than `available`. */
  readonly leasable: number
  readonly leaseMs: number
  /** Tokens that still count against the limit. */
  readonly used: number
  /** How long until the window ends, or the whole limit is there again. */
  readonly resetInMs: number
}

/** The part of a receipt that says what to give back. */
interface LimitCredit {
  readonly cost: number
  /** By the authority's clock, and never later than it was. */
  readonly admittedAtMs: number
}

/**
 * A way of counting, as pure functions: a state is plain JSON, and `undefined` is that of a key that was never seen.
 *
 * Tokens are debited when they are granted. A leased token is spent at some time up to `leaseMs` later, and what an algorithm
 * promises holds for when tokens are spent.
 */
export interface LimitAlgorithm<State> {
  /** Drops what no longer counts. */
  roll(state: State | undefined, moment: LimitMoment): State
  measure(state: State | undefined, moment: LimitMoment): LimitMeasure
  /** How long until `cost` tokens may be granted when nothing else is. `Infinity`: never under this rule. */
  waitMs(state: State | undefined, cost: number, moment: LimitMoment): number
  /** `isLease`: the tokens may be spent up to `leaseMs` later. Does not ask whether they are available. */
  debit(
    state: State | undefined,
    tokens: number,
    moment: LimitMoment & { readonly isLease?: boolean },
  ): State
  /** Gives back what still counts of an admission. @returns `null` where nothing does. */
  credit(state: State | undefined, credit: LimitCredit, moment: LimitMoment): State | null
  /** Whether `persisted` admits nothing, now and later, that `state` would not. */
  covers(persisted: State, state: State, moment: LimitMoment): boolean
}
