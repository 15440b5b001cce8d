import type { Command } from 'commander'
import type { CommandFrame } from '../command-frame.ts'
import { exitCodes } from '../exit-codes.ts'
import { parsePercentage } from '../option-parsers.ts'
import { addChangeOptions, type ChangeOptions, openPublishing, toChange } from '../publishing.ts'

const kvUri = 'kv://<alias>/<key> or kv://<account>/<namespace>/<key>'

/** What is done with a rollout that was begun. */
export function addCandidateCommands(program: Command, frame: CommandFrame): void {
  const ramp = program
    .command('ramp')
    .summary('give the candidate of a rollout to more readers, or fewer')
    .description('Gives the candidate of a rollout to more readers, or fewer.')
    .argument('<kv-uri>', kvUri)
    .argument('<percentage>', 'of a hundred readers, in steps of 0.01', parsePercentage)
  addChangeOptions(ramp).action(
    frame.run<[string, number], ChangeOptions>(async ({ world, output, args, options }) => {
      const [uri, percentage] = args
      const { place, publisher } = openPublishing(uri, { world, output, options })
      const { version } = await publisher.ramp(percentage, toChange(options))
      output.answer(
        { uri: place.uri, version, percentage },
        `Version ${version} of ${place.uri} gives the candidate to ${percentage} % of readers`,
      )
      return exitCodes.ok
    }),
  )

  const promote = program
    .command('promote')
    .summary('make the candidate of a rollout the stable release')
    .description('Makes the candidate of a rollout the stable release, for all readers.')
    .argument('<kv-uri>', kvUri)
  addChangeOptions(promote).action(
    frame.run<[string], ChangeOptions>(async ({ world, output, args, options }) => {
      const { place, publisher } = openPublishing(args[0], { world, output, options })
      const { version } = await publisher.promote(toChange(options))
      output.answer(
        { uri: place.uri, version },
        `Promoted: version ${version} of ${place.uri} is for all readers`,
      )
      return exitCodes.ok
    }),
  )

  const abort = program
    .command('abort')
    .summary('give the candidate of a rollout up')
    .description('Gives the candidate of a rollout up: all readers have the stable release again.')
    .argument('<kv-uri>', kvUri)
  addChangeOptions(abort).action(
    frame.run<[string], ChangeOptions>(async ({ world, output, args, options }) => {
      const { place, publisher } = openPublishing(args[0], { world, output, options })
      const { version } = await publisher.abort(toChange(options))
      output.answer(
        { uri: place.uri, version },
        `Given up: version ${version} of ${place.uri} is the stable release alone`,
      )
      return exitCodes.ok
    }),
  )
}
