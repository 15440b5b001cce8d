import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const program = join(import.meta.dirname, '../../../src/cli/codex-config.ts')

const compileCache = join(tmpdir(), 'codex-config-tests-compile-cache')

export interface CommandResult {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A process of the program that goes on. */
export interface RunningCommand {
  /** What it ended with. */
  readonly ended: Promise<CommandResult>
  /** Resolves when what it wrote matches. Rejects when it ended without. */
  until(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void>
  signal(signal: 'SIGINT' | 'SIGTERM'): void
  /** As a reader does that has seen enough. */
  closeStdout(): void
}

export interface CommandOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Default: the source, as it is. */
  readonly program?: string
}

/** Starts the program as a shell does, with no more of this process's environment than it needs. */
export function startCommand(
  args: readonly string[],
  { cwd, env = {}, stdin, program: path = program }: CommandOptions,
): RunningCommand {
  const child = spawn(process.execPath, [path, ...args], {
    cwd,
    // Compiled once for all processes of all tests: to start takes a third of the time.
    env: { HOME: cwd, TZ: 'UTC', NODE_COMPILE_CACHE: compileCache, ...env },
  })
  const written = { stdout: '', stderr: '' }
  let isOver = false
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const check of waiting) check()
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
      look()
    })
  }
  // It may end without having read it.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin ?? '')
  const ended = once(child, 'close').then(([exitCode]): CommandResult => {
    isOver = true
    look()
    return { exitCode: exitCode as number | null, ...written }
  })
  return {
    ended,
    until: (stream, pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const isThere = pattern.test(written[stream])
          if (!isThere && !isOver) return
          waiting.delete(check)
          if (isThere) resolve()
          else reject(new Error(`Ended without ${String(pattern)}: ${JSON.stringify(written)}`))
        }
        waiting.add(check)
        check()
      }),
    signal: (signal) => {
      child.kill(signal)
    },
    closeStdout: () => {
      child.stdout.destroy()
    },
  }
}
