import { type Command, Option } from 'commander'
import type { ConfigSyntax } from '../../lib/config-document.ts'
import type { CommandFrame } from '../command-frame.ts'
import { type Body, readBody } from '../body-file.ts'
import { exitCodes } from '../exit-codes.ts'
import { formatDifference } from '../format-difference.ts'
import { HiddenValues } from '../hidden-values.ts'
import { addLoadOptions, Layers, type LoadOptions } from '../load-options.ts'
import { collect } from '../option-parsers.ts'
import { Places } from '../places.ts'
import {
  addChangeOptions,
  type ChangeOptions,
  openPublishing,
  type Publishing,
  toChange,
} from '../publishing.ts'
import { diffWritten, readWritten, type WrittenDifference } from '../written-config.ts'

/** What is published, and what it is checked with. */
export interface BodyOptions extends LoadOptions {
  readonly over?: readonly string[]
  readonly syntax?: ConfigSyntax
}

interface PushOptions extends BodyOptions, ChangeOptions {
  readonly dryRun?: boolean
}

export function addBodyOptions(command: Command): Command {
  return addLoadOptions(
    command
      .option(
        '--over <uri>',
        'a layer that readers have below it: the merged result is checked; may be given again',
        collect((text) => text),
      )
      .addOption(
        new Option('--syntax <syntax>', 'default: by its name, else yaml').choices([
          'json',
          'yaml',
        ]),
      ),
  )
}

/** Reads a text and refuses what readers would refuse. */
export async function readCheckedBody(
  name: string,
  {
    world,
    options,
    places,
  }: ConstructorParameters<typeof Layers>[1] & { readonly options: BodyOptions },
): Promise<Body> {
  const body = await readBody(name, { world, places, syntax: options.syntax })
  if (options.schema === undefined && options.over === undefined) return body
  const source = { uri: body.uri, load: () => Promise.resolve([body.document]) }
  await new Layers([...(options.over ?? []), source], { world, options, places }).load()
  return body
}

export function addPushCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('push')
    .summary('publish a file as a new version')
    .description(
      `Publishes a file to a key of KV as a new version, for all readers, after it was parsed and, with --schema, validated. Nothing is published where the text is the one that is there.

Without an authority (--authority, or that of a profile) it writes KV itself: two publishers at once may then lose a version.`,
    )
    .argument('<file>', 'a file, another source with one text, or - for stdin')
    .argument('<kv-uri>', 'where to: kv://<alias>/<key> or kv://<account>/<namespace>/<key>')
  addChangeOptions(addBodyOptions(command))
    .optionsGroup('Options:')
    .option('--dry-run', 'check it, say what would change, and publish nothing')
    .action(
      frame.run<[string, string], PushOptions>(async ({ world, output, args, options }) => {
        const [file, uri] = args
        const places = new Places({ world, options, unit: options.unit })
        const publishing = openPublishing(uri, { world, output, options }, places)
        const { place, publisher } = publishing
        const body = await readCheckedBody(file, { world, options, places })
        const { version, document } = await publisher.current()
        const isSame = document?.stable.sha256 === body.sha256 && document.candidate === undefined
        if (isSame) {
          output.answer(
            { uri: place.uri, version, changed: false },
            `Unchanged: version ${version} of ${place.uri} has this text`,
          )
          return exitCodes.ok
        }
        if (options.dryRun === true) {
          const differences = await diffToCurrent(body, publishing, new HiddenValues(options))
          output.answer({ uri: place.uri, version, wouldChange: differences }, [
            `Would publish version ${version + 1} of ${place.uri}`,
            ...differences.map(formatDifference),
          ])
          return exitCodes.ok
        }
        const published = await publisher.publish(body.text, {
          syntax: body.syntax,
          ...toChange(options),
        })
        output.answer(
          { uri: place.uri, version: published.version, changed: true, sha256: body.sha256 },
          `Published version ${published.version} of ${place.uri}`,
        )
        return exitCodes.ok
      }),
    )
}

/** What a text changes of the release that readers have. */
async function diffToCurrent(
  body: Body,
  { place, publisher }: Publishing,
  hidden: HiddenValues,
): Promise<readonly WrittenDifference[]> {
  const { document } = await publisher.current()
  const after = readWritten([body.document])
  if (document === undefined) return diffWritten(new Map(), after, hidden)
  const { body: text, syntax, version } = await publisher.release(document.stable.version)
  const before = readWritten([{ uri: place.uri, text, syntax, version }])
  return diffWritten(before, after, hidden)
}
