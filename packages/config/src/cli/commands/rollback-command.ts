import type { Command } from 'commander'
import type { CommandFrame } from '../command-frame.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseVersion } from '../option-parsers.ts'
import { addChangeOptions, type ChangeOptions, openPublishing, toChange } from '../publishing.ts'

export function addRollbackCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('rollback')
    .summary('publish the text of an older release again')
    .description(
      `Publishes the text of an older release again, as a new version, so that no reader goes back to a lower one. A rollout that is under way ends.`,
    )
    .argument('<kv-uri>', 'kv://<alias>/<key> or kv://<account>/<namespace>/<key>')
    .argument('<version>', 'the release to go back to', parseVersion)
  addChangeOptions(command).action(
    frame.run<[string, number], ChangeOptions>(async ({ world, output, args, options }) => {
      const [uri, toVersion] = args
      const { place, publisher } = openPublishing(uri, { world, output, options })
      const { version } = await publisher.rollback(toVersion, toChange(options))
      output.answer(
        { uri: place.uri, version, rolledBackTo: toVersion },
        `Published version ${version} of ${place.uri}, which has the text of version ${toVersion}`,
      )
      return exitCodes.ok
    }),
  )
}
