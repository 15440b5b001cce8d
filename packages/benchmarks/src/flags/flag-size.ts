import { gzipSync } from 'node:zlib'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'
import { startWorker } from '../workerd/start-worker.ts'

const scenario = 'size'
const bytesMetric = 'min + gzip'
const compatMetric = 'needs nodejs_compat'
const ours = 'codex, FlagReader'
/** The most that what evaluates may weigh, in bytes. */
const maxBytes = 5000

const entries: Readonly<Record<string, string>> = {
  'codex, evaluation alone': 'codex-evaluation',
  [ours]: 'codex-reader',
  'codex, FeatureFlags': 'codex-flags',
  'codex, OpenFeature provider': 'codex-openfeature',
  GrowthBook: 'growthbook',
  LaunchDarkly: 'launchdarkly',
  'flagd-core': 'flagd-core',
  'flagd-core, @openfeature/server-sdk': 'flagd-openfeature',
}

/** What one fixed entry weighs that reads flags from KV and evaluates one, and whether workerd starts it as it is. */
export const flagSize: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('flags', scenario)
    for (const [library, entry] of Object.entries(entries)) {
      const module = `'./flag-size-entries/${entry}.ts'`
      const bundle = await bundleWorker(`export { createCheck } from ${module}`, { minify: true })
      const bytes = gzipSync(bundle, { level: 9 }).byteLength
      results.add(library, bytesMetric, { value: bytes, unit: 'bytes' })
      results.add(library, compatMetric, { value: (await runsWithoutNode(module)) ? 'no' : 'yes' })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const bytes = cellOf(results, { library: ours, scenario, metric: bytesMetric })
    const compat = cellOf(results, { library: ours, scenario, metric: compatMetric })
    return [
      ...(typeof bytes === 'number' && bytes <= maxBytes
        ? []
        : [`size: ${ours}: at most ${maxBytes} bytes wanted, ${String(bytes)} found`]),
      ...(compat === 'no' ? [] : [`size: ${ours} does not run without nodejs_compat`]),
    ]
  },
}

/** Starts the entry in a workerd without Node's modules and asks for a flag that is not there. */
async function runsWithoutNode(module: string): Promise<boolean> {
  const script = await bundleWorker(
    [
      `import { createCheck } from ${module}`,
      `import { env } from 'cloudflare:workers'`,
      `let check`,
      `export default { fetch: async () => new Response(String(await (check ??= createCheck(env.CACHE_KV))('new-page', 'user-1'))) }`,
    ].join('\n'),
  )
  try {
    const worker = await startWorker(script, { nodejsCompat: false })
    try {
      return (await (await fetch(worker.url)).text()) === 'false'
    } finally {
      await worker.stop()
    }
  } catch {
    return false
  }
}
