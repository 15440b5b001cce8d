import { runCommand } from './run-command.ts'
import { formatSummary, summarizeTests } from './test-summary.ts'

// Two at a time: most tests run in a workerd beside their vitest, and two cores are what a small machine has.
const { exitCode, output } = await runCommand('turbo', {
  args: [
    ...['run', 'test', '--concurrency', '2', '--output-logs', 'full', '--log-order', 'grouped'],
    // One failure hides no other.
    '--continue',
    ...process.argv.slice(2),
  ],
  // Vitest takes CI for a terminal with colours.
  env: process.stdout.isTTY ? { FORCE_COLOR: '1' } : { FORCE_COLOR: undefined, NO_COLOR: '1' },
  onOutput: (chunk) => process.stdout.write(chunk),
})

const summary = summarizeTests(output)
const problems = [
  ...(exitCode === 0 ? [] : [`turbo ended with exit code ${exitCode}`]),
  ...summary.unfinished.map((name) => `the tests of ${name} did not run to their end`),
  ...(summary.passed === 0 ? ['no test passed'] : []),
  // A test that does not run proves nothing, so it has to run or go.
  ...(summary.skipped > 0 ? [`${summary.skipped} tests were skipped`] : []),
  ...(summary.failed > 0 ? [`${summary.failed} tests failed`] : []),
  ...summary.failedTests.map((test) => `failed: ${test}`),
]
// Again, because the package that failed is seldom the last to end, and logs are often cut at their beginning.
if (summary.failures.length > 0) process.stdout.write(`\n${summary.failures.join('\n')}\n\n`)
for (const problem of problems) process.stdout.write(`✘ ${problem}\n`)
process.stdout.write(`${formatSummary(summary)}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
