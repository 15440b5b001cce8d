import type { Command } from 'commander'
import {
  type BulkOutput,
  openFileOutput,
  openFolderOutput,
  openStreamOutput,
} from '../bulk/bulk-output.ts'
import { readNamespace } from '../bulk/read-namespace.ts'
import { CommandFailure, interruptedFailure } from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { count } from '../command-output.ts'
import { describeFailure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { Places } from '../places.ts'

interface ExportCommandOptions {
  readonly folder?: boolean
  readonly overwrite?: boolean
  readonly exact?: boolean
}

export function addExportCommand(program: Command, frame: CommandFrame): void {
  program
    .command('export')
    .summary('read all entries below a prefix of KV')
    .description(
      `Reads all entries below a prefix of KV, to a file of JSON lines, to a folder with a file for each key, or to "-" for stdout.

The file has its name when all of it is there. After an end in the middle the same command goes on after the last page of 1,000 keys. A folder holds values only: metadata and expirations are in JSON lines.`,
    )
    .argument('<from>', 'prefix: kv://<alias>/settings/* or kv://<account>/<namespace>/*')
    .argument(
      '<to>',
      'file of JSON lines, folder (with --folder, or a slash at its end), or - for stdout',
    )
    .option('--folder', 'write a folder with a file for each key')
    .option('--overwrite', 'write over a file, or into a folder, that is there')
    .option(
      '--exact',
      'read each value by itself: a request for each instead of one for a hundred, and a byte order mark at the beginning of a value is kept',
    )
    .action(
      frame.run<[string, string], ExportCommandOptions>(
        async ({ world, output, args, options }) => {
          const [from, to] = args
          const place = new Places({ world, options }).kvPrefix(from)
          const isStdout = to === '-'
          const isFolder = !isStdout && (options.folder === true || to.endsWith('/'))
          const target = { uri: place.uri, isOverwriting: options.overwrite === true }
          const sink: BulkOutput = isStdout
            ? openStreamOutput(world.stdout)
            : await (isFolder ? openFolderOutput(to, target) : openFileOutput(to, target))
          let exported = sink.countBefore
          let withMore = 0
          if (exported > 0) output.note(`Going on after ${count(exported, 'entry', 'entries')}`)
          const progress = output.progress('Exported')
          try {
            const pages = readNamespace(place.open().withCallOptions({ signal: world.signal }), {
              prefix: place.key,
              cursor: sink.cursor,
              isExact: options.exact === true,
              signal: world.signal,
            })
            for await (const { entries, cursor } of pages) {
              await sink.write(entries, cursor)
              exported += entries.length
              withMore += entries.filter(
                ({ metadata, expiration }) => metadata !== undefined || expiration !== undefined,
              ).length
              progress.at(exported)
            }
            progress.end()
            await sink.finish()
          } catch (error) {
            progress.end()
            await sink.close()
            const done = `${count(exported, 'entry is', 'entries are')} exported`
            const hint = isStdout ? undefined : 'The same command goes on from there'
            if (world.signal.aborted) throw interruptedFailure(`Interrupted: ${done}`, hint)
            const described = describeFailure(error)
            throw new CommandFailure(`${described.message}; ${done}`, {
              ...described,
              ...((described.hint ?? hint) !== undefined && { hint: described.hint ?? hint ?? '' }),
            })
          }
          if (isFolder && withMore > 0) {
            output.note(
              `${count(withMore, 'entry has', 'entries have')} metadata or an expiration, which a folder does not hold`,
            )
          }
          const said = `Exported ${count(exported, 'entry', 'entries')} from ${place.uri}`
          if (isStdout) output.note(said)
          else output.answer({ uri: place.uri, to, exported }, `${said} to ${to}`)
          return exitCodes.ok
        },
      ),
    )
}
