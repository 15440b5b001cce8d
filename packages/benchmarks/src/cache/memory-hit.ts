import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BenchmarkResult, notSupported, ScenarioResults } from '../result.ts'
import { cellOf, type Scenario } from '../scenario.ts'

const scenario = 'memory-hit'
const metric = 'time of a warm hit'
const pairFile = join(import.meta.dirname, 'memory-hit-pair.ts')

/** What a hit in memory costs beside @unkey/cache, which has the fastest one of the others. */
export const memoryHit: Scenario = {
  name: scenario,
  async run(libraries) {
    const results = new ScenarioResults('cache', scenario)
    for (const { id, hasMemoryTier } of libraries) {
      if (hasMemoryTier)
        results.add(id, metric, { value: await measure(id), unit: '× @unkey/cache' })
      else results.add(id, metric, { value: notSupported })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const ratio = cellOf(results, { library: 'codex', scenario, metric })
    return typeof ratio === 'number' && ratio <= 1
      ? []
      : [`memory hit: at most 1 × @unkey/cache wanted, ${String(ratio)} found`]
  },
}

async function measure(library: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', pairFile, library])
  return Math.round(Number(stdout) * 100) / 100
}
