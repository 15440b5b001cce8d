import { describe, expect, it } from 'vitest'
import { Admissions } from './admissions.ts'

function admit(limit: number, atMs: readonly number[]): Admissions {
  const admissions = new Admissions({ limit, windowMs: 1000 })
  for (const time of atMs) admissions.add(time)
  return admissions
}

describe('Admissions', () => {
  it('counts in windows that are aligned to the clock', () => {
    expect(admit(2, [0, 999, 1000, 1001, 1999]).alignedRatio).toBe(1.5)
  })

  it('counts in windows that begin anywhere, whatever the order', () => {
    const around = [1100, 900, 950, 1000]
    expect([admit(2, around).alignedRatio, admit(2, around).trailingRatio]).toEqual([1, 2])
  })

  it('has two calls a whole window apart in no window together', () => {
    expect(admit(1, [0, 1000]).trailingRatio).toBe(1)
    expect(admit(1, [0, 999]).trailingRatio).toBe(2)
  })

  it('never rounds a single call over the limit away', () => {
    const calls = Array.from({ length: 10_001 }, () => 0)
    expect(admit(10_000, calls).alignedRatio).toBe(1.001)
  })

  it('averages what was used over the windows that count, and at most all in each', () => {
    expect(admit(2, [0, 1, 2, 3, 1000, 2000]).utilisation([0, 1])).toBe(0.75)
  })

  it('knows what it is to have admitted nothing', () => {
    const { alignedRatio, trailingRatio } = admit(2, [])
    expect([alignedRatio, trailingRatio]).toEqual([0, 0])
  })
})
