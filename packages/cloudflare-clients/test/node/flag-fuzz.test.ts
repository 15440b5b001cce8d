import { expect, test } from 'vitest'
import { runFlagFuzz } from '../flag-fuzz/flag-fuzz.ts'

test('no schedule loses a change of a flag, makes one twice, or leaves KV with an older ruleset', async () => {
  const {
    violations,
    puts: _,
    refusals: __,
    ...counts
  } = await runFlagFuzz({
    firstSeed: 1,
    runs: 120,
  })
  expect(violations).toEqual([])
  // Or it would show nothing.
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(100)
})
