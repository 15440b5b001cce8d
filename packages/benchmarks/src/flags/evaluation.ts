import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type SuiteScenario } from '../scenario.ts'
import { bundleWorker } from '../workerd/bundle-worker.ts'
import { evaluationCases } from './evaluation-cases.ts'
import type { EvaluatorName } from './flag-evaluators.ts'

const scenario = 'evaluation'
const metric = 'time of ours'

const others: readonly EvaluatorName[] = [
  'flagd-core',
  'flagd-core, no code generation',
  'GrowthBook',
]

/** Where ours has to be ahead. */
const wonCases: ReadonlySet<string> = new Set([
  'list of 1,000 ids',
  'time window',
  '5 rules of 3 conditions',
])

/** What an evaluation takes beside what others evaluate in the process. */
export const evaluation: SuiteScenario = {
  name: scenario,
  async run() {
    const script = await bundleWorker(`import './flags/evaluation-pair.ts'`)
    const rows: BenchmarkResult[] = []
    for (const { name } of evaluationCases) {
      const results = new ScenarioResults('flags', `${scenario}: ${name}`)
      for (const library of others) {
        const value = await measure(script, { name, library })
        results.add(library, metric, { value, unit: `× ${library}` })
      }
      rows.push(...results.all)
    }
    return rows
  },
  failures: (results: readonly BenchmarkResult[]) =>
    evaluationCases
      .filter(({ name }) => wonCases.has(name))
      .flatMap(({ name }) =>
        others.flatMap((library) => {
          const ratio = cellOf(results, { library, scenario: `${scenario}: ${name}`, metric })
          return typeof ratio === 'number' && ratio < 1
            ? []
            : [`evaluation: ${name}: less than 1 × ${library} wanted, ${String(ratio)} found`]
        }),
      ),
}

async function measure(
  script: string,
  { name, library }: { readonly name: string; readonly library: string },
): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-', name, library],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  child.stdin.end(script)
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const ratio = Number(output)
  if (output === '' || Number.isNaN(ratio)) {
    throw new Error(`Cannot measure ${name} beside ${library}: ${errors}`)
  }
  return ratio < 0.1 ? Number(ratio.toPrecision(1)) : Math.round(ratio * 100) / 100
}

/** A cell of the table. */
export function evaluationCell(cells: ReadonlyMap<string, number | string>): string {
  const ratio = cells.get(metric)
  return ratio === undefined ? '' : `× ${ratio}`
}
