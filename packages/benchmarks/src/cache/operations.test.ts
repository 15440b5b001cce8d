import { beforeAll, describe, expect, it } from 'vitest'
import { allLibraries } from '../libraries/all-libraries.ts'
import { type BenchmarkResult, notSupported } from '../result.ts'
import { cellOf } from '../scenario.ts'
import { operations } from './operations.ts'

let results: readonly BenchmarkResult[]

beforeAll(async () => {
  results = await operations.run(allLibraries)
})

function cell(library: string, name: string, metric: string): number | string | undefined {
  return cellOf(results, { library, scenario: `operations: ${name}`, metric })
}

describe('the operations table', () => {
  it('keeps every promise of ours', () => {
    expect(operations.failures(results)).toEqual([])
  })

  it('has a row for every library in every case', () => {
    const scenarios = new Set(results.map(({ scenario }) => scenario))
    const rows = new Set(results.map(({ scenario, library }) => `${scenario}/${library}`))
    expect(scenarios.size).toBe(14)
    expect(rows.size).toBe(14 * allLibraries.length)
  })

  it('counts the same in a second run', async () => {
    expect(await operations.run(allLibraries)).toEqual(results)
  })

  it('finds what every library does with a cold key and a warm one', () => {
    for (const { id, hasMemoryTier } of allLibraries) {
      expect([id, cell(id, 'cold miss', 'origin calls')]).toEqual([id, 1])
      expect([id, cell(id, 'cold miss', 'writes')]).toEqual([id, 1])
      const readsOfWarmKey = hasMemoryTier ? 0 : 1
      expect([id, cell(id, 'hit, same isolate', 'keys read')]).toEqual([id, readsOfWarmKey])
      expect([id, cell(id, 'hit, new isolate', 'origin calls')]).toEqual([id, 0])
    }
  })

  it('counts the writes that KV refuses', () => {
    expect(cell('plain-kv', '50 concurrent, cold', 'writes refused')).toBe(49)
    expect(cell('plain-kv', '50 concurrent, cold', 'outcome')).toBe('threw 49/50')
  })

  it('says so where a library has no such call', () => {
    expect(cell('unkey', 'getMany of 100', 'outcome')).toBe(notSupported)
    expect(cell('plain-kv', 'hit guarded by 5 tags', 'outcome')).toBe(notSupported)
  })
})
