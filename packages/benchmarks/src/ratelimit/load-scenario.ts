import type { LimiterUnderTest } from '../limiters/limiter-under-test.ts'
import { notSupported, ScenarioResults } from '../result.ts'
import type { Scenario } from '../scenario.ts'
import type { Load } from './load.ts'
import { type LoadBar, loadFailures } from './load-bars.ts'
import { loadMetrics } from './load-metrics.ts'
import { type LoadReport, simulateLoad } from './simulated-load.ts'

export interface LoadScenarioOptions {
  readonly name: string
  readonly load: Load
  readonly bars: readonly LoadBar[]
}

/** One load, run through every limiter in turn. */
export function loadScenario({
  name,
  load,
  bars,
}: LoadScenarioOptions): Scenario<LimiterUnderTest> {
  return {
    name,
    async run(limiters) {
      const results = new ScenarioResults('ratelimit', name)
      for (const limiter of limiters) {
        if (limiter.supports?.(load) === false) {
          results.add(limiter.id, loadMetrics.aligned, { value: notSupported })
        } else addReport(results, limiter.id, await simulateLoad(limiter, load))
      }
      return results.all
    },
    failures: (results) => loadFailures(results, { scenario: name, bars }),
  }
}

function addReport(results: ScenarioResults, library: string, report: LoadReport): void {
  const { checks, admissions, saturatedWindows, usage, kv, waitedMs } = report
  const add = (metric: string, value: number | string, unit = ''): void => {
    results.add(library, metric, { value, ...(unit !== '' && { unit }) })
  }
  const perThousand = (count: number): number => round((count * 1000) / checks, 1)
  add(loadMetrics.aligned, admissions.alignedRatio, '× limit')
  add(loadMetrics.trailing, admissions.trailingRatio, '× limit')
  add(
    loadMetrics.utilisation,
    saturatedWindows.length > 0
      ? round(admissions.utilisation(saturatedWindows), 3)
      : 'not saturated',
  )
  add(loadMetrics.requests, perThousand(usage.requests), '‰')
  add(loadMetrics.peak, usage.mostRequestsInSecond, '/s')
  add(loadMetrics.rows, perThousand(usage.rowsWritten), '‰')
  add(loadMetrics.kvReads, perThousand(kv.reads), '‰')
  add(loadMetrics.kvWrites, perThousand(kv.writes), '‰')
  add(loadMetrics.kvRefused, perThousand(kv.refusedWrites), '‰')
  add(loadMetrics.throws, perThousand(report.throws), '‰')
  add(loadMetrics.p50, round(quantile(waitedMs, 0.5), 0), 'ms')
  add(loadMetrics.p99, round(quantile(waitedMs, 0.99), 0), 'ms')
  const local = waitedMs.filter((ms) => ms === 0).length
  add(loadMetrics.local, round((local * 100) / checks, 1), '%')
  add(loadMetrics.cost, round((report.dollars / checks) * 1e6, 4), '$')
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function round(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals
}
