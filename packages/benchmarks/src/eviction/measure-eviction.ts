import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { BenchmarkResult } from '../result.ts'
import { Clock } from './clock.ts'
import { Fifo } from './fifo.ts'
import { LruList } from './lru-list.ts'
import { LruMap } from './lru-map.ts'
import type { NamedPolicy, Policy } from './policy.ts'
import { S3Fifo } from './s3-fifo.ts'
import { Sieve } from './sieve.ts'
import { maxEntries, type Trace, traces } from './traces.ts'
import { WTinyLfu } from './w-tiny-lfu.ts'

const policies: readonly NamedPolicy[] = [
  { name: 'FIFO', file: 'fifo.ts', create: (entries) => new Fifo(entries) },
  { name: 'LRU (Map)', file: 'lru-map.ts', create: (entries) => new LruMap(entries) },
  { name: 'LRU (list)', file: 'lru-list.ts', create: (entries) => new LruList(entries) },
  { name: 'CLOCK', file: 'clock.ts', create: (entries) => new Clock(entries) },
  { name: 'SIEVE', file: 'sieve.ts', create: (entries) => new Sieve(entries) },
  { name: 'S3-FIFO', file: 's3-fifo.ts', create: (entries) => new S3Fifo(entries) },
  { name: 'W-TinyLFU', file: 'w-tiny-lfu.ts', create: (entries) => new WTinyLfu(entries) },
]
const floor = 'Map.get'
const timedRuns = 21
const document = join(import.meta.dirname, '../../../../docs/decisions/004-memory-eviction.md')
const resultFile = join(import.meta.dirname, '../../results/eviction.json')

function run(policy: Policy, { keys }: Trace): number {
  let hits = 0
  for (const [index, key] of keys.entries()) {
    if (policy.get(key) === undefined) policy.set(key, index)
    else hits++
  }
  return hits
}

/** Every policy gives back what was set last, forgets nothing while there is room, and keeps its bound. */
function assertCorrect({ name, create }: NamedPolicy): void {
  const policy = create(100)
  const truth = new Map<string, number>()
  for (let i = 0; i < 20_000; i++) {
    const key = `${(i * i) % 317}`
    const value = policy.get(key)
    if (value !== undefined && value !== truth.get(key)) throw new Error(`${name}: a wrong value`)
    if (value === undefined && truth.size < 100 && truth.has(key)) {
      throw new Error(`${name}: forgot a key while there was room`)
    }
    if (value === undefined || i % 3 === 0) {
      policy.set(key, i)
      truth.set(key, i)
    }
    if (policy.size > 100) throw new Error(`${name}: ${policy.size} entries`)
  }
}

function measureHitRatios({ name, create }: NamedPolicy): BenchmarkResult[] {
  return traces.map((trace) => {
    const hitRatio = run(create(maxEntries), trace) / trace.keys.length
    return result(trace.name, name, 'hit ratio', '%', Number((hitRatio * 100).toFixed(1)))
  })
}

function result(
  scenario: string,
  library: string,
  metric: string,
  unit: string,
  value: number,
): BenchmarkResult {
  return { suite: 'eviction', scenario, library, metric, unit, value }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}

function timeMs(work: () => void): number {
  const startedMs = performance.now()
  work()
  return performance.now() - startedMs
}

/** Times works in turn, so that what slows the machine down slows all of them. @returns The ratios to the first one. */
function compare(works: ReadonlyMap<string, () => void>): Map<string, number> {
  const names = [...works.keys()]
  const times = new Map<string, number[]>(names.map((name) => [name, []]))
  for (let i = 0; i < timedRuns; i++) {
    const order = i % 2 === 0 ? names : names.toReversed()
    for (const name of order) times.get(name)?.push(timeMs(works.get(name) ?? (() => undefined)))
  }
  const [first = ''] = names
  const base = times.get(first) ?? []
  return new Map(
    names.map((name) => {
      const ratios = (times.get(name) ?? []).map((ms, i) => ms / (base[i] ?? NaN))
      return [name, Number(median(ratios).toFixed(2))]
    }),
  )
}

