import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** Wrangler's program file, started with the Node that runs us: its launcher would add a process to look after. */
export const wranglerProgram = createRequire(import.meta.url).resolve('wrangler')

/** `--persist-to DIR` keeps its data in `DIR/v3`; `getPlatformProxy` takes that inner directory. */
export function persistDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'v3')
}

/**
 * The environment for every wrangler process: offline, without telemetry, writing only inside the state directory.
 *
 * The registry is where wrangler processes of one machine find each other's workers. A stack has its own, so that two
 * running at once (a `dev` and a test run) never call each other.
 */
export function wranglerEnvironment(stateDirectory: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    FORCE_COLOR: '0',
    // Set beside FORCE_COLOR, it makes every Node process print a warning.
    NO_COLOR: undefined,
    WRANGLER_CACHE_DIR: join(stateDirectory, 'wrangler-cache'),
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
    WRANGLER_REGISTRY_PATH: join(stateDirectory, 'registry'),
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_WRITE_LOGS: 'false',
    X_LOCAL_OBSERVABILITY: 'false',
  }
}

/** What a command that has to succeed needs. */
export interface RunOptions {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  /** Ends the program when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a Node program to its end and returns what it printed.
 *
 * @throws {Error} With the program's output, when it fails.
 */
export function runProgram(description: string, options: RunOptions): Promise<string> {
  const { args, cwd, env = process.env, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (cause) => {
      reject(new Error(`Cannot ${description}: ${cause.message}\n${output}`, { cause }))
    })
    child.on('close', (code) => {
      const text = stripVTControlCharacters(output).trim()
      if (code === 0) resolve(text)
      else reject(new Error(`Cannot ${description}: exit code ${code ?? 'none'}\n${text}`))
    })
  })
}
