import type { LimitAlgorithm } from './algorithm.ts'

export interface FixedWindowState {
  readonly startMs: number
  readonly used: number
}

/** Windows aligned to the clock. A lease ends with the window it was taken from, so no window spends more than its limit. */
export const fixedWindow: LimitAlgorithm<FixedWindowState> = {
  roll(state, { rule: { windowMs }, nowMs }) {
    const startMs = Math.floor(nowMs / windowMs) * windowMs
    return state !== undefined && state.startMs >= startMs ? state : { startMs, used: 0 }
  },

  measure(state, moment) {
    const { limit, windowMs } = moment.rule
    const { startMs, used } = fixedWindow.roll(state, moment)
    const available = Math.max(0, limit - used)
    const resetInMs = startMs + windowMs - moment.nowMs
    return { available, leasable: available, leaseMs: resetInMs, used, resetInMs }
  },

  waitMs(state, cost, moment) {
    if (cost > moment.rule.limit) return Infinity
    const { available, resetInMs } = fixedWindow.measure(state, moment)
    return cost <= available ? 0 : resetInMs
  },

  debit(state, tokens, moment) {
    const { startMs, used } = fixedWindow.roll(state, moment)
    return { startMs, used: used + tokens }
  },

  credit(state, { cost, admittedAtMs }, moment) {
    const { startMs, used } = fixedWindow.roll(state, moment)
    if (admittedAtMs < startMs || used === 0) return null
    return { startMs, used: Math.max(0, used - cost) }
  },

  covers(persisted, state, moment) {
    return fixedWindow.roll(persisted, moment).used >= fixedWindow.roll(state, moment).used
  },
}
