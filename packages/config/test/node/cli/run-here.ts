import { Readable, Writable } from 'node:stream'
import { runCommandLine } from '../../../src/cli/run-command-line.ts'
import type { CommandOptions, CommandResult } from './command-process.ts'

/**
 * Runs a command as the process would, within this one. One after the other: the working directory is that of the process.
 *
 * @param onWritten Told of what is written to either stream, in order.
 */
export async function runHere(
  args: readonly string[],
  { cwd, env = {}, stdin = '' }: CommandOptions,
  onWritten: (text: string) => void = () => undefined,
): Promise<CommandResult> {
  process.chdir(cwd)
  const written = { stdout: '', stderr: '' }
  const collect = (name: keyof typeof written): Writable =>
    new Writable({
      decodeStrings: false,
      write(chunk: string | Uint8Array, _encoding, callback) {
        const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
        written[name] += text
        onWritten(text)
        callback()
      },
    })
  const exitCode = await runCommandLine(args, {
    env,
    stdin: Readable.from([new TextEncoder().encode(stdin)]),
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    signal: new AbortController().signal,
  })
  return { exitCode, ...written }
}
