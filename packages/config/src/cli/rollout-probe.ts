import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { RolloutProbe } from '../lib/publish/roll-out.ts'
import { usageFailure } from './command-failure.ts'
import type { CommandWorld } from './command-world.ts'

export interface ProbeOptions {
  readonly probeUrl?: string
  readonly probeCommand?: string
}

/** All that were given have to be well. */
export function createProbe(
  { probeUrl, probeCommand }: ProbeOptions,
  world: CommandWorld,
): RolloutProbe | null {
  const probes: RolloutProbe[] = [
    ...(probeUrl === undefined ? [] : [urlProbe(probeUrl)]),
    ...(probeCommand === undefined ? [] : [commandProbe(probeCommand, world)]),
  ]
  if (probes.length === 0) return null
  return async (step, options) => {
    const answers = await Promise.all(probes.map(async (probe) => probe(step, options)))
    return answers.every(Boolean)
  }
}

/** An answer of 200 to 299. */
function urlProbe(address: string): RolloutProbe {
  const url = URL.canParse(address) ? new URL(address) : null
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw usageFailure(
      'Cannot roll out: --probe-url must be an http or https address without credentials, received another one',
    )
  }
  return async (_step, { signal }) => {
    const answer = await fetch(url, { redirect: 'manual', signal })
    await answer.body?.cancel()
    if (answer.ok) return true
    throw new Error(`it answered ${answer.status}`)
  }
}

/** A command of the shell that ends with 0. It finds the step in two variables. */
function commandProbe(command: string, { env }: CommandWorld): RolloutProbe {
  return async (step, { signal }) => {
    const child = spawn('/bin/sh', ['-c', command], {
      env: {
        ...env,
        CODEX_CONFIG_VERSION: String(step?.version ?? ''),
        CODEX_CONFIG_PERCENTAGE: String(step?.percentage ?? 0),
      },
      stdio: 'ignore',
      signal,
    })
    const [exitCode] = (await once(child, 'close')) as [number | null]
    if (exitCode === 0) return true
    throw new Error(`it ended with ${exitCode ?? 'a signal'}`)
  }
}
