import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from './repository.ts'
import { runProgram, wranglerEnvironment, wranglerProgram } from './wrangler.ts'

/** Which database, and for how long to try. */
export interface PrepareStateOptions {
  /** A named environment of wrangler.jsonc. Default: development, its top level. */
  readonly environment?: string | undefined
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal
}

/**
 * Brings the local D1 database in a state directory up to date: the migrations that are missing, then the sample data.
 * Doing it again changes nothing.
 *
 * @throws {Error} With the output of the step that failed.
 */
export async function prepareState(
  stateDirectory: string,
  options: PrepareStateOptions = {},
): Promise<void> {
  const { environment, signal } = options
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
    signal,
  })
  await runProgram('seed the database', {
    args: [
      join(import.meta.dirname, 'seed-state.ts'),
      stateDirectory,
      ...(environment === undefined ? [] : [environment]),
    ],
    cwd: repository.root,
    env,
    signal,
  })
}
