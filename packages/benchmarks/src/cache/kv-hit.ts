import { median, pairedRatio } from '../paired-ratio.ts'
import type { CacheLibrary } from '../libraries/cache-under-test.ts'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type Scenario } from '../scenario.ts'
import { startLibraryWorker } from '../workerd/library-worker.ts'

const scenario = 'kv-hit'
const metric = 'time of a hit in KV'
const readsInBlock = 100
/** Blocks of each side before those that are timed: V8 compiles what is called often, and this is often enough. */
const warmUpBlocks = 100
export const warmUpReads = warmUpBlocks * readsInBlock
export const pairsInStart = 61
/** How code and data come to lie in memory differs from start to start, and is worth two hundredths. */
export const starts = 5
/** The most that a hit of ours may cost, beside `kv.get` and `JSON.parse` of the same entry. */
const maxRatio = 1.05

/** What a hit in KV costs in workerd, with every memory tier off, beside `kv.get` and `JSON.parse` of the same entry. */
export const kvHit: Scenario = {
  name: scenario,
  async run(libraries) {
    const results = new ScenarioResults('cache', scenario)
    for (const library of libraries) {
      const ratios: number[] = []
      for (let start = 0; start < starts; start++) ratios.push(await measureStart(library))
      const value = Math.round(median(ratios) * 1000) / 1000
      results.add(library.id, metric, { value, unit: '× kv.get + JSON.parse' })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const ratio = cellOf(results, { library: 'codex', scenario, metric })
    return typeof ratio === 'number' && ratio <= maxRatio
      ? []
      : [`KV hit: at most ${maxRatio} × plain wanted, ${String(ratio)} found`]
  },
}

/** @returns The median of the pairs in one workerd, started for it. */
async function measureStart(library: CacheLibrary): Promise<number> {
  const worker = await startLibraryWorker(library, 'kv-hit-worker')
  try {
    // Two requests, because a library may write after it has answered.
    await readCount(worker.url, 'warm')
    await readCount(worker.url, 'find')
    for (let block = 0; block < warmUpBlocks; block++) {
      for (const side of ['base', 'other'] as const) {
        await timeBlock(worker.url, { side, reads: readsInBlock })
      }
    }
    const floorMs = await measureFloor(worker.url)
    return await pairedRatio({
      repetitions: pairsInStart,
      measure: async (side) =>
        (await timeBlock(worker.url, { side, reads: readsInBlock })) - floorMs,
    })
  } finally {
    await worker.stop()
  }
}

/** What a request costs that reads nothing. */
async function measureFloor(url: URL): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < 50; index++) {
    times.push(await timeBlock(url, { side: 'base', reads: 0 }))
  }
  return median(times)
}

/** Timed from outside: inside a Worker the clock stands still between I/O. */
async function timeBlock(
  url: URL,
  block: { readonly side: 'base' | 'other'; readonly reads: number },
): Promise<number> {
  const startedMs = performance.now()
  const right = await readCount(url, `${block.side}/${block.reads}`)
  const tookMs = performance.now() - startedMs
  if (right !== block.reads) throw new Error(`${String(right)} of ${block.reads} reads were right`)
  return tookMs
}

async function readCount(url: URL, path: string): Promise<unknown> {
  const response = await fetch(new URL(`/${path}`, url))
  if (!response.ok) throw new Error(`Answered ${response.status}: ${await response.text()}`)
  return response.json()
}
