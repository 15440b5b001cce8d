import { describe, expect, it } from 'vitest'
import { slidingWindow } from './sliding-window.ts'

const rule = { algorithm: 'sliding-window', limit: 10, windowMs: 1000, burst: 10 } as const
const at = (nowMs: number) => ({ rule, nowMs })

describe('slidingWindow', () => {
  it('counts of the last window the share that is still in reach', () => {
    const state = slidingWindow.debit(undefined, 10, at(7000))
    expect(slidingWindow.measure(state, at(8000))).toMatchObject({ available: 0, used: 10 })
    expect(slidingWindow.measure(state, at(8099))).toMatchObject({ available: 0 })
    expect(slidingWindow.measure(state, at(8100))).toMatchObject({ available: 1 })
    expect(slidingWindow.measure(state, at(8999))).toMatchObject({ available: 9 })
    expect(slidingWindow.measure(state, at(9000))).toMatchObject({ available: 10 })
  })

  it('forgets a window that is not the last', () => {
    const state = slidingWindow.debit(undefined, 10, at(7000))
    expect(slidingWindow.roll(state, at(9000))).toEqual({ startMs: 9000, current: 0, previous: 0 })
  })

  it.each([
    { name: 'in this window', current: 2, previous: 10, nowMs: 8000, cost: 3 },
    { name: 'in the next window', current: 9, previous: 4, nowMs: 8500, cost: 4 },
    { name: 'at the very end of it', current: 10, previous: 0, nowMs: 8500, cost: 10 },
  ])('knows to the millisecond when a call fits $name', ({ current, previous, nowMs, cost }) => {
    const state = { startMs: 8000, current, previous }
    const waitMs = slidingWindow.waitMs(state, cost, at(nowMs))
    expect(slidingWindow.measure(state, at(nowMs + waitMs - 1)).available).toBeLessThan(cost)
    expect(slidingWindow.measure(state, at(nowMs + waitMs)).available).toBeGreaterThanOrEqual(cost)
  })

  it('does not wait for what fits, and for ever for what is above the limit', () => {
    expect(slidingWindow.waitMs(undefined, 10, at(7000))).toBe(0)
    expect(slidingWindow.waitMs(undefined, 11, at(7000))).toBe(Infinity)
  })

  it('gives back what was admitted in this window only', () => {
    const state = slidingWindow.debit(undefined, 4, at(7300))
    const credited = slidingWindow.credit(state, { cost: 3, admittedAtMs: 7300 }, at(7900))
    expect(credited).toMatchObject({ current: 1 })
    const next = slidingWindow.debit(state, 4, at(8000))
    expect(slidingWindow.credit(next, { cost: 1, admittedAtMs: 7300 }, at(8000))).toBeNull()
  })

  it('covers a state only where both of its windows are covered', () => {
    const state = { startMs: 8000, current: 2, previous: 3 }
    const covers = (current: number, previous: number) =>
      slidingWindow.covers({ startMs: 8000, current, previous }, state, at(8500))
    expect(covers(2, 3)).toBe(true)
    expect(covers(1, 9)).toBe(false)
    expect(covers(9, 2)).toBe(false)
  })

  it('covers no grant of a later window with what was taken in advance in an earlier one', () => {
    const persisted = { startMs: 8000, current: 9, previous: 0 }
    const state = { startMs: 9000, current: 1, previous: 5 }
    expect(slidingWindow.covers(persisted, state, at(9000))).toBe(false)
  })
})
