import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWeb } from './build-web.ts'
import { formatCostTable } from './demo/cost-table.ts'
import { DemoRun, UnexpectedError } from './demo/demo-run.ts'
import {
  tellAccountStory,
  tellContentStory,
  tellOutageStory,
  tellPasswordStory,
} from './demo/story.ts'
import { startStack } from './start-stack.ts'
import { untilStopped } from './until-stopped.ts'

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  const stopped = untilStopped().then(() => {
    throw new Error('Stopped before the end')
  })
  const stateDirectory = await mkdtemp(join(tmpdir(), 'codex-demo-'))
  try {
    print('Building the web app, then starting it with the other workers on a fresh state …')
    await Promise.race([buildWeb(), stopped])
    const stack = await Promise.race([startStack({ stateDirectory }), stopped])
    try {
      print(`Codex runs at ${stack.url}\n`)
      const run = new DemoRun(stack, print)
      const crashed = stack.crashed.then((error) => Promise.reject(error))
      await Promise.race([tellStory(run), stopped, crashed])
      print(`\n${formatCostTable(run.finishedSteps).join('\n')}`)
      print('Writes that wait for the second in which KV takes none to their key come after it.')
    } finally {
      await stack.stop()
    }
  } finally {
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

async function tellStory(run: DemoRun): Promise<void> {
  const person = await tellAccountStory(run)
  await tellContentStory(run)
  await tellPasswordStory(run, person)
  await tellOutageStory(run)
}

try {
  await main()
  print('\n✓ every step was as expected')
} catch (error) {
  const text =
    error instanceof UnexpectedError
      ? `    ${error.message}`
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
  process.stderr.write(`${text}\n\n✘ the demo stopped at the first step that was not as expected\n`)
  process.exitCode = 1
}
