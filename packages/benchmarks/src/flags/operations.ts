import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { otherFlagSystems, ourFlagSystems } from './all-flag-systems.ts'
import { type FlagStage, type FlagUsage, flagUsageSince, onFlagStage } from './flag-stage.ts'
import type { FlagIsolate, FlagSystem } from './flag-system.ts'
import { expectedValue, sampleFlags, sampleUsers } from './sample-flags.ts'

const scenario = 'operations'
const hourSeconds = 3600

const metrics = {
  coldReads: 'cold isolate: KV reads',
  coldCalls: 'cold isolate: authority calls',
  warmReads: 'warm: KV reads',
  warmCalls: 'warm: authority calls',
  hourReads: 'an hour: KV reads',
  hourWrites: 'an hour: KV writes',
  hourCalls: 'an hour: authority calls',
  hourVendor: 'an hour: requests to the vendor',
} as const

/** What twenty flags cost in the first request of an isolate, in the next one, and in an hour of one a second. */
export const operations: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('flags', scenario)
    for (const system of [...Object.values(ourFlagSystems), ...otherFlagSystems]) {
      const { cold, warm, hour } = await measureOperations(system)
      const add = (metric: string, value: number): void => {
        results.add(system.id, metric, { value })
      }
      add(metrics.coldReads, cold.kvReads)
      add(metrics.coldCalls, cold.authorityCalls)
      add(metrics.warmReads, warm.kvReads)
      add(metrics.warmCalls, warm.authorityCalls)
      add(metrics.hourReads, hour.kvReads)
      add(metrics.hourWrites, hour.kvWrites)
      add(metrics.hourCalls, hour.authorityCalls)
      add(metrics.hourVendor, hour.vendorCalls)
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) => {
    const exactly = (library: string, metric: string, wanted: number): readonly string[] => {
      const found = cellOf(results, { library, scenario, metric })
      return found === wanted
        ? []
        : [`operations: ${library}: ${metric}: ${wanted} wanted, ${String(found)} found`]
    }
    const { edge, strict5, strict60 } = ourFlagSystems
    return [
      ...[edge, strict5, strict60].flatMap(({ id }) => [
        ...exactly(id, metrics.coldReads, 1),
        ...exactly(id, metrics.warmReads, 0),
        ...exactly(id, metrics.warmCalls, 0),
      ]),
      ...exactly(edge.id, metrics.coldCalls, 0),
      ...exactly(edge.id, metrics.hourCalls, 0),
      ...[strict5, strict60].flatMap(({ id }) => exactly(id, metrics.coldCalls, 1)),
    ]
  },
}

export interface OperationCounts {
  readonly cold: FlagUsage
  readonly warm: FlagUsage
  readonly hour: FlagUsage
}

/**
 * @param requests In the hour.
 * @throws {Error} When it answers something else than the flags say.
 */
export function measureOperations(
  system: FlagSystem,
  requests = hourSeconds,
): Promise<OperationCounts> {
  return onFlagStage(system, { seed: 'flags', onewayMs: { AMS: 5, SIN: 85 } }, async (stage) => {
    const { clock } = stage
    await stage.system.publish(sampleFlags)
    await clock.sleep(600_000)
    // The location is one that others have used, so that what is kept in it is not what is compared.
    await ask(stage, stage.system.openIsolate('SIN'))
    await clock.sleep(1000)
    const isolate = stage.system.openIsolate('SIN')
    const cold = await ask(stage, isolate)
    await clock.sleep(1000)
    const warm = await ask(stage, isolate)
    const before = stage.usage
    for (let second = 0; second < requests; second++) {
      await ask(stage, isolate, second)
      await clock.sleep(1000)
    }
    return { cold, warm, hour: flagUsageSince(stage.usage, before) }
  })
}

/** One request. @returns What it used. */
async function ask(stage: FlagStage, isolate: FlagIsolate, turn = 0): Promise<FlagUsage> {
  const before = stage.usage
  const user = sampleUsers[turn % sampleUsers.length]
  if (user === undefined) throw new Error('There is no user')
  const found = await isolate.request(sampleFlags, user)
  const wanted = sampleFlags.map((flag) => expectedValue(flag, user))
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`Wanted ${JSON.stringify(wanted)}, received ${JSON.stringify(found)}`)
  }
  return flagUsageSince(stage.usage, before)
}
