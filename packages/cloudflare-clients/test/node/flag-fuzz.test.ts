import { expect, test } from 'vitest'
import { runFlagFuzz } from '../flag-fuzz/flag-fuzz.ts'

test('no schedule loses a change of a flag, makes one twice, or leaves KV with an older ruleset', async () => {
  const { violations, changes, conflicts, repeats, restarts, failedPuts, latePuts, deaths } =
    await runFlagFuzz({ firstSeed: 1, runs: 120 })
  expect(violations).toEqual([])
  // Or it would show nothing.
  for (const count of [changes, conflicts, repeats, restarts, failedPuts, latePuts, deaths]) {
    expect(count).toBeGreaterThan(200)
  }
})
