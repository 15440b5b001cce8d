import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from './repository.ts'
import { runProgram, wranglerEnvironment, wranglerProgram } from './wrangler.ts'

/**
 * Brings the local D1 database in a state directory up to date: the migrations that are missing, then the sample data.
 * Doing it again changes nothing.
 *
 * @param environment A named environment of wrangler.jsonc. Default: development, its top level.
 * @throws {Error} With the output of the step that failed.
 */
export async function prepareState(stateDirectory: string, environment?: string): Promise<void> {
  const [webConfig] = repository.workerConfigs
  const env = wranglerEnvironment(stateDirectory)
  await mkdir(stateDirectory, { recursive: true })
  await runProgram('apply the database migrations', {
    args: [
      wranglerProgram,
      ...['d1', 'migrations', 'apply', 'DB', '--local'],
      ...['--persist-to', stateDirectory, '-c', webConfig],
      ...(environment === undefined ? [] : ['--env', environment]),
    ],
    cwd: repository.web,
    // Without a terminal wrangler applies them without asking; CI says so even when there is one.
    env: { ...env, CI: 'true' },
  })
  await runProgram('seed the database', {
    args: [
      join(import.meta.dirname, 'seed-state.ts'),
      stateDirectory,
      ...(environment === undefined ? [] : [environment]),
    ],
    cwd: repository.root,
    env,
  })
}
