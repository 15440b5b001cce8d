import {
  createSessionPlan,
  createVirtualClock,
  runSessionPlan,
  type SessionRunReport,
  type SessionViolationType,
} from '@codex/cloudflare-clients/testing'
import { type BenchmarkResult, notSupported, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { allContestants, ourContestants, type SessionContestant } from './all-session-systems.ts'
import { onVirtualTime, stagePolicy } from './session-stage.ts'

const scenario = 'schedules'
const runs = 1000
const minuteMs = 60_000
const promisesMetric = 'broken promises'

/** What a schedule shows, by what it means for a user. */
const metrics: Readonly<Record<string, (report: SessionRunReport) => boolean>> = {
  'accepted after the end': ({ lagsMs }) => lagsMs.length > 0,
  'a minute after it': ({ lagsMs }) => lagsMs.some((lagMs) => lagMs > minuteMs),
  'there for good': hasAny('missed', 'resurrection'),
  'changed after the end': hasAny('late-change'),
  'refused, though live': hasAny('live-refused'),
  'gone for good, though live': hasAny('lost'),
}

function hasAny(...types: SessionViolationType[]): (report: SessionRunReport) => boolean {
  return ({ violations }) => violations.some(({ type }) => types.includes(type))
}

/** Runs the same schedules for one contestant. */
export async function runSchedules(
  contestant: SessionContestant,
  count: number,
): Promise<readonly SessionRunReport[]> {
  const system = contestant.create({ rowsWritten: 0, queries: 0 })
  const reports: SessionRunReport[] = []
  for (let seed = 1; seed <= count; seed++) {
    const clock = createVirtualClock()
    const plan = createSessionPlan(seed, {
      freshness: contestant.freshness,
      expires: false,
      policy: stagePolicy,
    })
    reports.push(await onVirtualTime(clock.now, () => runSessionPlan(plan, system, { clock })))
  }
  return reports
}

/** Random schedules of sign-ins, views, changes and revocations: in how many of a thousand something goes wrong. */
export const schedules: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const contestant of allContestants) {
      const reports = await runSchedules(contestant, runs)
      for (const [metric, shows] of Object.entries(metrics)) {
        results.add(contestant.id, metric, { value: reports.filter(shows).length })
      }
      const broken = reports.reduce((sum, { violations }) => sum + violations.length, 0)
      const value = ourContestants.includes(contestant) ? broken : 'none made'
      results.add(contestant.id, promisesMetric, { value })
      const unsupported = new Set(reports.flatMap((report) => report.unsupported))
      results.add(contestant.id, notSupported, { value: [...unsupported].join(', ') || '-' })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    ourContestants.flatMap(({ id }) => {
      const broken = cellOf(results, { library: id, scenario, metric: promisesMetric })
      return broken === 0
        ? []
        : [`schedules: ${id}: no broken promise wanted, ${String(broken)} found`]
    }),
}
