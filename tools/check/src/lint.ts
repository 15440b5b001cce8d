import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { repositoryRoot, runCommand } from './run-command.ts'
import type { StepResult } from './step.ts'

const concurrency = 2

/**
 * Lints each workspace folder in a process of its own, and then what is in none. Rules that know types keep every project they
 * meet in memory, which for all of them together is more than a process has.
 */
export async function lintFolders(): Promise<StepResult> {
  const folders = globSync('{{apps,packages,tools,workers}/*,e2e}/package.json', {
    cwd: repositoryRoot,
  }).map((path) => dirname(path))
  const runs = [
    ...folders.map((folder) => [folder]),
    ['.', ...folders.flatMap((folder) => ['--ignore-pattern', `${folder}/**`])],
  ]
  const failures: string[] = []
  const worker = async (): Promise<void> => {
    for (let run; (run = runs.shift()) !== undefined;) {
      const { exitCode, output } = await runCommand('eslint', {
        args: [...run, '--max-warnings', '0'],
      })
      if (exitCode !== 0) failures.push(output)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return failures.length === 0 ? { ok: true } : { ok: false, detail: failures.join('\n') }
}
