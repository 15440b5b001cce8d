import { describe, expect, it } from 'vitest'
import { formatWait, limitMessage, retryAfterSeconds } from './retry-after.ts'

describe('retryAfterSeconds', () => {
  it('rounds up to whole seconds', () => {
    expect(retryAfterSeconds(10_001, 0)).toBe(11)
    expect(retryAfterSeconds(10_000, 0)).toBe(10)
    expect(retryAfterSeconds(9_999, 0)).toBe(10)
  })

  it('is at least one second, also for a window that has just ended', () => {
    expect(retryAfterSeconds(1_000, 1_000)).toBe(1)
    expect(retryAfterSeconds(1_000, 5_000)).toBe(1)
  })
})

describe('formatWait', () => {
  it.each([
    [0, '1 second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, '1 minute'],
    [61, '2 minutes'],
    [719, '12 minutes'],
    [720, '12 minutes'],
    [3_540, '59 minutes'],
    [3_541, '1 hour'],
    [3_600, '1 hour'],
    [3_601, '1 hour 1 minute'],
    [7_260, '2 hours 1 minute'],
  ])('writes %d s as %j', (seconds, words) => {
    expect(formatWait(seconds)).toBe(words)
  })
})

describe('limitMessage', () => {
  it('says when to come back and what to do instead', () => {
    expect(limitMessage('login', 700)).toBe(
      'Too many sign-in attempts. Try again in 12 minutes, or reset your password to get in now.',
    )
  })
})
