import type { BenchmarkResult } from '../result.ts'
import { cellOf } from '../scenario.ts'
import { loadMetrics } from './load-metrics.ts'

/** What has to hold for one of ours. */
export interface LoadBar {
  readonly library: string
  readonly metric: keyof typeof loadMetrics
  readonly atMost?: number
  readonly atLeast?: number
}

/** What does not hold, in words. */
export function loadFailures(
  results: readonly BenchmarkResult[],
  { scenario, bars }: { readonly scenario: string; readonly bars: readonly LoadBar[] },
): readonly string[] {
  return bars.flatMap(({ library, metric, atMost, atLeast }) => {
    const name = loadMetrics[metric]
    const found = cellOf(results, { library, scenario, metric: name })
    const holds =
      typeof found === 'number' && found <= (atMost ?? found) && found >= (atLeast ?? found)
    if (holds) return []
    const wanted = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`
    return [`${scenario}: ${library}: ${name}: ${wanted} wanted, ${String(found)} found`]
  })
}
