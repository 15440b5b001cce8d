import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import { inject, type TestContext } from 'vitest'

export const appFolder = resolve(import.meta.dirname, '..')
export const botToken = 'a-token-of-the-chat-5b1f'

/** A line of the bot's log. */
interface LogLine {
  readonly event: string
  readonly level: string
  readonly [field: string]: unknown
}

export interface RunningBot {
  readonly process: ChildProcess
  readonly pid: number
  readonly url: string
  /** All that it wrote so far, on either stream. */
  readonly output: () => string
  /** The next line of this event that was not waited for yet. */
  waitFor(event: string): Promise<LogLine>
  ask(path: string): Promise<{ readonly status: number; readonly body: unknown }>
  /** What the bot says to a message of Ada. */
  say(text: string): Promise<string>
  /** @returns How it ended. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
}

interface StartOptions {
  /** Beside the port, which is any. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly folder?: string
  /** Default: the file of the image. */
  readonly program?: 'source' | 'image'
}

/** Starts the bot as its README says, in a process of its own with nothing of this one's environment, and ends it with the test. */
export async function startBot(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  options: StartOptions,
): Promise<RunningBot> {
  const { args, env = {}, folder = appFolder, program = 'image' } = options
  const child = spawn(
    process.execPath,
    [programFile(program), ...args, '--host', '127.0.0.1', '--port', '0', '--refresh-seconds', '1'],
    { cwd: folder, env: { BOT_TOKEN: botToken, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  const lines: LogLine[] = []
  const waiting: (() => void)[] = []
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`
    lines.push(JSON.parse(line) as LogLine)
    for (const look of waiting.splice(0)) look()
  })
  child.once('exit', () => {
    for (const look of waiting.splice(0)) look()
  })
  const waitFor = async (event: string): Promise<LogLine> => {
    for (;;) {
      const index = lines.findIndex((line) => line.event === event)
      const [line] = index === -1 ? [] : lines.splice(index, 1)
      if (line !== undefined) return line
      if (child.exitCode !== null) throw new Error(`The bot ended before ${event}:\n${output}`)
      await new Promise<void>((look) => waiting.push(look))
    }
  }
  const { port } = await waitFor('listening')
  const url = `http://127.0.0.1:${String(port)}`
  return {
    process: child,
    pid: child.pid ?? 0,
    url,
    output: () => output,
    waitFor,
    ask: async (path) => {
      const response = await fetch(`${url}${path}`)
      return { status: response.status, body: await response.json() }
    },
    say: async (text) => {
      const response = await sendMessage(url, text)
      const { text: answer = `${response.status}` } = await response.json<{ text?: string }>()
      return answer
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return child.exitCode ?? child.signalCode
    },
  }
}

export function programFile(program: 'source' | 'image'): string {
  return program === 'source' ? `${appFolder}/src/main.ts` : inject('imageFile')
}

export function sendMessage(url: string, text: string): Promise<Response> {
  return fetch(`${url}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${botToken}` },
    body: JSON.stringify({ user: 'Ada', text }),
  })
}
