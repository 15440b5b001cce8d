import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { ourFlagSystemsInTrouble, strictFlag } from './all-flag-systems.ts'
import { type FaultCase, faultCases } from './fault-cases.ts'
import { type FlagStage, flagUsageSince, onFlagStage } from './flag-stage.ts'
import { type FlagIsolate, flagsNamespace, type FlagSystem } from './flag-system.ts'
import { sampleFlags, sampleUsers } from './sample-flags.ts'
import { growthBookPayload } from './systems/growthbook.ts'
import { createLaunchDarkly } from './systems/launchdarkly.ts'
import { createOneKeyPerFlag } from './systems/one-key-per-flag.ts'

const scenario = 'faults'

const metrics = {
  answer: 'answer',
  reason: 'reason',
  waited: 'waited (ms)',
  reads: 'KV reads',
  calls: 'authority calls',
  after: 'ten seconds after it',
} as const

const systems: readonly FlagSystem[] = [
  ...Object.values(ourFlagSystemsInTrouble),
  createOneKeyPerFlag(),
  createLaunchDarkly(),
  growthBookPayload,
]

/** What is answered while something is wrong, and once it is over. */
export const faults: SuiteScenario = {
  name: scenario,
  async run() {
    const rows: BenchmarkResult[] = []
    for (const one of faultCases) {
      const results = new ScenarioResults('flags', nameOf(one))
      for (const system of systems) {
        const { during, after } = await measureFault(system, one)
        const { answer, reason, waitedMs, kvReads, authorityCalls } = during
        results.add(system.id, metrics.answer, { value: answer })
        if (reason !== undefined) results.add(system.id, metrics.reason, { value: reason })
        results.add(system.id, metrics.waited, { value: Math.round(waitedMs), unit: 'ms' })
        results.add(system.id, metrics.reads, { value: kvReads })
        results.add(system.id, metrics.calls, { value: authorityCalls })
        results.add(system.id, metrics.after, { value: after.answer })
      }
      rows.push(...results.all)
    }
    return rows
  },
  failures: (results: readonly BenchmarkResult[]) =>
    faultCases.flatMap((one) =>
      Object.values(ourFlagSystemsInTrouble).flatMap((system) => {
        const at = { library: system.id, scenario: nameOf(one) }
        const answer = cellOf(results, { ...at, metric: metrics.answer })
        const after = cellOf(results, { ...at, metric: metrics.after })
        const wanted = wantedAnswer(system, one)
        return [
          ...(answer === wanted
            ? []
            : [`${at.scenario}: ${system.id}: ${wanted} wanted, ${String(answer)} found`]),
          ...(after === (one.isSwitchedOff ? 'off' : 'on')
            ? []
            : [`${at.scenario}: ${system.id}: ${String(after)} ten seconds after it`]),
        ]
      }),
    ),
}

/** Ours answers what it last knew, and its callers' default only where nobody told it anything in time. */
function wantedAnswer(system: FlagSystem, one: FaultCase): string {
  const { kvAlone, closed } = ourFlagSystemsInTrouble
  if (one.isSwitchedOff === true) return 'off'
  if (system === closed && one.cuts.includes('authority')) return 'off'
  const isLost = system === kvAlone && one.cuts.includes('kv')
  return one.isolate === 'new' && isLost ? 'default' : 'on'
}

interface FaultAnswer {
  readonly answer: string
  /** Of ours. */
  readonly reason?: string
  readonly waitedMs: number
  readonly kvReads: number
  readonly authorityCalls: number
}

interface FaultReport {
  readonly during: FaultAnswer
  readonly after: FaultAnswer
}

async function measureFault(system: FlagSystem, one: FaultCase): Promise<FaultReport> {
  const { warn } = console
  // GrowthBook's helper writes what it cannot parse there.
  console.warn = () => undefined
  try {
    return await measureOnStage(system, one)
  } finally {
    console.warn = warn
  }
}

function measureOnStage(system: FlagSystem, one: FaultCase): Promise<FaultReport> {
  return onFlagStage(system, { seed: 'faults', onewayMs: { AMS: 5, SIN: 85 } }, async (stage) => {
    const { clock } = stage
    await stage.system.publish(sampleFlags)
    await clock.sleep(longSleepMs)
    const earlier = readTexts(stage)
    if (one.isSwitchedOff === true) {
      await stage.system.publish(
        sampleFlags.map((flag) =>
          flag.name === strictFlag ? { ...flag, isEnabled: false } : flag,
        ),
      )
      await clock.sleep(longSleepMs)
    }
    const isolate = stage.system.openIsolate('SIN')
    if (one.isolate === 'old') {
      await ask(isolate)
      if (one.isGone === true) await deleteAll(stage)
      await clock.sleep(longSleepMs)
    }
    const measure = async (): Promise<FaultAnswer> => {
      const before = stage.usage
      const beganMs = clock.now()
      const answer = await ask(isolate)
      const { kvReads, authorityCalls } = flagUsageSince(stage.usage, before)
      return { ...answer, waitedMs: clock.now() - beganMs, kvReads, authorityCalls }
    }
    const end = one.begin(stage, earlier)
    const during = await measure()
    end()
    await clock.sleep(10_000)
    return { during, after: await measure() }
  })
}

const longSleepMs = 600_000

/** Asks for the one flag, with a default that is none of its values. */
async function ask(
  isolate: FlagIsolate & { readonly reason?: string },
): Promise<Pick<FaultAnswer, 'answer' | 'reason'>> {
  const flag = sampleFlags.find(({ name }) => name === strictFlag)
  const [user] = sampleUsers
  if (flag === undefined || user === undefined) throw new Error('There is nothing to ask for')
  try {
    const [value] = await isolate.request([{ ...flag, off: 'default' }], user)
    const names = new Map([
      [flag.on, 'on'],
      [flag.off, 'off'],
    ])
    const { reason } = isolate
    const answer = names.get(value ?? '') ?? String(value)
    return { answer, ...(reason !== undefined && { reason }) }
  } catch {
    return { answer: 'threw' }
  }
}

/** What is in KV now. */
function readTexts({ simulator }: FlagStage): ReadonlyMap<string, string> {
  const store = simulator.store(flagsNamespace)
  return new Map(store.keys().map((key) => [key, store.get(key)?.text ?? '']))
}

async function deleteAll({ simulator }: FlagStage): Promise<void> {
  const kv = simulator.location('AMS').kv(flagsNamespace)
  for (const key of simulator.store(flagsNamespace).keys()) await kv.delete(key)
}

function nameOf({ name }: FaultCase): string {
  return `${scenario}: ${name}`
}

/** A cell of the table. */
export function faultCell(cells: ReadonlyMap<string, number | string>): string {
  const answer = cells.get(metrics.answer)
  if (answer === undefined) return ''
  const count = (metric: string, word: string): string[] => {
    const value = cells.get(metric)
    return typeof value === 'number' && value > 0 ? [`${value} ${word}`] : []
  }
  const waited = Number(cells.get(metrics.waited))
  const reason = cells.get(metrics.reason)
  return [
    reason === undefined ? String(answer) : `${answer} (${reason})`,
    ...count(metrics.reads, 'KV'),
    ...count(metrics.calls, 'authority'),
    ...(waited >= 1000 ? [`${waited.toLocaleString('en-US')} ms`] : []),
    ...(cells.get(metrics.after) === 'threw' ? ['threw later too'] : []),
  ].join(', ')
}
