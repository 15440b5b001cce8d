import { gzipSync } from 'node:zlib'
import { ours } from '../limiters/codex.ts'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'

const scenario = 'size'
const bytesMetric = 'min + gzip'
const builtinsMetric = "imports Node's modules"
/** The most that the leased one may weigh, in bytes. */
const maxLeaseBytes = 4096

const entries: Readonly<Record<string, string>> = {
  [ours.lease]: 'codex-lease',
  [ours.object]: 'codex-object',
  [ours.kv]: 'codex-kv',
  '@upstash/ratelimit, fixed window': 'upstash',
  'rate-limiter-flexible, memory': 'rate-limiter-flexible',
}

/** What one fixed entry weighs in which a limiter is built and asked. */
export const limiterSize: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('ratelimit', scenario)
    for (const [library, entry] of Object.entries(entries)) {
      const source = `export { createCheck } from './limiter-size-entries/${entry}.ts'`
      const bundle = await bundleWorker(source, { minify: true })
      const bytes = gzipSync(bundle, { level: 9 }).byteLength
      results.add(library, bytesMetric, { value: bytes, unit: 'bytes' })
      results.add(library, builtinsMetric, { value: bundle.includes('"node:') ? 'yes' : 'no' })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const bytes = cellOf(results, { library: ours.lease, scenario, metric: bytesMetric })
    return typeof bytes === 'number' && bytes <= maxLeaseBytes
      ? []
      : [`size: ${ours.lease}: at most ${maxLeaseBytes} bytes wanted, ${String(bytes)} found`]
  },
}
