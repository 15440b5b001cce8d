import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { allSuites } from './all-suites.ts'
import { renderTable } from './document.ts'
import { writeLimiterGuide } from './ratelimit/limiter-guide.ts'
import type { BenchmarkResult } from './result.ts'
import { documentFile, readResults, renderStoredResults, writeResults } from './result-file.ts'
import type { SuiteScenario } from './scenario.ts'
import { belongsTo, type Suite } from './suite.ts'

const usage = `pnpm bench [suite] [scenario …]   measures, prints the tables, and writes results, docs/benchmarks.md and the guides' costs
pnpm bench --document            writes the documents from the results there are

${allSuites.map((suite) => `${suite.name}: ${suite.scenarios.map(({ name }) => name).join(', ')}`).join('\n')}
`

/** Runs scenarios one after the other, so that none takes time from another one. @returns What does not hold. */
async function runSuite(suite: Suite, names: readonly string[]): Promise<readonly string[]> {
  const failures: string[] = []
  for (const scenario of selectScenarios(suite, names)) {
    const startedMs = performance.now()
    const measured = await scenario.run()
    await writeResults(suite.name, mergeResults(suite, scenario, measured))
    const section = suite.sections.find((candidate) => candidate.scenario === scenario.name)
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
    process.stdout.write(`\n${suite.name} ${scenario.name} (${seconds} s)\n\n`)
    if (section) process.stdout.write(`${renderTable(section, measured)}\n`)
    const isExpected = suite.shortfalls.includes(scenario.name)
    for (const failure of scenario.failures(measured)) {
      if (!isExpected) failures.push(failure)
      else process.stdout.write(`Not reached, as known: ${failure}\n`)
    }
  }
  return failures
}

/** The rows of one scenario take the place of its old ones; the order is that of the suite. */
function mergeResults(
  suite: Suite,
  scenario: SuiteScenario,
  measured: readonly BenchmarkResult[],
): readonly BenchmarkResult[] {
  const known = readResults(suite.name)
  return suite.scenarios.flatMap(({ name }) =>
    name === scenario.name ? measured : known.filter((result) => belongsTo(result, name)),
  )
}

function selectScenarios(suite: Suite, names: readonly string[]): readonly SuiteScenario[] {
  for (const name of names) {
    if (!suite.scenarios.some((scenario) => scenario.name === name)) {
      throw new RangeError(
        `Cannot run "${suite.name} ${name}": there is no such scenario\n\n${usage}`,
      )
    }
  }
  return names.length === 0
    ? suite.scenarios
    : suite.scenarios.filter(({ name }) => names.includes(name))
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { document: { type: 'boolean', default: false }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(usage)
    return true
  }
  const [suiteName, ...scenarioNames] = positionals
  const selected = allSuites.filter(({ name }) => suiteName === undefined || name === suiteName)
  if (selected.length === 0) {
    throw new RangeError(`Cannot run "${String(suiteName)}": there is no such suite\n\n${usage}`)
  }
  const failures: string[] = []
  if (!values.document) {
    for (const suite of selected) failures.push(...(await runSuite(suite, scenarioNames)))
  }
  writeFileSync(documentFile, await renderStoredResults(allSuites))
  await writeLimiterGuide()
  for (const failure of failures) process.stdout.write(`✘ ${failure}\n`)
  return failures.length === 0
}

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  process.stderr.write(`✘ ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
