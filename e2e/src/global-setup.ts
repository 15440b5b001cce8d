import { appendFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWeb, startStack } from '@codex/local-stack'
import type { TestProject } from 'vitest/node'
import { findBrowser } from './browser/find-browser.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the site is. */
    readonly siteUrl: string
    readonly stateDirectory: string
    readonly browserProgram: string
  }
}

function log(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Starts one site on fresh state for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browserProgram = await findBrowser(log)
  // Under turbo the app has just been built, as a task this one waits for.
  if (process.env.TURBO_HASH === undefined) await buildWeb()
  const stateDirectory = await mkdtemp(join(tmpdir(), 'codex-e2e-'))
  const removeState = (): Promise<void> => rm(stateDirectory, { recursive: true, force: true })
  try {
    const stack = await startStack({
      stateDirectory,
      // For the scan at the end of the run.
      log: (line) => {
        appendFileSync(join(stateDirectory, 'workers.log'), `${line}\n`)
      },
    })
    project.provide('siteUrl', stack.url)
    project.provide('stateDirectory', stateDirectory)
    project.provide('browserProgram', browserProgram)
    return async () => {
      await stack.stop()
      await removeState()
    }
  } catch (error) {
    await removeState()
    throw error
  }
}
