import type { CacheLibrary } from './libraries/cache-under-test.ts'
import type { BenchmarkResult } from './result.ts'

/** One thing that is compared. */
export interface Scenario {
  /** What `pnpm bench <suite> <name>` runs. */
  readonly name: string
  run(libraries: readonly CacheLibrary[]): Promise<readonly BenchmarkResult[]>
  /** What has to hold for ours and does not, in words. */
  failures(results: readonly BenchmarkResult[]): readonly string[]
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
