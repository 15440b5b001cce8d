/** One cell of a table. */
export interface BenchmarkResult {
  readonly suite: string
  readonly scenario: string
  readonly library: string
  readonly metric: string
  /** Empty for a word, `count` for a number of things. */
  readonly unit: string
  readonly value: number | string
}

/** What a scenario puts in a cell when the library has no such feature. */
export const notSupported = 'not supported'

/** Collects the rows of one scenario, so that suite and scenario are written once. */
export class ScenarioResults {
  readonly #results: BenchmarkResult[] = []
  readonly #suite: string
  readonly #scenario: string

  constructor(suite: string, scenario: string) {
    this.#suite = suite
    this.#scenario = scenario
  }

  add(library: string, metric: string, cell: { value: number | string; unit?: string }): void {
    this.#results.push({
      suite: this.#suite,
      scenario: this.#scenario,
      library,
      metric,
      unit: cell.unit ?? (typeof cell.value === 'number' ? 'count' : ''),
      value: cell.value,
    })
  }

  get all(): readonly BenchmarkResult[] {
    return this.#results
  }
}
