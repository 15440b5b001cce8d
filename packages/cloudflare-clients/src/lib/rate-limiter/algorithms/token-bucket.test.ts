import { describe, expect, it } from 'vitest'
import { tokenBucket } from './token-bucket.ts'

/** A token every 100 ms, 20 at once. */
const rule = { algorithm: 'token-bucket', limit: 100, windowMs: 10_000, burst: 20 } as const
const at = (nowMs: number) => ({ rule, nowMs })
const leasedAt = (nowMs: number) => ({ ...at(nowMs), isLease: true })

describe('tokenBucket', () => {
  it('admits its burst at once and then one token for each interval', () => {
    const empty = tokenBucket.debit(undefined, 20, at(5000))
    expect(tokenBucket.measure(empty, at(5099)).available).toBe(0)
    expect(tokenBucket.measure(empty, at(5100)).available).toBe(1)
    expect(tokenBucket.measure(empty, at(6999)).available).toBe(19)
    expect(tokenBucket.measure(empty, at(9000)).available).toBe(20)
    expect(tokenBucket.measure(empty, at(5000))).toMatchObject({ used: 20, resetInMs: 2000 })
  })

  it('loses no part of a token to rounding', () => {
    let state = tokenBucket.debit(undefined, 20, at(5000))
    for (let nowMs = 5100; nowMs <= 105_000; nowMs += 100) {
      expect(tokenBucket.measure(state, at(nowMs)).available).toBe(1)
      state = tokenBucket.debit(state, 1, at(nowMs))
    }
  })

  it('knows to the millisecond when a call fits', () => {
    const empty = tokenBucket.debit(undefined, 20, at(5000))
    expect(tokenBucket.waitMs(empty, 3, at(5050))).toBe(250)
    expect(tokenBucket.waitMs(empty, 21, at(5050))).toBe(Infinity)
    expect(tokenBucket.waitMs(undefined, 20, at(5050))).toBe(0)
  })

  it('holds as much less as is refilled while a lease is out', () => {
    expect(tokenBucket.measure(undefined, at(5000))).toMatchObject({
      available: 20,
      leasable: 10,
      leaseMs: 1000,
    })
    const leased = tokenBucket.debit(undefined, 4, leasedAt(5000))
    expect(tokenBucket.measure(leased, at(5000)).available).toBe(6)
  })

  it('holds its burst again when it was full for the length of a lease', () => {
    const leased = tokenBucket.debit(undefined, 4, leasedAt(5000))
    expect(tokenBucket.measure(leased, at(6399)).available).toBe(10)
    expect(tokenBucket.measure(leased, at(6400)).available).toBe(20)
    expect(tokenBucket.waitMs(leased, 20, at(5000))).toBe(1400)
  })

  it('gives back what the refill has not given back already', () => {
    const state = tokenBucket.debit(undefined, 5, at(5000))
    const whole = tokenBucket.credit(state, { cost: 5, admittedAtMs: 5000 }, at(5000))
    expect(whole?.debt).toBe(0)
    const rest = tokenBucket.credit(state, { cost: 5, admittedAtMs: 5000 }, at(5200))
    expect(rest?.debt).toBe(0)
    expect(tokenBucket.credit(state, { cost: 5, admittedAtMs: 5000 }, at(5500))).toBeNull()
  })

  it('gives back a call of a bucket that was never full since', () => {
    const state = tokenBucket.debit(undefined, 20, at(5000))
    const later = tokenBucket.debit(state, 1, at(5100))
    // Long refilled by its own, and still missing: the bucket has been emptied all the time.
    const much = tokenBucket.debit(later, 9, at(6000))
    const credited = tokenBucket.credit(much, { cost: 1, admittedAtMs: 5100 }, at(6000))
    expect(much.debt - (credited?.debt ?? 0)).toBe(rule.windowMs)
  })

  it('gives back nothing of a call from before the bucket was full', () => {
    const state = tokenBucket.debit(undefined, 1, at(5000))
    const later = tokenBucket.debit(state, 5, at(6000))
    expect(tokenBucket.credit(later, { cost: 1, admittedAtMs: 5000 }, at(6000))).toBeNull()
  })

  it('covers by debt at the same time and by the slack of leases', () => {
    const state = tokenBucket.debit(undefined, 5, at(5000))
    const persisted = tokenBucket.debit(undefined, 7, at(5000))
    expect(tokenBucket.covers(persisted, state, at(5100))).toBe(true)
    expect(tokenBucket.covers(state, persisted, at(5100))).toBe(false)
    const leased = tokenBucket.debit(undefined, 5, leasedAt(5000))
    expect(tokenBucket.covers(persisted, leased, at(5000))).toBe(false)
  })
})
