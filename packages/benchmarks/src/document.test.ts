import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allSuites } from './all-suites.ts'
import { cacheSuite } from './cache/cache-suite.ts'
import { renderDocument } from './document.ts'
import { allLibraries } from './libraries/all-libraries.ts'
import { allLimiters } from './limiters/all-limiters.ts'
import { libraryTable } from './markdown-table.ts'
import { renderLimiterGuide } from './ratelimit/limiter-guide.ts'
import { loadScenarios } from './ratelimit/load-scenarios.ts'
import { documentFile, readResults, renderStoredResults } from './result-file.ts'
import { belongsTo, failuresOf } from './suite.ts'

describe('docs/benchmarks.md', () => {
  it('is what the result files give', async () => {
    expect(readFileSync(documentFile, 'utf8')).toBe(await renderStoredResults(allSuites))
  })

  it.each(allSuites)('shows every scenario of $name', (suite) => {
    const shown = suite.sections.map(({ scenario }) => scenario)
    expect(shown.toSorted()).toEqual(suite.scenarios.map(({ name }) => name).toSorted())
  })

  it('has results of every scenario for every library', () => {
    const results = readResults('cache')
    for (const { name } of cacheSuite.scenarios) {
      const measured = new Set(
        results.filter((result) => belongsTo(result, name)).map(({ library }) => library),
      )
      for (const { id } of allLibraries)
        expect([name, id, measured.has(id)]).toEqual([name, id, true])
    }
  })

  it('has results of every load for every limiter', () => {
    const results = readResults('ratelimit')
    for (const { name } of loadScenarios) {
      const measured = results.filter(({ scenario }) => scenario === name)
      expect(new Set(measured.map(({ library }) => library))).toEqual(
        new Set(allLimiters.map(({ id }) => id)),
      )
    }
  })

  it.each(allSuites)(
    'has results that keep what is asserted of ours in $name, but for the shortfalls that it names',
    (suite) => {
      const failures = failuresOf(suite, readResults(suite.name))
      expect(new Set(failures.map(({ scenario }) => scenario))).toEqual(new Set(suite.shortfalls))
    },
  )
})

describe('docs/choosing-a-limiter.md', () => {
  it('has the costs that the result files give', async () => {
    const { stored, rendered } = await renderLimiterGuide()
    expect(stored).toBe(rendered)
  })
})

describe('renderDocument', () => {
  it('puts a unit into the header and groups the digits of numbers', async () => {
    const results = [
      {
        suite: 's',
        scenario: 'weight',
        library: 'a',
        metric: 'size',
        unit: 'bytes',
        value: 12_345,
      },
      { suite: 's', scenario: 'weight', library: 'b', metric: 'size', unit: '', value: 'none' },
    ]
    const section = {
      heading: 'Weight',
      text: 'How much.',
      scenario: 'weight',
      table: libraryTable,
    }
    const suite = {
      name: 's',
      heading: 'S',
      text: 'All.',
      scenarios: [],
      sections: [section],
      shortfalls: [],
    }
    const document = await renderDocument([{ suite, results }])
    expect(document).toContain('| size (bytes) |')
    expect(document).toMatch(/\| a +\| 12,345 +\|/)
    expect(document).toMatch(/\| b +\| none +\|/)
  })
})
