import type { LimitAlgorithm, LimitMoment } from './algorithm.ts'

export interface StrictSlidingWindowState {
  /** Tokens debited in a slice of time, oldest first: its index since the epoch and how many. */
  readonly slices: readonly (readonly [index: number, tokens: number])[]
  /** The last slice in which tokens were leased. */
  readonly leasedIndex: number
}

/** A window is this many slices. */
const slicesPerWindow = 60
/** A lease lives this many. */
const slicesPerLease = 2
/** A window of whole slices that begins within one touches one more. */
const spentSlices = slicesPerWindow + 1
/** What is spent in a window was debited in it, or a lease before it. */
const leasedSlices = spentSlices + slicesPerLease

/**
 * Counts over every slice that a trailing window can reach into, so that none, wherever it begins, spends more than the limit.
 *
 * A slice counts as a whole for as long as a part of it does, which costs up to a sixtieth of the limit, and three with leases,
 * while they are out.
 */
export const strictSlidingWindow: LimitAlgorithm<StrictSlidingWindowState> = {
  roll(state, moment) {
    if (state === undefined) return { slices: [], leasedIndex: -1 }
    const from = firstIndex(state, moment)
    const [oldest] = state.slices
    if (oldest === undefined || oldest[0] >= from) return state
    return { ...state, slices: state.slices.filter(([index]) => index >= from) }
  },

  measure(state, moment) {
    const { limit, windowMs } = moment.rule
    const rolled = strictSlidingWindow.roll(state, moment)
    const used = total(rolled)
    const available = Math.max(0, limit - used)
    const newest = rolled.slices.at(-1)
    return {
      available,
      leasable: available,
      leaseMs: Math.floor((windowMs * slicesPerLease) / slicesPerWindow),
      used,
      resetInMs: newest === undefined ? 0 : leavesInMs(newest[0], rolled, moment),
    }
  },

  waitMs(state, cost, moment) {
    const { limit } = moment.rule
    if (cost > limit) return Infinity
    const rolled = strictSlidingWindow.roll(state, moment)
    let excess = total(rolled) + cost - limit
    if (excess <= 0) return 0
    for (const [index, tokens] of rolled.slices) {
      excess -= tokens
      if (excess <= 0) return leavesInMs(index, rolled, moment)
    }
    return 0
  },

  debit(state, tokens, moment) {
    const index = indexAt(moment)
    const { slices, leasedIndex } = strictSlidingWindow.roll(state, moment)
    const newest = slices.at(-1)
    const isSame = newest !== undefined && newest[0] >= index
    return {
      slices: isSame
        ? [...slices.slice(0, -1), [newest[0], newest[1] + tokens]]
        : [...slices, [index, tokens]],
      leasedIndex: moment.isLease === true ? index : leasedIndex,
    }
  },

  credit(state, { cost, admittedAtMs }, moment) {
    const { slices, leasedIndex } = strictSlidingWindow.roll(state, moment)
    const admittedIndex = indexAt({ ...moment, nowMs: admittedAtMs })
    // A leased token was debited up to a lease before. Taking it from the earliest slice that it can be in never
    // makes a later one count less than was debited in it.
    const from =
      admittedIndex - (leasedIndex >= admittedIndex - slicesPerLease ? slicesPerLease : 0)
    let owed = cost
    const credited = slices.map(([index, tokens]): [number, number] => {
      const taken = index < from || index > admittedIndex ? 0 : Math.min(owed, tokens)
      owed -= taken
      return [index, tokens - taken]
    })
    return owed === cost ? null : { slices: credited.filter(([, left]) => left > 0), leasedIndex }
  },

  covers(persisted, state, moment) {
    const kept = strictSlidingWindow.roll(persisted, moment)
    const { slices, leasedIndex } = strictSlidingWindow.roll(state, moment)
    if (kept.leasedIndex < leasedIndex) return false
    const tokensOf = new Map(kept.slices)
    return slices.every(([index, tokens]) => (tokensOf.get(index) ?? 0) >= tokens)
  },
}

/** One division, which for whole milliseconds rounds down to the right slice. */
function indexAt({ rule, nowMs }: LimitMoment): number {
  return Math.floor((nowMs * slicesPerWindow) / rule.windowMs)
}

/** Tokens of the two earliest slices count only where they may be leased ones, which are spent later. */
function countedSlices({ leasedIndex }: StrictSlidingWindowState, moment: LimitMoment): number {
  return leasedIndex > indexAt(moment) - leasedSlices ? leasedSlices : spentSlices
}

function firstIndex(state: StrictSlidingWindowState, moment: LimitMoment): number {
  return indexAt(moment) - countedSlices(state, moment) + 1
}

function leavesInMs(index: number, state: StrictSlidingWindowState, moment: LimitMoment): number {
  const leavesAt = index + countedSlices(state, moment)
  return Math.ceil((leavesAt * moment.rule.windowMs) / slicesPerWindow) - moment.nowMs
}

function total({ slices }: StrictSlidingWindowState): number {
  return slices.reduce((sum, [, tokens]) => sum + tokens, 0)
}
