import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
} from '@codex/cloudflare-clients/testing'
import type { CacheLibrary } from '../libraries/cache-under-test.ts'
import { type BenchmarkResult, notSupported, ScenarioResults } from '../result.ts'
import { cellOf, type Scenario } from '../scenario.ts'
import { SimulatedOrigin } from '../simulation/simulated-origin.ts'
import { runOnVirtualTime } from '../simulation/virtual-globals.ts'
import { watchKv } from '../simulation/watched-kv.ts'
import { HourObserver } from './hour-observer.ts'
import { hourWorkload, runWorkload, tagOfRank, type WorkloadOptions } from './hour-workload.ts'

const locations = Array.from({ length: 30 }, (_, index) => `L${String(index + 1).padStart(2, '0')}`)
const isolatesPerLocation = 3
const setting = { freshSeconds: 60, staleSeconds: 600 }
const noneOf = ['values older than the bound', 'reads that went back', 'throws', '429s to a caller']

export interface HourOptions {
  readonly name: string
  readonly tagged: boolean
  /** Default: the hour. */
  readonly workload?: WorkloadOptions
}

/**
 * An hour of traffic at 30 locations, on a KV that does all that its documentation does not rule out: writes that
 * arrive after up to five minutes, and readers that are shown an older value after a newer one.
 */
export function simulatedHour({ name, tagged, workload = hourWorkload }: HourOptions): Scenario {
  return {
    name,
    async run(libraries) {
      const results = new ScenarioResults('cache', name)
      const options = tagged ? workload : { ...workload, tagExpiriesPerSecond: 0 }
      for (const library of libraries) {
        if (tagged && !library.hasTags) {
          results.add(library.id, 'reads asked for', { value: notSupported })
        } else await measure(results, library, options)
      }
      return results.all
    },
    failures: (results: readonly BenchmarkResult[]) =>
      noneOf.flatMap((metric) => {
        const found = cellOf(results, { library: 'codex', scenario: name, metric })
        return found === 0 ? [] : [`${name}: ${metric}: 0 wanted, ${String(found)} found`]
      }),
  }
}

async function measure(
  results: ScenarioResults,
  library: CacheLibrary,
  options: WorkloadOptions,
): Promise<void> {
  const clock = createVirtualClock()
  const simulator = createEdgeSimulator({
    clock,
    seed: 'hour',
    locations,
    consistency: 'adverse',
    latency: 'typical',
  })
  const origin = new SimulatedOrigin(clock)
  const boundSeconds = library.ageBoundSeconds(setting)
  const observer = new HourObserver(boundSeconds)
  const tags = (id: string): readonly string[] => [tagOfRank(Number(id.slice(4)), options.tags)]
  const watched = simulator.locations.map((location) => watchKv(location.kv('CACHE_KV')))
  const openIsolate = (kv: KVNamespace, index: number): ReturnType<CacheLibrary['create']> =>
    library.create({
      kv,
      load: origin.load,
      waitUntil: (work) => void work.catch(() => undefined),
      ...setting,
      memory: true,
      ...(options.tagExpiriesPerSecond > 0 && { tags }),
      clock: { now: clock.now, random: createSeededRandom(`isolate/${index}`), timers: clock },
    })
  const { unhandledRejections } = await runOnVirtualTime(clock, async () => {
    const isolates = Array.from({ length: isolatesPerLocation }, () => watched)
      .flat()
      .map(({ kv }, index) => openIsolate(kv, index))
    await runWorkload({ clock, origin, observer, isolates }, options)
  })
  const refusedWrites = watched.reduce((sum, location) => sum + location.refusedWrites, 0)
  const { operations, dollars } = simulator.bill()
  const add = (metric: string, value: number, unit?: string): void => {
    results.add(library.id, metric, { value, ...(unit && { unit }) })
  }
  add('reads asked for', observer.asked)
  add('stated bound', boundSeconds, 's')
  add('oldest value served', Math.round(observer.oldestMs / 100) / 10, 's')
  add('values older than the bound', observer.tooOld)
  add('reads that went back', observer.wentBack)
  add('throws', observer.throws)
  add('429s to a caller', observer.refused)
  add('writes refused by KV', refusedWrites)
  add('unhandled rejections', unhandledRejections)
  if (options.tagExpiriesPerSecond > 0) {
    add('reads from before their tag expired', observer.readsBeforeExpiry)
    add('longest after a tag expired', Math.round(observer.longestTagLagMs / 100) / 10, 's')
  }
  add('origin calls', origin.loads)
  add('keys read', operations.read)
  add('writes', operations.write)
  add('deletes', operations.delete)
  add('bill', Math.round((dollars / observer.asked) * 1e6 * 1000) / 1000, '$ a million reads')
}
