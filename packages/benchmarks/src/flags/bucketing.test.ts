import { beforeAll, describe, expect, it } from 'vitest'
import type { BenchmarkResult } from '../result.ts'
import { cellOf } from '../scenario.ts'
import { bucketing, measureBucketing } from './bucketing.ts'
import { smallestP, testIndependent, testUniform } from './chi-square.ts'
import { createSampleIds } from './sample-ids.ts'

const slice = {
  digests: 2000,
  climbers: 30,
  wholeClimbers: 3,
  spreadIds: 20_000,
  spreadFlags: 3,
  movers: 2000,
}

let results: readonly BenchmarkResult[]

beforeAll(async () => {
  results = await measureBucketing(slice)
})

describe('bucketing', () => {
  it('keeps every promise of ours, for a slice of the ids', () => {
    expect(bucketing.failures(results)).toEqual([])
  })

  it('finds the half that flagd and GrowthBook move with a name', () => {
    for (const library of ["flagd's murmur3", 'GrowthBook']) {
      const at = { library, scenario: 'bucketing: moved by a rename', metric: 'count' }
      expect(Math.abs(Number(cellOf(results, at)) / slice.movers - 0.5)).toBeLessThan(0.05)
    }
  })

  it('spreads ids that differ, and are the same in every run', () => {
    const ids = createSampleIds(4000)
    expect(new Set(ids).size).toBe(4000)
    expect(createSampleIds(4000)).toEqual(ids)
    expect(ids.some((id) => new TextEncoder().encode(id).length > id.length)).toBe(true)
  })
})

describe('chi-square', () => {
  it('gives the statistic and p of the books', () => {
    const { statistic, degrees, p } = testUniform(Uint32Array.of(16, 18, 16, 14, 12, 12))
    expect([statistic.toFixed(2), degrees, p.toFixed(2)]).toEqual(['2.00', 5, '0.85'])
  })

  it('finds rows that depend on columns, and not those that do not', () => {
    expect(testIndependent(Uint32Array.of(90, 10, 10, 90), 2).p).toBeLessThan(1e-9)
    expect(testIndependent(Uint32Array.of(20, 40, 40, 80), 2).p).toBe(1)
  })

  it('expects a small p among many', () => {
    const tests = Array.from({ length: 20 }, () => ({ statistic: 0, degrees: 1, p: 0.05 }))
    expect(smallestP(tests).corrected).toBeCloseTo(0.64, 2)
  })
})
