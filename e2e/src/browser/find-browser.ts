import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const run = promisify(execFile)

const programNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const macPrograms = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const installTimeoutMs = 240_000

/**
 * The program file of a Chromium: `CHROMIUM_PATH`, one that is installed, or one that this installs.
 *
 * @throws {Error} Saying how to get one, when there is none and none can be installed.
 */
export async function findBrowser(log: (line: string) => void): Promise<string> {
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined && named !== '') {
    if (await isProgram(named)) return named
    throw new Error(`Cannot start the browser: CHROMIUM_PATH is ${named}, which is no program file`)
  }
  const failures: string[] = []
  for (const install of [null, installWithApt, installWithPlaywright]) {
    if (install !== null) {
      try {
        await install(log)
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error))
      }
    }
    const found = await findInstalled()
    if (found !== null) return found
  }
  throw new Error(
    [
      'Cannot find a Chromium for the browser tests, nor install one. Install Chromium or Chrome, or set CHROMIUM_PATH to its program file.',
      ...failures,
    ].join('\n'),
  )
}

async function findInstalled(): Promise<string | null> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = [
    ...folders.flatMap((folder) => programNames.map((name) => join(folder, name))),
    ...macPrograms,
    // Where Playwright puts the one it downloads.
    chromium.executablePath(),
  ]
  for (const path of candidates) {
    if (await isProgram(path)) return path
  }
  return null
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function installWithApt(log: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('apt-get: not tried, because this is not root')
  log('No browser found: installing the chromium package with apt-get')
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: installTimeoutMs,
  }
  await run('apt-get', ['update', '-qq'], options)
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options)
}

async function installWithPlaywright(log: (line: string) => void): Promise<void> {
  log('No browser found: downloading the one of Playwright')
  const program = join(
    dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')),
    'cli.js',
  )
  await run(process.execPath, [program, 'install', 'chromium'], { timeout: installTimeoutMs })
}
