import { createSeededRandom } from '@codex/cloudflare-clients/testing'
import { median } from '../paired-ratio.ts'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { otherFlagSystems, ourFlagSystems, strictFlag } from './all-flag-systems.ts'
import { onFlagStage } from './flag-stage.ts'
import type { FlagIsolate, FlagSystem } from './flag-system.ts'
import { type SampleFlag, sampleFlags, sampleUsers } from './sample-flags.ts'
import { growthBookCache } from './systems/growthbook.ts'

const scenario = 'kill-switch'
const locations = 30
const trials = 5
/** The longest that any of them holds what it read. */
const phaseMs = 60_000
/** About three minutes of them. */
const editsBefore = 10
const conditions = ['typical', 'adverse'] as const
type Condition = (typeof conditions)[number]

/** The longest that a write takes to another location in the simulator. */
const propagationSeconds: Readonly<Record<Condition, number>> = { typical: 180, adverse: 300 }
/** `cacheTtlSeconds` and `freshSeconds` of ours. */
const edgeSeconds = 60 + 30
/** Between a request and the next one, which is the first to see what the one before has renewed; and the put, a second after the last one. */
const slackSeconds = 8

const promised = 'promised (s)'
const back = 'isolates that went back'
const medianMetric = (condition: Condition): string => `${condition} KV, median (s)`
const longestMetric = (condition: Condition): string => `${condition} KV, longest (s)`

const strictBounds: Readonly<Record<string, number>> = {
  [ourFlagSystems.strict5.id]: 5,
  [ourFlagSystems.strict60.id]: 60,
}

/** How long after a kill switch was thrown locations still answer that it was not. */
export const killSwitch: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('flags', scenario)
    // What this one keeps belongs to its module, so that there are no thirty of it.
    const others = otherFlagSystems.filter((system) => system !== growthBookCache)
    for (const system of [...Object.values(ourFlagSystems), ...others]) {
      const bound = strictBounds[system.id]
      const isEdge = system === ourFlagSystems.edge
      results.add(system.id, promised, {
        value: bound ?? (isEdge ? `KV’s + ${edgeSeconds}` : 'nothing'),
      })
      let wentBack = 0
      for (const condition of conditions) {
        const lags: number[] = []
        for (let trial = 0; trial < trials; trial++) {
          const report = await throwSwitch(system, { condition, trial, locations })
          lags.push(...report.lagsSeconds)
          wentBack += report.wentBack
        }
        results.add(system.id, medianMetric(condition), { value: round(median(lags)) })
        results.add(system.id, longestMetric(condition), { value: round(Math.max(...lags)) })
      }
      results.add(system.id, back, { value: wentBack })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    Object.values(ourFlagSystems).flatMap(({ id }) => [
      ...conditions.flatMap((condition) => {
        const most = strictBounds[id] ?? propagationSeconds[condition] + edgeSeconds + slackSeconds
        const metric = longestMetric(condition)
        const found = cellOf(results, { library: id, scenario, metric })
        return typeof found === 'number' && found <= most
          ? []
          : [`kill-switch: ${id}: ${metric}: at most ${most} wanted, ${String(found)} found`]
      }),
      ...(cellOf(results, { library: id, scenario, metric: back }) === 0
        ? []
        : [`kill-switch: ${id}: an isolate went back`]),
    ]),
}

export interface SwitchReport {
  /** For each location, from when the switch was thrown to the last request that was answered as if it was not. 0: there was none. */
  readonly lagsSeconds: readonly number[]
  /** Isolates that answered as before after they had answered otherwise, or went back to an older ruleset. */
  readonly wentBack: number
}

/** Throws the switch while an isolate in each location is asked once a second, and others edit other flags. */
export function throwSwitch(
  system: FlagSystem,
  options: { readonly condition: Condition; readonly trial: number; readonly locations: number },
): Promise<SwitchReport> {
  const { condition, trial } = options
  const seed = `kill-switch-${trial}`
  const random = createSeededRandom(seed)
  const onewayMs = Object.fromEntries(
    Array.from({ length: options.locations }, (_, index) => [`L${index}`, 5 + index * 4.5]),
  )
  const stageOptions = { seed, onewayMs, consistency: condition, latency: 'typical' } as const
  return onFlagStage(system, stageOptions, async ({ clock, system: flags }) => {
    let stored = sampleFlags
    const change = (name: string, next: Partial<SampleFlag>): Promise<void> => {
      stored = stored.map((flag) => (flag.name === name ? { ...flag, ...next } : flag))
      return flags.publish(stored)
    }
    await flags.publish(stored)
    await clock.sleep(600_000)
    let endsAtMs = Infinity
    let thrownAtMs: number | undefined
    const probes = Object.keys(onewayMs).map((location) => new Probe(flags.openIsolate(location)))
    const traffic = probes.map(async (probe) => {
      // Each in a phase of its own.
      await clock.sleep(random() * phaseMs)
      while (clock.now() < endsAtMs) {
        await probe.ask(clock.now)
        const isLate = thrownAtMs !== undefined && clock.now() - thrownAtMs > 100_000
        await clock.sleep(isLate ? 5000 : 1000)
      }
    })
    // One after the other, because KV takes a write of a key only each second.
    for (let edit = 0; clock.now() < endsAtMs; edit++) {
      await clock.sleep(11_000 + random() * 12_000)
      if (edit === editsBefore) {
        await change(strictFlag, { isEnabled: false })
        thrownAtMs = clock.now()
        endsAtMs = thrownAtMs + (propagationSeconds[condition] + edgeSeconds + 30) * 1000
      } else await change('flag-18', { isEnabled: edit % 2 === 0 })
    }
    await Promise.all(traffic)
    if (thrownAtMs === undefined) throw new Error('The switch was not thrown')
    const sinceMs = thrownAtMs
    return {
      lagsSeconds: probes.map(({ lastOnMs }) => Math.max(0, lastOnMs - sinceMs) / 1000),
      wentBack: probes.filter((probe) => probe.wentBack).length,
    }
  })
}

/** Asks an isolate for the one flag. */
class Probe {
  /** When the last request began that was answered with the value that is switched off. */
  lastOnMs = -Infinity
  wentBack = false
  readonly #isolate: FlagIsolate & { readonly version?: number }
  #wasOff = false
  #version = 0

  constructor(isolate: FlagIsolate) {
    this.#isolate = isolate
  }

  async ask(now: () => number): Promise<void> {
    const flag = sampleFlags.find(({ name }) => name === strictFlag)
    const [user] = sampleUsers
    if (flag === undefined || user === undefined) throw new Error('There is nothing to ask for')
    const beganMs = now()
    const [value] = await this.#isolate.request([flag], user)
    const { version = 0 } = this.#isolate
    const isOn = value === flag.on
    if (isOn) this.lastOnMs = beganMs
    if ((isOn && this.#wasOff) || version < this.#version) this.wentBack = true
    this.#wasOff ||= !isOn
    this.#version = version
  }
}

function round(seconds: number): number {
  return Math.ceil(seconds * 10) / 10
}
