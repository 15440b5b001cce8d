import { rm } from 'node:fs/promises'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { samplePassword, sampleUsers } from '@codex/database/seed'
import { buildWeb } from './build-web.ts'
import { freePortFrom } from './free-port.ts'
import { repository } from './repository.ts'
import { startStack } from './start-stack.ts'
import { untilStopped } from './until-stopped.ts'
import { watchSources, webSourceFolders } from './watch-sources.ts'
import { createWorkerOutputFilter } from './worker-output.ts'

const preferredPort = 8787

const { values: flags } = parseArgs({ options: { reset: { type: 'boolean', default: false } } })

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

/** Rebuilds the web app and says how that went. */
class WebRebuilder {
  /** Vite empties its output first, which makes wrangler complain until the new one is there. */
  isRunning = false

  async rebuild(changedFiles: ReadonlySet<string>): Promise<void> {
    const startedMs = performance.now()
    const names = [...changedFiles].map((path) => relative(repository.root, path))
    const shown = names.length > 3 ? `${names.length} files` : names.join(', ')
    this.isRunning = true
    try {
      await buildWeb()
      print(`↻ rebuilt in ${seconds(startedMs)} after a change of ${shown}`)
    } catch (error) {
      print(`✘ ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.isRunning = false
    }
  }
}

async function main(): Promise<void> {
  const stopped = untilStopped()
  if (flags.reset) await rm(repository.devState, { recursive: true, force: true })
  const startedMs = performance.now()
  print('Building the web app, then starting it with the other workers …')
  await buildWeb()
  const rebuilder = new WebRebuilder()
  const isWorthShowing = createWorkerOutputFilter()
  const stack = await startStack({
    stateDirectory: repository.devState,
    port: await freePortFrom(preferredPort),
    log: (line) => {
      if (isWorthShowing(line) && !rebuilder.isRunning) print(line)
    },
  })
  const stopWatching = watchSources(await webSourceFolders(), (files) => rebuilder.rebuild(files))
  const widestEmail = Math.max(...sampleUsers.map(({ email }) => email.length))
  print(
    [
      '',
      `  Codex runs at   ${stack.url}   (ready in ${seconds(startedMs)})`,
      '',
      `  Sign in with    password ${samplePassword} as`,
      ...sampleUsers.map(
        ({ email, role }) => `                  ${email.padEnd(widestEmail)}  ${role}`,
      ),
      '',
      `  Mails it sends  ${stack.url}/dev/outbox`,
      `  Its data        ${relative(repository.root, repository.devState)}   (--reset starts over)`,
      '  Sources         watched: a change is served some seconds after you save it',
      '  Stop            Ctrl+C',
      '',
    ].join('\n'),
  )

  const crash = await Promise.race([stopped, stack.crashed])
  stopWatching()
  await stack.stop()
  if (crash instanceof Error) throw crash
}

try {
  await main()
} catch (error) {
  process.stderr.write(`✘ ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
