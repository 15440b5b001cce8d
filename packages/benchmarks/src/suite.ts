import type { BenchmarkResult } from './result.ts'
import type { SuiteScenario } from './scenario.ts'

/** One section of the document. */
export interface SuiteSection {
  readonly heading: string
  /** What is measured and how to read it, in Markdown. No figures: those come from the results. */
  readonly text: string
  /** The scenarios whose rows it shows. */
  readonly scenario: string
  readonly table: (results: readonly BenchmarkResult[]) => string
}

export interface Suite {
  readonly name: string
  readonly heading: string
  readonly text: string
  readonly scenarios: readonly SuiteScenario[]
  readonly sections: readonly SuiteSection[]
  /** The scenarios whose bar ours does not reach yet. A test holds this list to the results, both ways. */
  readonly shortfalls: readonly string[]
}

/** What the results show that does not hold, for the scenarios that are named. */
export function failuresOf(
  suite: Suite,
  results: readonly BenchmarkResult[],
): { readonly scenario: string; readonly failure: string }[] {
  return suite.scenarios.flatMap((scenario) =>
    scenario.failures(results).map((failure) => ({ scenario: scenario.name, failure })),
  )
}

/** Whether a row belongs to a scenario: to it, or to one of its parts, as `operations: cold miss`. */
export function belongsTo(result: BenchmarkResult, scenario: string): boolean {
  return result.scenario === scenario || result.scenario.startsWith(`${scenario}: `)
}
