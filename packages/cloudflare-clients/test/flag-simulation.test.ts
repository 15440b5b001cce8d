import { describe, expect, test } from 'vitest'
import { edgeBoundMs, runFlagSimulation } from './support/flag-simulation.ts'

describe('30 locations of an adverse KV, while flags are changed', () => {
  test.for([1, 2, 3])(
    'see changes within the bound of their mode, and go back no version (seed %i)',
    async (seed) => {
      const { violations, lagsMs, requests, changes } = await runFlagSimulation({
        seed,
        minutes: 30,
        hasFaults: false,
      })
      expect(violations).toEqual([])
      expect(requests).toBeGreaterThan(5000)
      expect(changes).toBeGreaterThan(15)
      // Up to the first request after the bound.
      expect(Math.max(...lagsMs.strict)).toBeLessThan(5000 + 15_000 + 2000)
      expect(Math.max(...lagsMs.confirmed)).toBeLessThan(5000 + 15_000 + 2000)
      expect(Math.max(...lagsMs.edge)).toBeLessThan(edgeBoundMs)
      // KV alone is a different thing.
      expect(Math.max(...lagsMs.edge)).toBeGreaterThan(60_000)
    },
  )

  test.for([4, 5, 6])(
    'go back no version, and promise no more than holds, while KV and the authority fail (seed %i)',
    async (seed) => {
      const { violations, requests } = await runFlagSimulation({
        seed,
        minutes: 30,
        hasFaults: true,
      })
      expect(violations).toEqual([])
      expect(requests).toBeGreaterThan(5000)
    },
  )
})
