import { describe, expect, it } from 'vitest'
import { strictSlidingWindow } from './strict-sliding-window.ts'

/** Slices of a second. */
const rule = { algorithm: 'strict-sliding-window', limit: 10, windowMs: 60_000, burst: 10 } as const
const at = (nowMs: number) => ({ rule, nowMs })
const leasedAt = (nowMs: number) => ({ ...at(nowMs), isLease: true })

describe('strictSlidingWindow', () => {
  it('counts a call until no window that begins within its slice reaches it', () => {
    const state = strictSlidingWindow.debit(undefined, 10, at(100_500))
    expect(strictSlidingWindow.measure(state, at(160_999)).available).toBe(0)
    expect(strictSlidingWindow.measure(state, at(161_000)).available).toBe(10)
    expect(strictSlidingWindow.waitMs(state, 1, at(100_500))).toBe(60_500)
  })

  it('counts a leased token for as long as it may have been spent later', () => {
    const state = strictSlidingWindow.debit(undefined, 10, leasedAt(100_500))
    expect(strictSlidingWindow.measure(state, at(100_500)).leaseMs).toBe(2000)
    expect(strictSlidingWindow.measure(state, at(162_999)).available).toBe(0)
    expect(strictSlidingWindow.measure(state, at(163_000)).available).toBe(10)
  })

  it('gives tokens back slice by slice', () => {
    const first = strictSlidingWindow.debit(undefined, 4, at(100_000))
    const state = strictSlidingWindow.debit(first, 6, at(120_000))
    expect(strictSlidingWindow.waitMs(state, 4, at(130_000))).toBe(31_000)
    expect(strictSlidingWindow.waitMs(state, 5, at(130_000))).toBe(51_000)
    expect(strictSlidingWindow.waitMs(state, 11, at(130_000))).toBe(Infinity)
    expect(strictSlidingWindow.measure(state, at(161_000)).available).toBe(4)
    expect(strictSlidingWindow.measure(state, at(130_000)).resetInMs).toBe(51_000)
  })

  it('is reset when it was never used', () => {
    expect(strictSlidingWindow.measure(undefined, at(100_000))).toMatchObject({
      available: 10,
      resetInMs: 0,
    })
  })

  it('adds up what falls into one slice', () => {
    const first = strictSlidingWindow.debit(undefined, 4, at(100_000))
    const state = strictSlidingWindow.debit(first, 1, at(100_999))
    expect(state.slices).toEqual([[100, 5]])
  })

  it('gives back an admission from its own slice', () => {
    const first = strictSlidingWindow.debit(undefined, 4, at(100_000))
    const state = strictSlidingWindow.debit(first, 3, at(101_000))
    const receipt = { cost: 3, admittedAtMs: 101_000 }
    expect(strictSlidingWindow.credit(state, receipt, at(140_000))?.slices).toEqual([[100, 4]])
    expect(strictSlidingWindow.credit(state, receipt, at(162_000))).toBeNull()
  })

  it('gives back a call that may have been leased from the earliest slice that it can be in', () => {
    const first = strictSlidingWindow.debit(undefined, 4, leasedAt(100_000))
    const state = strictSlidingWindow.debit(first, 3, at(101_000))
    const credited = strictSlidingWindow.credit(
      state,
      { cost: 3, admittedAtMs: 101_000 },
      at(140_000),
    )
    expect(credited?.slices).toEqual([
      [100, 1],
      [101, 3],
    ])
  })

  it('covers each slice by itself', () => {
    const state = strictSlidingWindow.debit(undefined, 2, at(100_000))
    const persisted = strictSlidingWindow.debit(state, 5, at(100_000))
    expect(strictSlidingWindow.covers(persisted, state, at(100_500))).toBe(true)
    const later = strictSlidingWindow.debit(state, 1, at(101_000))
    expect(strictSlidingWindow.covers(persisted, later, at(101_000))).toBe(false)
  })

  it('does not cover a lease with what was only spent', () => {
    const state = strictSlidingWindow.debit(undefined, 2, leasedAt(100_000))
    const persisted = strictSlidingWindow.debit(undefined, 5, at(100_000))
    expect(strictSlidingWindow.covers(persisted, state, at(100_000))).toBe(false)
  })
})
