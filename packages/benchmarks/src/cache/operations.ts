import { createEdgeSimulator, createVirtualClock } from '@codex/cloudflare-clients/testing'
import type { CacheLibrary, Item } from '../libraries/cache-under-test.ts'
import { type BenchmarkResult, notSupported, ScenarioResults } from '../result.ts'
import type { Scenario } from '../scenario.ts'
import { SimulatedOrigin } from '../simulation/simulated-origin.ts'
import { runOnVirtualTime } from '../simulation/virtual-globals.ts'
import { watchKv } from '../simulation/watched-kv.ts'
import { findOperationFailures } from './operation-failures.ts'
import { type OperationCase, operationCases, settings, tagsOfItem } from './operation-cases.ts'

/** Long enough for everything that goes on in the background, in milliseconds. */
const settleMs = 10_000

/** Exact counts of what each library does in one situation: at one location, with a KV that is never behind. */
export const operations: Scenario = {
  name: 'operations',
  async run(libraries) {
    const results: BenchmarkResult[] = []
    for (const operationCase of operationCases) {
      const table = new ScenarioResults('cache', `operations: ${operationCase.name}`)
      for (const library of libraries) await measure(table, library, operationCase)
      results.push(...table.all)
    }
    return results
  },
  failures: findOperationFailures,
}

async function measure(
  table: ScenarioResults,
  library: CacheLibrary,
  operationCase: OperationCase,
): Promise<void> {
  const clock = createVirtualClock()
  const simulator = createEdgeSimulator({
    clock,
    locations: ['AMS'],
    consistency: 'strong',
    limits: { writesPerSecondPerKey: 1 },
    latency: { hotReadMs: 5, coldReadMs: 5, writeMs: 20 },
  })
  const origin = new SimulatedOrigin(clock)
  const watched = watchKv(simulator.location('AMS').kv('CACHE_KV'))
  const openIsolate = (): ReturnType<CacheLibrary['create']> =>
    library.create({
      kv: watched.kv,
      load: origin.load,
      waitUntil: (work) => void work.catch(() => undefined),
      ...settings,
      memory: true,
      ...(operationCase.tagged && { tags: () => tagsOfItem }),
      clock: { now: clock.now, random: () => 0.5, timers: clock },
    })
  const { result, unhandledRejections } = await runOnVirtualTime(clock, async () => {
    const isSupported = operationCase.supports?.(library, openIsolate()) ?? true
    if (!isSupported) return undefined
    const ask = await operationCase.prepare({ clock, simulator, origin, openIsolate })
    simulator.resetBill()
    origin.loads = 0
    const refusedBefore = watched.refusedWrites
    const outcome = await readOutcome(ask, { clock, origin })
    await clock.sleep(settleMs)
    return { outcome, refused: watched.refusedWrites - refusedBefore }
  })
  if (!result) {
    table.add(library.id, 'outcome', { value: notSupported })
    return
  }
  const { operations: billed, calls } = simulator.bill()
  table.add(library.id, 'outcome', { value: result.outcome })
  table.add(library.id, 'origin calls', { value: origin.loads })
  table.add(library.id, 'keys read', { value: billed.read })
  table.add(library.id, 'read calls', { value: calls.read })
  table.add(library.id, 'writes', { value: billed.write })
  table.add(library.id, 'deletes', { value: billed.delete })
  table.add(library.id, 'writes refused', { value: result.refused })
  table.add(library.id, 'unhandled rejections', { value: unhandledRejections })
}

/** What the callers got: the value, an older one, a failure, or the value after a wait that others spare them. */
async function readOutcome(
  ask: () => readonly Promise<Item | null>[],
  rig: { readonly clock: { readonly now: () => number }; readonly origin: SimulatedOrigin },
): Promise<string> {
  const startedMs = rig.clock.now()
  const answers = await Promise.allSettled(ask())
  const waitedMs = rig.clock.now() - startedMs
  const thrown = answers.filter(({ status }) => status === 'rejected').length
  if (thrown > 0) return thrown === answers.length ? 'threw' : `threw ${thrown}/${answers.length}`
  const items = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null))
  if (items.some((item) => item === null)) return 'nothing'
  const isOld = items.some((item) => item && item.version < rig.origin.read(item.id).version)
  if (isOld) return 'stale'
  return waitedMs >= SimulatedOrigin.loadMs ? 'value, after a load' : 'value, at once'
}
