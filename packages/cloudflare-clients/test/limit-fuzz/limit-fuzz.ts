import { createPlan, isHealthy } from './limit-plan.ts'
import { LimitSimulation } from './limit-simulation.ts'
import { createRestartableAuthority } from './restartable-authority.ts'

export interface FuzzSummary {
  readonly configurations: number
  readonly decisions: number
  readonly requests: number
  readonly refunds: number
  /** With the seed that shows it again. */
  readonly violations: readonly string[]
  /** Admitted of what the limit admits at most, in plans where nothing goes wrong: a list for each algorithm. */
  readonly utilisation: Readonly<Record<string, readonly number[]>>
}

export interface FuzzRange {
  readonly firstSeed: number
  readonly runs: number
  readonly maxViolations?: number
}

/** Under this limit, the whole tokens that are out on leases weigh too much to tell how well a limit is used. */
const minMeasuredLimit = 100

export function runLimitFuzz({ firstSeed, runs, maxViolations = 10 }: FuzzRange): FuzzSummary {
  let [configurations, decisions, requests, refunds] = [0, 0, 0, 0]
  const violations: string[] = []
  const utilisation: Record<string, number[]> = {}
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const plan = createPlan(seed)
    const run = new LimitSimulation(plan, createRestartableAuthority).run()
    configurations++
    decisions += run.decisions
    requests += run.requests
    refunds += run.refunds
    for (const violation of run.violations) violations.push(`seed ${seed}: ${violation}`)
    if (violations.length >= maxViolations) break
    const [rule] = plan.rules
    if (rule === undefined || rule.limit < minMeasuredLimit || !isHealthy(plan)) continue
    ;(utilisation[rule.algorithm] ??= []).push(run.utilisation)
  }
  return { configurations, decisions, requests, refunds, violations, utilisation }
}

export function mergeSummaries(summaries: readonly FuzzSummary[]): FuzzSummary {
  const sum = (of: (summary: FuzzSummary) => number): number =>
    summaries.reduce((total, summary) => total + of(summary), 0)
  const utilisation: Record<string, number[]> = {}
  for (const summary of summaries) {
    for (const [algorithm, shares] of Object.entries(summary.utilisation)) {
      ;(utilisation[algorithm] ??= []).push(...shares)
    }
  }
  return {
    configurations: sum((summary) => summary.configurations),
    decisions: sum((summary) => summary.decisions),
    requests: sum((summary) => summary.requests),
    refunds: sum((summary) => summary.refunds),
    violations: summaries.flatMap(({ violations }) => violations),
    utilisation,
  }
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}
