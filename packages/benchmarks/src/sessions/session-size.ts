import { gzipSync } from 'node:zlib'
import { ScenarioResults } from '../result.ts'
import type { SuiteScenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'

const scenario = 'size'
const bytesMetric = 'min + gzip'
const ours = 'codex'

const entries: Readonly<Record<string, string>> = {
  [ours]: 'codex',
  'better-auth': 'better-auth',
  'unstorage (Astro)': 'unstorage',
}

/** What one fixed entry weighs in which sessions are opened and one is judged. */
export const sessionSize: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const [library, entry] of Object.entries(entries)) {
      const source = `export { createView } from './session-size-entries/${entry}.ts'`
      const bundle = await bundleWorker(source, { minify: true })
      const bytes = gzipSync(bundle, { level: 9 }).byteLength
      results.add(library, bytesMetric, { value: bytes, unit: 'bytes' })
    }
    return results.all
  },
  // There is no bar for it: it is what the guarantees weigh.
  failures: () => [],
}
