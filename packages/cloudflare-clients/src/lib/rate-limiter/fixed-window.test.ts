import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeCounts, parseWindowCount, windowEnd, type WindowCount } from './fixed-window.ts'

test.for([
  [0, 60, 60_000],
  [59_999, 60, 60_000],
  [60_000, 60, 120_000],
  [1_000, 0.5, 1_500],
  [1_800_000_000_123, 900, 1_800_000_900_000],
])('names the window of %i ms at %f s by its end %i', ([nowMs = 0, windowSeconds = 0, end]) => {
  expect(windowEnd(nowMs, windowSeconds)).toBe(end)
})

test('ends every window after now and at most one window away', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2e12 }), fc.integer({ min: 1, max: 86_400 }), (nowMs, seconds) => {
      const end = windowEnd(nowMs, seconds)
      expect(end).toBeGreaterThan(nowMs)
      expect(end - nowMs).toBeLessThanOrEqual(seconds * 1000)
    }),
    { seed: 5 },
  )
})

const windowCount: fc.Arbitrary<WindowCount> = fc.record({
  count: fc.nat({ max: 9 }),
  resetAt: fc.constantFrom(1000, 2000),
  clearedAtMs: fc.constantFrom(0, 500, 600),
})

test('merges to the same count in any order and any grouping', () => {
  fc.assert(
    fc.property(fc.array(windowCount, { minLength: 1, maxLength: 5 }), (known) => {
      const merged = mergeCounts(known, 1000)
      expect(mergeCounts(known.toReversed(), 1000)).toEqual(merged)
      const [first, ...rest] = known
      const grouped = mergeCounts([mergeCounts(rest, 1000), ...(first ? [first] : [])], 1000)
      expect(grouped).toEqual(merged)
    }),
    { seed: 6, numRuns: 1000 },
  )
})

test('takes the highest count of the window since the latest clearing', () => {
  const of = (count: number, resetAt: number, clearedAtMs = 0): WindowCount => ({
    count,
    resetAt,
    clearedAtMs,
  })
  expect(mergeCounts([], 1000)).toEqual(of(0, 1000))
  expect(mergeCounts([of(2, 1000), of(5, 1000)], 1000)).toEqual(of(5, 1000))
  expect(mergeCounts([of(2, 1000), of(5, 2000)], 1000)).toEqual(of(2, 1000))
  expect(mergeCounts([of(5, 1000), of(0, 0, 700)], 1000)).toEqual(of(0, 1000, 700))
  expect(mergeCounts([of(5, 1000), of(1, 1000, 700)], 1000)).toEqual(of(1, 1000, 700))
})

test.for([
  '',
  'null',
  '5',
  '[]',
  '{}',
  '{"count":"1","resetAt":1}',
  '{"count":-1,"resetAt":1}',
  '{"count":1}',
  '{"count":1,"resetAt":1,"clearedAtMs":"x"}',
])('does not read %s as a count', (text) => {
  expect(parseWindowCount(text)).toBeNull()
})

test('reads a count without a clearing, as other versions wrote it', () => {
  expect(parseWindowCount('{"count":1,"resetAt":5}')).toEqual({
    count: 1,
    resetAt: 5,
    clearedAtMs: 0,
  })
})
