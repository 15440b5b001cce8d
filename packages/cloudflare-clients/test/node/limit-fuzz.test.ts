import { expect, test } from 'vitest'
import { runBackendFuzz } from '../limit-fuzz/backend-fuzz.ts'
import { mean, runLimitFuzz } from '../limit-fuzz/limit-fuzz.ts'
import { targetedCases } from '../limit-fuzz/targeted-cases.ts'

// A short slice of `pnpm test:fuzz-limits`, which runs thousands of configurations.

const least: Readonly<Record<string, number>> = {
  'fixed-window': 0.98,
  'sliding-window': 0.85,
  'strict-sliding-window': 0.85,
  'token-bucket': 0.9,
}

test('no limit admits more than its algorithm promises, whatever goes wrong', () => {
  const { decisions, violations, utilisation } = runLimitFuzz({ firstSeed: 1, runs: 75 })
  expect(violations).toEqual([])
  expect(decisions).toBeGreaterThan(1_000_000)
  for (const [algorithm, shares] of Object.entries(utilisation)) {
    expect(mean(shares), algorithm).toBeGreaterThan(least[algorithm] ?? 1)
  }
})

test('no caller of the lease backend is told what the authority did not grant', async () => {
  const { decisions, violations } = await runBackendFuzz({ firstSeed: 1, runs: 25 })
  expect(violations).toEqual([])
  expect(decisions).toBeGreaterThan(30_000)
})

test.each(targetedCases)('no more is admitted than promised: $name', ({ run }) => {
  expect(run()).toBeUndefined()
})
