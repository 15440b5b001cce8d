import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type MissingBinding, writeConfigsWithout } from './configs-without.ts'
import { freePort } from './free-port.ts'
import { prepareState } from './prepare-state.ts'
import { repository } from './repository.ts'
import { StackLog } from './stack-log.ts'
import { pollUntil } from './story/poll-until.ts'
import { wranglerEnvironment, wranglerProgram } from './wrangler.ts'

const defaultStartTimeoutMs = 90_000
const stopTimeoutMs = 10_000

/** What to start, and where its data lives. */
export interface StartStackOptions {
  /** Holds KV, D1, R2 and queues of this stack. Created when missing; kept when stopped. */
  readonly stateDirectory: string
  /** Port to serve on. Default 0: any free one. */
  readonly port?: number
  /** Called with each line that the workers print. */
  readonly log?: (line: string) => void
  /** Settings other than development's. */
  readonly deployed?: DeployedSettings
  /** What no worker has a binding to, as in a deployment that lacks it. Default: every binding is there. */
  readonly without?: readonly MissingBinding[]
  /** How long migrations, seeds and the workers may take until they serve. Default 90,000 ms. */
  readonly startTimeoutMs?: number
}

/** Runs what would be deployed: an environment of the wrangler.jsonc files, believing that it is on its own domain. */
export interface DeployedSettings {
  readonly environment: 'staging' | 'production'
  /** The host of the environment's PUBLIC_ORIGIN, over HTTPS as far as the workers can tell. */
  readonly host: string
  /** What would be set with `wrangler secret put`. */
  readonly secrets: Readonly<Record<string, string>>
}

/** The web app and the other workers, running on one URL with shared KV, D1, R2 and queues. */
export interface Stack {
  readonly url: string
  readonly logs: StackLog
  /** Settles when the workers ended without being asked to, with what they printed last. */
  readonly crashed: Promise<Error>
  /** Stops every process of the stack. Calling it again is harmless. */
  stop(): Promise<void>
}

/**
 * Starts the built web app and the other workers on a state directory, with the database migrated and seeded.
 *
 * Every process belongs to one group under a guard that ends the group when this process goes away for any reason, so a
 * killed test run leaves nothing behind. The web app must have been built (`buildWeb`).
 *
 * @throws {Error} With the captured output, when the stack does not serve in time.
 */
export async function startStack(options: StartStackOptions): Promise<Stack> {
  const { stateDirectory, log, startTimeoutMs = defaultStartTimeoutMs } = options
  const deadline = AbortSignal.timeout(startTimeoutMs)
  await prepareState(stateDirectory, {
    environment: options.deployed?.environment,
    signal: deadline,
  })

  const configs = options.without
    ? await writeConfigsWithout(options.without, { folder: stateDirectory })
    : repository.workerConfigs
  const port = options.port ?? 0
  const url = `http://localhost:${port === 0 ? await freePort() : port}`
  const logs = new StackLog(log)
  const guard = fork(
    join(import.meta.dirname, 'guard.ts'),
    [
      wranglerProgram,
      'dev',
      ...configs.flatMap((path) => ['-c', path]),
      ...['--port', new URL(url).port, '--inspector-port', '0', '--persist-to', stateDirectory],
      '--show-interactive-dev-session=false',
      ...(options.deployed === undefined ? [] : deployedArguments(options.deployed)),
    ],
    {
      cwd: repository.web,
      // Wrangler takes the secrets that a configuration requires from here.
      env: { ...wranglerEnvironment(stateDirectory), ...options.deployed?.secrets },
      execArgv: ['--no-warnings'],
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  for (const output of [guard.stdout, guard.stderr]) {
    output?.setEncoding('utf8').on('data', (chunk: string) => {
      logs.append(chunk)
    })
  }

  const processes = new ProcessGroup(guard)
  const crashed = processes.ended.then(
    () => new Error(`The workers ended by themselves. Their output:\n${logs.toString()}`),
  )
  try {
    await Promise.race([
      crashed.then((error) => Promise.reject(error)),
      pollUntil(`${url}/healthz answers 200`, () => isHealthy(url), { signal: deadline }),
    ])
  } catch (error) {
    await processes.stop()
    throw new Error(
      `Cannot start the stack on ${url}. Output of the workers:\n${logs.toString()}`,
      {
        cause: error,
      },
    )
  }
  return { url, logs, crashed, stop: () => processes.stop() }
}

function deployedArguments({ environment, host, secrets }: DeployedSettings): string[] {
  const variables = Object.entries(secrets).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ])
  return ['--env', environment, '--host', host, '--upstream-protocol', 'https', ...variables]
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}

/** A guard and all that it started. */
class ProcessGroup {
  readonly ended: Promise<void>
  readonly #guard: ChildProcess
  readonly #killNow = (): void => {
    this.#kill()
  }

  constructor(guard: ChildProcess) {
    this.#guard = guard
    process.once('exit', this.#killNow)
    this.ended = once(guard, 'exit').then(() => {
      process.off('exit', this.#killNow)
      this.#kill()
    })
  }

  async stop(): Promise<void> {
    if (this.#guard.connected) this.#guard.disconnect()
    const timer = setTimeout(this.#killNow, stopTimeoutMs)
    await this.ended
    clearTimeout(timer)
  }

  #kill(): void {
    if (this.#guard.pid === undefined) return
    try {
      process.kill(-this.#guard.pid, 'SIGKILL')
    } catch {
      // ESRCH: the whole group is gone already, which is what is wanted.
    }
  }
}
