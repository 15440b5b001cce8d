import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { formatPath, parsePath } from '../../lib/load/config-path.ts'
import { notFoundFailure, usageFailure } from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { exitCodes } from '../exit-codes.ts'
import { addReadOptions, Layers, type LoadOptions } from '../load-options.ts'
import { Places } from '../places.ts'

interface GetOptions extends LoadOptions {
  readonly path?: string
}

export function addGetCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('get')
    .summary('print the merged configuration, or a value of it')
    .description(
      `Prints the merged configuration, or a value of it: a text as it is, anything else as YAML, and all as JSON with --json.

Later layers are over earlier ones. The last argument is a path of a value when it has no scheme and no slash, does not end in .yaml, .yml or .json, and is no file here; --path says it outright. Secrets are shown as [secret], and so is what comes from the environment.`,
    )
    .argument(
      '<layers...>',
      'files, file:, https:, s3:, kv: and env: URIs, the first below all others, and then the path of a value, such as server.ports[0]',
    )
    .option('--path <path>', 'the value to print')
  addReadOptions(command).action(
    frame.run<[string[]], GetOptions>(async ({ world, output, args, options }) => {
      const { uris, path } = splitPath(args[0], options.path)
      const layers = new Layers(uris, {
        world,
        options,
        places: new Places({ world, options, unit: options.unit }),
      })
      const loaded = await layers.load()
      const hiddenPaths = layers.hidden.pathsOf(loaded)
      const found = valueAt(loaded.value, path)
      if (found === undefined) {
        throw notFoundFailure(
          `Cannot get ${path}: there is no such value in ${loaded.sources.join(', ')}`,
        )
      }
      const value = layers.hidden.value(found, canonical(path), hiddenPaths)
      output.answer(value, typeof value === 'string' ? value : stringify(value).trimEnd())
      return exitCodes.ok
    }),
  )
}

/** Which of the arguments are layers. */
function splitPath(
  args: readonly string[],
  given: string | undefined,
): { readonly uris: readonly string[]; readonly path: string } {
  if (given !== undefined) return { uris: args, path: given }
  const last = args.at(-1) ?? ''
  const isSource =
    args.length === 1 ||
    last.includes('/') ||
    /^[A-Za-z][A-Za-z0-9+.-]+:/.test(last) ||
    /\.(?:ya?ml|json)$/i.test(last) ||
    existsSync(last)
  return isSource ? { uris: args, path: '' } : { uris: args.slice(0, -1), path: last }
}

function canonical(path: string): string {
  return formatPath(readPath(path))
}

function readPath(path: string): readonly (string | number)[] {
  try {
    return parsePath(path)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw usageFailure(error.message)
  }
}

function valueAt(root: unknown, path: string): unknown {
  let value: unknown = root
  for (const segment of readPath(path)) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, segment)
    if (!isThere) return undefined
    value = (value as Readonly<Record<string | number, unknown>>)[segment]
  }
  return value
}
