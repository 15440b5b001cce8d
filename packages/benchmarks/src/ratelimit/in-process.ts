import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ours } from '../limiters/codex.ts'
import { median, pairedRatio } from '../paired-ratio.ts'
import { ScenarioResults } from '../result.ts'
import type { SuiteScenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'
import { startWorker } from '../workerd/start-worker.ts'

const scenario = 'in-process'
const inNode = { metric: 'in Node', unit: '× rate-limiter-flexible' }
const inWorkerd = { metric: 'in workerd', unit: '× leased' }
const pairFile = join(import.meta.dirname, 'in-process-pair.ts')
const repetitions = 51
/** As many as take about the same time on each side. */
const callsInBlock = { base: 20_000, other: 100 } as const
const paths = { base: 'lease', other: 'object' } as const

type Side = keyof typeof paths

/** What an admission from a lease costs, beside the fastest limiter that asks nobody, and beside a call of a Durable Object. */
export const inProcess: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('ratelimit', scenario)
    const leased = await measureInNode()
    results.add(ours.lease, inNode.metric, { value: leased, unit: inNode.unit })
    results.add(ours.lease, inWorkerd.metric, { value: 1, unit: inWorkerd.unit })
    const object = await measureInWorkerd()
    results.add(ours.object, inWorkerd.metric, { value: object, unit: inWorkerd.unit })
    const flexible = 'rate-limiter-flexible, memory'
    results.add(flexible, inNode.metric, { value: 1, unit: inNode.unit })
    return results.all
  },
  failures: () => [],
}

async function measureInNode(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', pairFile])
  return Math.round(Number(stdout) * 100) / 100
}

async function measureInWorkerd(): Promise<number> {
  const script = await bundleWorker(
    `export { default, RateLimiterObject } from './workers/limit-worker.ts'`,
  )
  const worker = await startWorker(script, {
    nodejsCompat: false,
    durableObjects: { RATE_LIMITER: 'RateLimiterObject' },
  })
  try {
    for (const side of ['base', 'other', 'base', 'other'] as const) {
      await timeBlock(worker.url, { side, calls: callsInBlock[side] })
    }
    const floorMs = await measureFloor(worker.url)
    const measure = async (side: Side): Promise<number> => {
      const calls = callsInBlock[side]
      return ((await timeBlock(worker.url, { side, calls })) - floorMs) / calls
    }
    return Math.round(await pairedRatio({ repetitions, measure }))
  } finally {
    await worker.stop()
  }
}

/** What a request costs that checks nothing. */
async function measureFloor(url: URL): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < 50; index++) {
    times.push(await timeBlock(url, { side: 'base', calls: 0 }))
  }
  return median(times)
}

/** Timed from outside: inside a Worker the clock stands still between I/O. */
async function timeBlock(
  url: URL,
  block: { readonly side: Side; readonly calls: number },
): Promise<number> {
  const startedMs = performance.now()
  const response = await fetch(new URL(`/${paths[block.side]}/${block.calls}`, url))
  const text = await response.text()
  const tookMs = performance.now() - startedMs
  if (Number(text) !== block.calls) {
    throw new Error(
      `${block.calls} calls were to be admitted, answered ${response.status}: ${text}`,
    )
  }
  return tookMs
}
