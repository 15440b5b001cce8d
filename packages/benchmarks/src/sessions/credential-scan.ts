import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { allContestants, ourContestants } from './all-session-systems.ts'
import { runSchedules } from './schedules.ts'

const scenario = 'credential-scan'
const runs = 200
const foundMetric = 'found in the clear'

/** Whether what lets somebody in can be read in a key, a value or an event. */
export const credentialScan: SuiteScenario = {
  name: scenario,
  async run() {
    const results = new ScenarioResults('sessions', scenario)
    for (const contestant of allContestants) {
      const reports = await runSchedules(contestant, runs)
      const sum = (name: 'bearers' | 'leaks'): number =>
        reports.reduce((total, report) => total + report[name], 0)
      results.add(contestant.id, 'secrets issued', { value: sum('bearers') })
      results.add(contestant.id, foundMetric, { value: sum('leaks') })
    }
    return results.all
  },
  failures: (results: readonly BenchmarkResult[]) =>
    ourContestants.flatMap(({ id }) => {
      const found = cellOf(results, { library: id, scenario, metric: foundMetric })
      return found === 0 ? [] : [`credential-scan: ${id}: 0 wanted, ${String(found)} found`]
    }),
}
