import type { CacheLibrary } from './libraries/cache-under-test.ts'
import type { BenchmarkResult } from './result.ts'

/** One thing that is compared, for whoever takes part. */
export interface Scenario<Contestant = CacheLibrary> {
  /** What `pnpm bench <suite> <name>` runs. */
  readonly name: string
  run(contestants: readonly Contestant[]): Promise<readonly BenchmarkResult[]>
  /** What has to hold for ours and does not, in words. */
  failures(results: readonly BenchmarkResult[]): readonly string[]
}

/** One thing that is compared, when it is known between whom. */
export interface SuiteScenario extends Pick<Scenario, 'name' | 'failures'> {
  run(): Promise<readonly BenchmarkResult[]>
}

/** Lets all scenarios of a suite run for the same contestants. */
export function between<Contestant>(
  contestants: readonly Contestant[],
  scenarios: readonly Scenario<Contestant>[],
): readonly SuiteScenario[] {
  return scenarios.map((scenario) => ({
    name: scenario.name,
    run: () => scenario.run(contestants),
    failures: (results) => scenario.failures(results),
  }))
}

/** A cell of a table that is already filled. */
export function cellOf(
  results: readonly BenchmarkResult[],
  at: { readonly library: string; readonly scenario: string; readonly metric: string },
): number | string | undefined {
  return results.find(
    ({ library, scenario, metric }) =>
      library === at.library && scenario === at.scenario && metric === at.metric,
  )?.value
}
