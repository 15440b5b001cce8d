import { spawn } from 'node:child_process'
import { delimiter, join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

export const repositoryRoot = resolve(import.meta.dirname, '../../..')

/** How to run a command. */
export interface RunCommandOptions {
  readonly args?: readonly string[]
  /** Default: the repository's root. */
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Called with the output as it comes. */
  readonly onOutput?: (chunk: string) => void
}

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number
  /** Standard output and standard error in the order they came, without colours. */
  readonly output: string
}

/** Runs a program of the workspace to its end. A non-zero exit is a result, not an error. */
export function runCommand(
  program: string,
  options: RunCommandOptions = {},
): Promise<CommandResult> {
  const { args = [], cwd = repositoryRoot, env = {}, onOutput } = options
  const programs = [join(cwd, 'node_modules/.bin'), join(repositoryRoot, 'node_modules/.bin')]
  return new Promise((resolvePromise, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: {
        ...process.env,
        PATH: [...programs, process.env.PATH].join(delimiter),
        DO_NOT_TRACK: '1',
        TURBO_TELEMETRY_DISABLED: '1',
        WRANGLER_HIDE_BANNER: 'true',
        WRANGLER_SEND_METRICS: 'false',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
        onOutput?.(chunk)
      })
    }
    child.on('error', reject)
    child.on('close', (exitCode) => {
      resolvePromise({ exitCode: exitCode ?? 1, output: stripVTControlCharacters(output).trim() })
    })
  })
}

/** Runs the pnpm that runs us, so that a machine without one on its PATH needs no second. */
export function runPnpm(args: readonly string[], cwd = repositoryRoot): Promise<CommandResult> {
  const pnpmProgram = process.env.npm_execpath
  if (pnpmProgram?.includes('pnpm')) {
    return runCommand(process.execPath, { args: [pnpmProgram, ...args], cwd })
  }
  return runCommand('npx', { args: ['-y', 'pnpm@10.34.9', ...args], cwd })
}
