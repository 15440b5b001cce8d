import { expect, test } from 'vitest'
import { runSessionFuzz } from '../session-fuzz/session-fuzz.ts'

// A short slice of `pnpm test:fuzz-sessions`, which runs thousands of schedules.

test('no schedule has a session accepted after its bound, or a live one refused', async () => {
  const { accepted, lags, violations } = await runSessionFuzz({ firstSeed: 1, runs: 200 })
  expect(violations).toEqual([])
  // Or it would show nothing.
  expect(accepted).toBeGreaterThan(500)
  expect(lags).toBeGreaterThan(50)
})
