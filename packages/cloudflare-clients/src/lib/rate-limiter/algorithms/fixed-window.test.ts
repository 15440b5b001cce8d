import { describe, expect, it } from 'vitest'
import { fixedWindow } from './fixed-window.ts'

const rule = { algorithm: 'fixed-window', limit: 5, windowMs: 1000, burst: 5 } as const
const at = (nowMs: number) => ({ rule, nowMs })

describe('fixedWindow', () => {
  it('has the whole limit in a window that was never seen', () => {
    expect(fixedWindow.measure(undefined, at(7300))).toEqual({
      available: 5,
      leasable: 5,
      leaseMs: 700,
      used: 0,
      resetInMs: 700,
    })
  })

  it('counts until the window ends and then starts again', () => {
    const state = fixedWindow.debit(undefined, 5, at(7300))
    expect(fixedWindow.measure(state, at(7999))).toMatchObject({ available: 0, resetInMs: 1 })
    expect(fixedWindow.measure(state, at(8000))).toMatchObject({ available: 5, resetInMs: 1000 })
  })

  it('waits for the next window, or for ever for what is above the limit', () => {
    const state = fixedWindow.debit(undefined, 4, at(7300))
    expect(fixedWindow.waitMs(state, 1, at(7400))).toBe(0)
    expect(fixedWindow.waitMs(state, 2, at(7400))).toBe(600)
    expect(fixedWindow.waitMs(state, 6, at(7400))).toBe(Infinity)
  })

  it('gives back what was admitted in this window only', () => {
    const state = fixedWindow.debit(undefined, 3, at(7300))
    const credited = fixedWindow.credit(state, { cost: 2, admittedAtMs: 7300 }, at(7900))
    expect(credited).toEqual({ startMs: 7000, used: 1 })
    const next = fixedWindow.debit(state, 3, at(8000))
    expect(fixedWindow.credit(next, { cost: 2, admittedAtMs: 7999 }, at(8000))).toBeNull()
  })

  it('covers no grant of a later window', () => {
    const persisted = fixedWindow.debit(undefined, 5, at(7300))
    const state = fixedWindow.debit(undefined, 4, at(7300))
    expect(fixedWindow.covers(persisted, state, at(7900))).toBe(true)
    const later = fixedWindow.debit(state, 1, at(8000))
    expect(fixedWindow.covers(persisted, later, at(8000))).toBe(false)
  })

  it('stays in a window that is ahead of the clock', () => {
    const state = fixedWindow.debit(undefined, 5, at(8000))
    expect(fixedWindow.measure(state, at(7999)).available).toBe(0)
  })
})
