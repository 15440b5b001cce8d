import { describe, expect, it } from 'vitest'
import { formatWait, refusalMessage, toRetryAfterSeconds } from './retry-after.ts'

describe('toRetryAfterSeconds', () => {
  it('rounds up to whole seconds', () => {
    expect(toRetryAfterSeconds(10_001)).toBe(11)
    expect(toRetryAfterSeconds(10_000)).toBe(10)
    expect(toRetryAfterSeconds(9_999)).toBe(10)
  })

  it('is at least one second, also for a window that has just ended', () => {
    expect(toRetryAfterSeconds(0)).toBe(1)
    expect(toRetryAfterSeconds(-1)).toBe(1)
  })

  it('is half a minute where nobody knows', () => {
    expect(toRetryAfterSeconds(undefined)).toBe(30)
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

describe('refusalMessage', () => {
  it('says when to come back and what to do instead', () => {
    expect(refusalMessage('login', { reason: 'over_limit', seconds: 700 })).toBe(
      'Too many sign-in attempts. Try again in 12 minutes, or reset your password to get in now.',
    )
  })

  it('accuses nobody of too many attempts who made none', () => {
    expect(refusalMessage('login', { reason: 'unavailable', seconds: 6 })).toBe(
      'We cannot do this safely right now. Try again in 6 seconds.',
    )
    expect(refusalMessage('api', { reason: 'blocked', seconds: 3600 })).toBe(
      'The owner of this site has closed this to you for 1 hour.',
    )
  })
})