let sink = 0

/** The time of a hit, as a multiple of a plain `Map.get`, on keys in the order of popularity. */
function measureHits(): BenchmarkResult[] {
  const keys = Array.from({ length: maxEntries }, (_, id) => `cache:user:${id}`)
  const order = Array.from({ length: 200_000 }, (_, i) => keys[(i * 7919) % 1000] ?? '')
  const read = (source: { get(key: string): number | undefined }) => (): void => {
    for (const key of order) sink += source.get(key) ?? 0
  }
  const map = new Map(keys.map((key, id) => [key, id]))
  const works = new Map<string, () => void>([[floor, read(map)]])
  for (const { name, create } of policies) {
    const policy = create(maxEntries)
    for (const [id, key] of keys.entries()) policy.set(key, id)
    works.set(name, read(policy))
  }
  return [...compare(works)].map(([name, value]) => {
    return result('hits only', name, 'time', `× ${floor}`, value)
  })
}

/** The time of a whole trace, hits, misses and evictions together, as a multiple of FIFO's. */
function measureTrace(): BenchmarkResult[] {
  const [, trace] = traces
  if (trace === undefined) return []
  const works = policies.map(({ name, create }) => {
    return [name, (): void => void (sink += run(create(maxEntries), trace))] as const
  })
  return [...compare(new Map(works))].map(([name, value]) => {
    return result(trace.name, name, 'time', '× FIFO', value)
  })
}

async function measureSize({ name, file }: NamedPolicy): Promise<BenchmarkResult> {
  const entry = join(import.meta.dirname, file)
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    write: false,
  })
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
  return result('size', name, 'min+gzip', 'B', bytes)
}

/** The tables of the decision, in the form that prettier gives them. */
function renderTable(results: readonly BenchmarkResult[]): string {
  const names = policies.map(({ name }) => name)
  const valueOf = (scenario: string, metric: string, library: string): string => {
    const found = results.find((one) => {
      return one.scenario === scenario && one.metric === metric && one.library === library
    })
    return found === undefined ? '' : `${found.value}${found.unit === '%' ? ' %' : ''}`
  }
  const rows = [
    ['', ...names],
    ...traces.map((trace) => {
      return [trace.name, ...names.map((name) => valueOf(trace.name, 'hit ratio', name))]
    }),
    [`a hit, × ${floor}`, ...names.map((name) => valueOf('hits only', 'time', name))],
    ['the trace Zipf 1.0, × FIFO', ...names.map((name) => valueOf('Zipf 1.0', 'time', name))],
    ['min+gzip, bytes', ...names.map((name) => valueOf('size', 'min+gzip', name))],
  ]
  const widths = (rows[0] ?? []).map((_, column) => {
    return Math.max(3, ...rows.map((row) => row[column]?.length ?? 0))
  })
  const render = (cells: readonly string[]): string => {
    return `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  }
  const [head = [], ...body] = rows
  const rule = widths.map((width, i) => {
    return i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`
  })
  return [render(head), `| ${rule.join(' | ')} |`, ...body.map(render)].join('\n')
}

for (const policy of policies) assertCorrect(policy)
const results = [
  ...policies.flatMap(measureHitRatios),
  ...measureHits(),
  ...measureTrace(),
  ...(await Promise.all(policies.map(measureSize))),
]
writeFileSync(resultFile, `${JSON.stringify(results, null, 2)}\n`)
const table = renderTable(results)
const [before = '', , after = ''] = readFileSync(document, 'utf8').split(
  /<!-- (?:begin|end) eviction -->/,
)
writeFileSync(
  document,
  `${before}<!-- begin eviction -->\n\n${table}\n\n<!-- end eviction -->${after}`,
)
process.stdout.write(`${table}\n\n${sink === 0 ? 'nothing was read' : ''}`)
