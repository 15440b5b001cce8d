import type { LimitAlgorithm } from './algorithm.ts'

export interface SlidingWindowState {
  /** When the current window began. */
  readonly startMs: number
  readonly current: number
  readonly previous: number
}

/**
 * This window's count, and of the last one the share that a trailing window still reaches into.
 *
 * A lease ends with the window it was taken from: until then the share of the last window only falls, so that spending
 * later is never worse than spending at once.
 */
export const slidingWindow: LimitAlgorithm<SlidingWindowState> = {
  roll(state, { rule: { windowMs }, nowMs }) {
    const startMs = Math.floor(nowMs / windowMs) * windowMs
    if (state === undefined) return { startMs, current: 0, previous: 0 }
    if (state.startMs >= startMs) return state
    const isNext = state.startMs + windowMs >= startMs
    return { startMs, current: 0, previous: isNext ? state.current : 0 }
  },

  measure(state, moment) {
    const { limit, windowMs } = moment.rule
    const { startMs, current, previous } = slidingWindow.roll(state, moment)
    const resetInMs = startMs + windowMs - moment.nowMs
    // In whole tokens, with one division, so that no rounding admits a part of one.
    const used = current + Math.ceil((previous * resetInMs) / windowMs)
    const available = Math.max(0, limit - used)
    return { available, leasable: available, leaseMs: resetInMs, used, resetInMs }
  },

  waitMs(state, cost, moment) {
    const { limit, windowMs } = moment.rule
    if (cost > limit) return Infinity
    const { startMs, current, previous } = slidingWindow.roll(state, moment)
    const resetInMs = startMs + windowMs - moment.nowMs
    const room = limit - cost
    // While at most `room - current` of the last window counts: either still in this window, or in the next.
    if (current <= room) {
      return Math.max(0, resetInMs - reach(room - current, { of: previous, windowMs }))
    }
    return resetInMs + windowMs - reach(room, { of: current, windowMs })
  },

  debit(state, tokens, moment) {
    const rolled = slidingWindow.roll(state, moment)
    return { ...rolled, current: rolled.current + tokens }
  },

  credit(state, { cost, admittedAtMs }, moment) {
    const rolled = slidingWindow.roll(state, moment)
    if (admittedAtMs < rolled.startMs || rolled.current === 0) return null
    return { ...rolled, current: Math.max(0, rolled.current - cost) }
  },

  covers(persisted, state, moment) {
    const kept = slidingWindow.roll(persisted, moment)
    const { current, previous } = slidingWindow.roll(state, moment)
    return kept.current >= current && kept.previous >= previous
  },
}

/** How long before the end of a window the share of the one before is at most `tokens`. */
function reach(
  tokens: number,
  { of, windowMs }: { readonly of: number; readonly windowMs: number },
): number {
  return of <= tokens ? windowMs : Math.floor((tokens * windowMs) / of)
}
