import type { BenchmarkResult } from './result.ts'

/** A table with a row for each library and a column for each metric, in the order they were measured. */
export function libraryTable(results: readonly BenchmarkResult[]): string {
  const metrics = unique(results.map(({ metric }) => metric))
  const header = metrics.map((metric) => {
    const unit = results.find((result) => result.metric === metric && result.unit)?.unit
    return unit === undefined || unit === 'count' ? metric : `${metric} (${unit})`
  })
  const rows = unique(results.map(({ library }) => library)).map((library) => [
    library,
    ...metrics.map((metric) => {
      const cell = results.find((row) => row.library === library && row.metric === metric)
      return cell === undefined ? '' : formatValue(cell.value)
    }),
  ])
  return formatTable(['', ...header], rows)
}

/** A table with a row for each scenario, a column for each library, and all of its metrics in one cell. */
export function scenarioTable(
  results: readonly BenchmarkResult[],
  options: {
    readonly rowName: (scenario: string) => string
    readonly cell: (metrics: ReadonlyMap<string, number | string>) => string
  },
): string {
  const libraries = unique(results.map(({ library }) => library))
  const rows = unique(results.map(({ scenario }) => scenario)).map((scenario) => [
    options.rowName(scenario),
    ...libraries.map((library) => {
      const cells = results.filter((row) => row.scenario === scenario && row.library === library)
      return options.cell(new Map(cells.map(({ metric, value }) => [metric, value])))
    }),
  ])
  return formatTable(['', ...libraries], rows)
}

export function formatValue(value: number | string): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : value
}

export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}
