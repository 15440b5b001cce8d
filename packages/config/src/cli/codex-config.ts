#!/usr/bin/env node
import type { Writable } from 'node:stream'
import { exitCodes } from './exit-codes.ts'
import { runCommandLine } from './run-command-line.ts'

const { argv, env, stdin, stdout, stderr } = process
const interruption = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Who asks twice does not want to wait for what is under way.
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted)
    interruption.abort(new DOMException('Interrupted', 'AbortError'))
  })
}

// A reader that has seen enough, such as head, is no failure.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.unavailable)
})

const exitCode = await runCommandLine(argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  signal: interruption.signal,
})

process.exitCode = exitCode
if (interruption.signal.aborted) {
  // What was given up would go on, and try again to publish after it was said to be over.
  await Promise.all([stdout, stderr].map(flush))
  process.exit(exitCode)
}

function flush(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve()
    })
  })
}
