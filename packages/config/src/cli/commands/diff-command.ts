import type { Command } from 'commander'
import { usageFailure } from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { exitCodes } from '../exit-codes.ts'
import { formatDifference } from '../format-difference.ts'
import { HiddenValues } from '../hidden-values.ts'
import { collect, parseVariable, parseVersion } from '../option-parsers.ts'
import { Places } from '../places.ts'
import { addAuthorityOptions, type AuthorityOptions, openPublishing } from '../publishing.ts'
import { diffWritten, readWritten, type WrittenConfig } from '../written-config.ts'

interface DiffOptions extends AuthorityOptions {
  readonly from?: number
  readonly to?: number
  readonly publicEnv?: readonly string[]
  readonly secret?: readonly string[]
}

export function addDiffCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('diff')
    .summary('compare two sources, or two versions of one')
    .description(
      `Compares two sources, or two releases of a published configuration, value by value, and ends with 1 where they differ. References such as \${env:PORT} are compared as they are written and not resolved, so that nothing secret is read.`,
    )
    .argument('<before>', 'a source; with --from, kv:// of a published configuration')
    .argument('[after]', 'another source; not with --from')
    .option('--from <version>', 'compare this release of <before>', parseVersion)
    .option('--to <version>', 'with that one (default: the stable release)', parseVersion)
    .option(
      '--secret <path>',
      'a path, such as services.*.token, whose texts are secrets; may be given again',
      collect((text) => text),
    )
    .option(
      '--public-env <name>',
      'a variable of the environment that may be shown (default: none); may be given again',
      collect(parseVariable),
    )
  addAuthorityOptions(command).action(
    frame.run<[string, string | undefined], DiffOptions>(
      async ({ world, output, args, options }) => {
        const [before, after] = args
        const { from, to } = options
        const places = new Places({ world, options })
        let sides: readonly [WrittenConfig, WrittenConfig]
        if (after !== undefined && from === undefined && to === undefined) {
          const read = async (uri: string): Promise<WrittenConfig> =>
            readWritten(await places.source(uri).load({ signal: world.signal }))
          sides = await Promise.all([read(before), read(after)])
        } else if (after === undefined && from !== undefined) {
          const { place, publisher } = openPublishing(before, { world, output, options }, places)
          const read = async (version: number): Promise<WrittenConfig> => {
            const { body, syntax } = await publisher.release(version)
            return readWritten([{ uri: place.uri, text: body, syntax, version }])
          }
          const { document } = await publisher.current()
          sides = await Promise.all([read(from), read(to ?? document?.stable.version ?? from)])
        } else {
          throw usageFailure(
            'Cannot compare: two sources, or one with --from, were wanted, received something else',
            'Usage: codex-config diff <before> <after>, or codex-config diff <kv-uri> --from 3 --to 5',
          )
        }
        const differences = diffWritten(...sides, new HiddenValues(options))
        if (differences.length === 0) {
          output.note('They are equal')
          output.answer([], [])
          return exitCodes.ok
        }
        output.answer(differences, differences.map(formatDifference))
        return exitCodes.no
      },
    ),
  )
}
