import { parseArgs } from 'node:util'
import { checkDocsExamples } from './docs-examples.ts'
import { checkMigrations, checkWorkerTypes } from './generated-files.ts'
import { lintFolders } from './lint.ts'
import { checkPackedCommand } from './packed-command.ts'
import { checkPackedPackages } from './packed-package.ts'
import { repositoryRoot, runCommand } from './run-command.ts'
import { checkSizes } from './size-budget.ts'
import { commandSucceeds, type Step } from './step.ts'
import { formatSummary, summarizeTests } from './test-summary.ts'

function turbo(...args: string[]): ReturnType<typeof runCommand> {
  return runCommand('turbo', { args })
}

const steps: readonly Step[] = [
  {
    name: 'format',
    proves: 'prettier would change nothing',
    run: () => commandSucceeds(runCommand('prettier', { args: ['--check', '.'] })),
  },
  {
    name: 'boundaries',
    proves: 'packages import only what design allows',
    run: () => commandSucceeds(turbo('boundaries')),
  },
  {
    // Before the types, which wrangler derives from what was built.
    name: 'build',
    proves: 'everything builds',
    run: () =>
      commandSucceeds(turbo('run', 'build', '--concurrency', '2', '--output-logs', 'errors-only')),
  },
  {
    name: 'worker-types',
    proves: 'generated binding types are up to date',
    run: checkWorkerTypes,
  },
  {
    name: 'migrations',
    proves: 'migrations are in step with the schema',
    run: checkMigrations,
  },
  {
    name: 'types',
    proves: 'every package type-checks',
    run: () =>
      commandSucceeds(
        turbo('run', 'typecheck', '--concurrency', '2', '--output-logs', 'errors-only'),
      ),
  },
  {
    name: 'lint',
    proves: 'eslint finds no error and no warning',
    run: lintFolders,
  },
  {
    name: 'docs',
    proves: 'examples in documentation compile',
    run: () => Promise.resolve(checkDocsExamples(repositoryRoot)),
  },
  {
    name: 'knip',
    proves: 'no unused file, export or dependency',
    run: () => commandSucceeds(runCommand('knip')),
  },
  {
    name: 'package',
    proves: 'publint and attw accept the packed tarball',
    run: checkPackedPackages,
  },
  {
    name: 'command',
    proves: 'codex-config runs from its packed tarball',
    run: checkPackedCommand,
  },
  { name: 'size', proves: 'entries keep their size budget', run: checkSizes },
  {
    name: 'tests',
    proves: 'every test passes (from the cache where nothing changed)',
    run: async () => {
      const { exitCode, output } = await runCommand(process.execPath, {
        args: ['tools/check/src/test.ts'],
      })
      if (exitCode !== 0) return { ok: false, detail: output }
      return { ok: true, detail: formatSummary(summarizeTests(output)) }
    },
  },
]

/** The steps to run: all, or those named. */
function selectSteps(names: readonly string[]): readonly Step[] {
  for (const name of names) {
    if (steps.some((step) => step.name === name)) continue
    throw new RangeError(
      `Cannot run the check "${name}": expected one of ${steps.map((step) => step.name).join(', ')}`,
    )
  }
  return names.length === 0 ? steps : steps.filter((step) => names.includes(step.name))
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true, default: [] } },
  })
  const startedMs = performance.now()
  for (const step of selectSteps(values.only)) {
    const stepStartedMs = performance.now()
    const { ok, detail } = await step.run()
    const took = `${((performance.now() - stepStartedMs) / 1000).toFixed(1)} s`.padStart(7)
    const line = `${ok ? '✓' : '✘'} ${step.name.padEnd(13)}${took}  ${step.proves}`
    process.stdout.write(ok && detail ? `${line}: ${detail}\n` : `${line}\n`)
    if (!ok) {
      process.stdout.write(`\n${detail ?? ''}\n\n✘ ${step.name} failed\n`)
      return false
    }
  }
  process.stdout.write(`✓ all in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`)
  return true
}

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  process.stderr.write(`✘ ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
