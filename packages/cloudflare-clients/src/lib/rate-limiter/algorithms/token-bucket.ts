import type { LimitRule } from '../rate-limit-backend.ts'
import type { LimitAlgorithm } from './algorithm.ts'

/**
 * A bucket by what is missing from it (GCRA). Debt is in `1 / windowMs` tokens, of which `limit` come back in a millisecond, so
 * that all of it is whole numbers.
 */
export interface TokenBucketState {
  readonly debt: number
  /** When `debt` was that. */
  readonly atMs: number
  /** How much later than debited a token may be spent: the longest lease since the bucket was last full for as long. */
  readonly slackMs: number
  /** The lowest that the debt has been since `lowSinceMs`: what a refund of then certainly still finds. */
  readonly low: number
  readonly lowSinceMs: number
}

/**
 * A bucket of `burst` tokens, refilled at `limit` a window: any interval of `d` spends at most `burst + d × limit / window`.
 *
 * A token spent later than it was debited comes on top of what was refilled meanwhile. So while leases are out, the bucket
 * holds as much less as is refilled in the length of one.
 */
export const tokenBucket: LimitAlgorithm<TokenBucketState> = {
  roll(state, { rule, nowMs }) {
    if (state === undefined) return { debt: 0, atMs: nowMs, slackMs: 0, low: 0, lowSinceMs: nowMs }
    const elapsedMs = nowMs - state.atMs
    if (elapsedMs <= 0) return state
    const debt = Math.max(0, state.debt - elapsedMs * rule.limit)
    const fullForMs = elapsedMs - state.debt / rule.limit
    return {
      debt,
      atMs: nowMs,
      slackMs: fullForMs >= state.slackMs ? 0 : state.slackMs,
      low: Math.min(state.low, debt),
      lowSinceMs: state.lowSinceMs,
    }
  },

  measure(state, moment) {
    const { rule } = moment
    const { debt, slackMs } = tokenBucket.roll(state, moment)
    const leaseMs = leaseMsOf(rule)
    return {
      available: tokensLeft(rule, debt, slackMs),
      leasable: tokensLeft(rule, debt, Math.max(slackMs, leaseMs)),
      leaseMs,
      used: Math.ceil(debt / rule.windowMs),
      resetInMs: Math.ceil(debt / rule.limit),
    }
  },

  waitMs(state, cost, moment) {
    const { burst, limit, windowMs } = moment.rule
    if (cost > burst) return Infinity
    const { debt, slackMs } = tokenBucket.roll(state, moment)
    const excess = debt + slackMs * limit - (burst - cost) * windowMs
    if (excess <= 0) return 0
    // The slack ends when the bucket has been full for as long.
    return Math.ceil(Math.min(excess / limit, debt / limit + slackMs))
  },

  debit(state, tokens, moment) {
    const { rule, nowMs, isLease = false } = moment
    const { debt, slackMs, low, lowSinceMs } = tokenBucket.roll(state, moment)
    const debited = debt + tokens * rule.windowMs
    const isOver = low === 0 || nowMs - lowSinceMs >= rule.windowMs
    return {
      debt: debited,
      atMs: nowMs,
      slackMs: isLease ? Math.max(slackMs, leaseMsOf(rule)) : slackMs,
      low: isOver ? debited : low,
      lowSinceMs: isOver ? nowMs : lowSinceMs,
    }
  },

  credit(state, { cost, admittedAtMs }, moment) {
    const { rule, nowMs } = moment
    const rolled = tokenBucket.roll(state, moment)
    const debitedAtMs = admittedAtMs - rolled.slackMs
    const owed = cost * rule.windowMs
    // What the refill has given back already is not given back again. Of a debit, at least this is left:
    const left = owed - (nowMs - debitedAtMs) * rule.limit
    // And no less than the lowest that the debt has been since.
    const lowest = debitedAtMs >= rolled.lowSinceMs ? Math.min(owed, rolled.low) : 0
    const credited = Math.min(rolled.debt, Math.max(left, lowest))
    if (credited <= 0) return null
    return {
      ...rolled,
      debt: rolled.debt - credited,
      low: Math.max(0, rolled.low - credited),
    }
  },

  covers(persisted, state, moment) {
    const kept = tokenBucket.roll(persisted, moment)
    const { debt, slackMs } = tokenBucket.roll(state, moment)
    return kept.debt >= debt && kept.slackMs >= slackMs
  },
}

/** A tenth of a window, and not so long that less than half of the bucket were left to grant from. */
function leaseMsOf({ burst, limit, windowMs }: LimitRule): number {
  return Math.floor(Math.min(windowMs / 10, (burst * windowMs) / (2 * limit)))
}

function tokensLeft({ burst, limit, windowMs }: LimitRule, debt: number, slackMs: number): number {
  return Math.max(0, Math.floor((burst * windowMs - slackMs * limit - debt) / windowMs))
}
