import { gzipSync } from 'node:zlib'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type Scenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'
import { startWorker } from '../workerd/start-worker.ts'

const scenario = 'size'
const bytesMetric = 'min + gzip'
const compatMetric = 'needs nodejs_compat'
const plainEntry = 'codex, getOrSet only'

/** The most that ours may weigh, in bytes. */
const budgets: Readonly<Record<string, number>> = { codex: 7000, [plainEntry]: 3000 }

/** What one fixed entry of each library weighs ("define and get"), and whether workerd starts it as it is. */
export const size: Scenario = {
  name: scenario,
  async run(libraries) {
    const results = new ScenarioResults('cache', scenario)
    for (const { id } of libraries) {
      await measure(results, { library: id, entry: id })
      if (id === 'codex') await measure(results, { library: plainEntry, entry: `${id}-get-or-set` })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    Object.entries(budgets).flatMap(([library, budget]) => {
      const bytes = cellOf(results, { library, scenario, metric: bytesMetric })
      const compat = cellOf(results, { library, scenario, metric: compatMetric })
      return [
        ...(typeof bytes === 'number' && bytes <= budget
          ? []
          : [`size: ${library}: at most ${budget} bytes wanted, ${String(bytes)} found`]),
        ...(compat === 'no' ? [] : [`size: ${library} does not run without nodejs_compat`]),
      ]
    }),
}

async function measure(
  results: ScenarioResults,
  measured: { readonly library: string; readonly entry: string },
): Promise<void> {
  const module = `'./size-entries/${measured.entry}.ts'`
  const bundle = await bundleWorker(`export { defineRead } from ${module}`, { minify: true })
  const bytes = gzipSync(bundle, { level: 9 }).byteLength
  results.add(measured.library, bytesMetric, { value: bytes, unit: 'bytes' })
  const runs = await runsWithoutNode(module)
  results.add(measured.library, compatMetric, { value: runs ? 'no' : 'yes' })
}

/** Starts the entry in a workerd without Node's modules and reads one value through it. */
async function runsWithoutNode(module: string): Promise<boolean> {
  const script = await bundleWorker(
    [
      `import { defineRead } from ${module}`,
      `import { env } from 'cloudflare:workers'`,
      `const read = defineRead(env.CACHE_KV, async (id) => 'value of ' + id)`,
      `export default { fetch: async () => new Response(await read('a')) }`,
    ].join('\n'),
  )
  try {
    const worker = await startWorker(script, { nodejsCompat: false })
    try {
      const response = await fetch(worker.url)
      return (await response.text()) === 'value of a'
    } finally {
      await worker.stop()
    }
  } catch {
    return false
  }
}
