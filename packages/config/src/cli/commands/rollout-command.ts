import type { Command } from 'commander'
import type { RolloutResult } from '../../lib/publish/roll-out.ts'
import {
  CommandFailure,
  interruptedFailure,
  refusedFailure,
  usageFailure,
} from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { parsePercentage, parseSeconds, parseSteps, parseWholeNumber } from '../option-parsers.ts'
import { Places } from '../places.ts'
import { addChangeOptions, type ChangeOptions, openPublishing, toChange } from '../publishing.ts'
import { createProbe, type ProbeOptions } from '../rollout-probe.ts'
import { addBodyOptions, type BodyOptions, readCheckedBody } from './push-command.ts'

interface RolloutOptions extends BodyOptions, ChangeOptions, ProbeOptions {
  readonly percentage?: number
  readonly steps: readonly number[]
  readonly bake: number
  readonly probeEvery: number
  readonly probeTimeout: number
  readonly failures: number
}

export function addRolloutCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('rollout')
    .summary('publish a file to more and more readers, while a probe is well')
    .description(
      `Publishes a file as a candidate for so many of a hundred readers, watches a probe for a while, goes on to more of them, and makes it the stable release in the end. Where the probe fails it gives the candidate up and ends with 1; SIGINT gives it up too.

With --percentage it begins a rollout that nobody watches: ramp, promote and abort go on with it.`,
    )
    .argument('<file>', 'a file, another source with one text, or - for stdin')
    .argument('<kv-uri>', 'where to: kv://<alias>/<key> or kv://<account>/<namespace>/<key>')
    .option('--percentage <percentage>', 'begin with so many, and end', parsePercentage)
    .option('--steps <percentages>', 'the steps of a watched rollout', parseSteps, [1, 10, 50])
    .option('--bake <time>', 'how long each step is watched', parseSeconds, 300)
    .option('--probe-url <url>', 'must answer 200 to 299')
    .option(
      '--probe-command <command>',
      'must end with 0; $CODEX_CONFIG_VERSION and $CODEX_CONFIG_PERCENTAGE say where the rollout is',
    )
    .option('--probe-every <time>', 'how often it is asked', parseSeconds, 15)
    .option('--probe-timeout <time>', 'how long it may take', parseSeconds, 10)
    .option(
      '--failures <number>',
      'failures in a row that end the rollout',
      parseWholeNumber(1, 1_000),
      2,
    )
  addChangeOptions(addBodyOptions(command)).action(
    frame.run<[string, string], RolloutOptions>(
      async ({ world, output, args, options }) => {
        const [file, uri] = args
        const { percentage } = options
        const probe = createProbe(options, world)
        if ((probe === null) === (percentage === undefined)) {
          const received = probe === null ? 'neither' : 'both'
          throw usageFailure(
            `Cannot roll out: --probe-url or --probe-command, or else --percentage, was wanted, received ${received}`,
          )
        }
        const places = new Places({ world, options, unit: options.unit })
        const { place, publisher } = openPublishing(uri, { world, output, options }, places)
        const body = await readCheckedBody(file, { world, options, places })
        const change = { syntax: body.syntax, ...toChange(options) }
        if (probe === null) {
          const share = percentage ?? 0
          const { version } = await publisher.startRollout(body.text, {
            ...change,
            percentage: share,
          })
          output.answer(
            { uri: place.uri, version, percentage: share },
            `Published version ${version} of ${place.uri} for ${share} % of readers; codex-config promote or abort ends the rollout`,
          )
          return exitCodes.ok
        }
        const result = await publisher.rollOut(body.text, {
          ...change,
          steps: options.steps,
          bakeSeconds: options.bake,
          probe,
          probeEverySeconds: options.probeEvery,
          probeTimeoutSeconds: options.probeTimeout,
          failuresToAbort: options.failures,
          signal: world.signal,
          onStep: ({ percentage: share, version }) => {
            output.note(`Version ${version}: ${share} % of readers, watched for ${options.bake} s`)
          },
        })
        const exitCode = exitCodeOf(result, { uri: place.uri, isInterrupted: world.signal.aborted })
        output.answer({ uri: place.uri, ...result }, describeResult(result, place.uri))
        return exitCode
      },
      { endsItself: true },
    ),
  )
}

function describeResult(result: RolloutResult, uri: string): string {
  switch (result.status) {
    case 'promoted':
      return `Promoted: version ${result.version} of ${uri} is for all readers`
    case 'aborted':
      return `Given up with version ${result.version} of ${uri}: ${result.reason}`
    case 'not_started':
      return `Not begun: ${result.reason}`
    case 'superseded':
      return `Left to somebody else's change of ${uri}: ${result.reason}`
  }
}

/** @throws {CommandFailure} For what is no answer to whether the new release is well. */
function exitCodeOf(
  result: RolloutResult,
  { uri, isInterrupted }: { readonly uri: string; readonly isInterrupted: boolean },
): ExitCode {
  if (result.status === 'promoted') return exitCodes.ok
  const said = describeResult(result, uri)
  if (result.status === 'superseded') throw refusedFailure(said)
  if (isInterrupted) throw interruptedFailure(`Interrupted. ${said}`)
  if (result.status === 'not_started') {
    throw new CommandFailure(said, { code: 'not_started', exitCode: exitCodes.no })
  }
  return exitCodes.no
}
