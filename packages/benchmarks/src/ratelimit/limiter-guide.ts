import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'prettier'
import { formatTable, formatValue } from '../markdown-table.ts'
import type { BenchmarkResult } from '../result.ts'
import { readResults } from '../result-file.ts'

const guideFile = join(import.meta.dirname, '../../../../docs/choosing-a-limiter.md')
const [opening, closing] = ['<!-- costs: written by `pnpm bench` -->', '<!-- /costs -->']

const limiters: Readonly<Record<string, string>> = {
  '`leaseBackend`': 'codex, leased',
  '… with a strict sliding window': 'codex, leased, strict sliding window',
  '`durableObjectBackend`': 'codex, Durable Object',
  'native, idealised': 'native binding, idealised',
  KV: 'codex, KV G-counter',
}
const loads: Readonly<Record<string, string>> = {
  a: '1,000 a minute',
  c: '10 a minute',
  d: '100,000 a minute',
}

/** The guide, and the same with the costs of the results in it. */
export async function renderLimiterGuide(): Promise<{ stored: string; rendered: string }> {
  const stored = readFileSync(guideFile, 'utf8')
  const [before, rest] = stored.split(opening)
  const after = rest?.split(closing)[1]
  if (before === undefined || after === undefined) {
    throw new Error(`Cannot write costs: docs/choosing-a-limiter.md must have ${opening}`)
  }
  const text = `${before}${opening}\n\n${renderCosts(readResults('ratelimit'))}\n\n${closing}${after}`
  const prose = { parser: 'markdown', semi: false, singleQuote: true, printWidth: 100 } as const
  return { stored, rendered: await format(text, prose) }
}

export async function writeLimiterGuide(): Promise<void> {
  const { rendered } = await renderLimiterGuide()
  writeFileSync(guideFile, rendered)
}

/** What each backend admits, asks and costs under three of the loads. */
function renderCosts(results: readonly BenchmarkResult[]): string {
  const value = (library: string, { scenario, metric }: Cell): number => {
    const found = results.find(
      (result) =>
        result.library === library && result.scenario === scenario && result.metric === metric,
    )
    if (typeof found?.value === 'number') return found.value
    throw new Error(`Cannot write costs: the results must have ${metric} of ${library}`)
  }
  const rows = Object.entries(limiters).map(([name, library]) => [
    name,
    ...Object.keys(loads).map((scenario) => {
      const of = (metric: string): string => formatValue(value(library, { scenario, metric }))
      return `${of('aligned window')} × · ${of('local')} % · ${of('p99')} ms · $${of('cost')}`
    }),
  ])
  return formatTable(['', ...Object.values(loads)], rows)
}

interface Cell {
  readonly scenario: string
  readonly metric: string
}
