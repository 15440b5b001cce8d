import type { Command } from 'commander'
import type { ConfigExplanation } from '../../lib/load/load-config.ts'
import { notFoundFailure, usageFailure } from '../command-failure.ts'
import type { CommandFrame } from '../command-frame.ts'
import { formatOrigin } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { addReadOptions, Layers, type LoadOptions } from '../load-options.ts'
import { Places } from '../places.ts'
import { visibleText } from '../visible-text.ts'

export function addExplainCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('explain')
    .summary('say where a value comes from, and what it replaced')
    .description(
      `Says where a value comes from, by source, line and version, and what it replaced in earlier layers. Of a map or a list it says so for each value in it. Secrets are shown as [secret], and so is what comes from the environment.`,
    )
    .argument(
      '<layers...>',
      'layers as for get, and then the path of a value, or "" for everything',
    )
  addReadOptions(command).action(
    frame.run<[string[]], LoadOptions>(async ({ world, output, args, options }) => {
      const uris = args[0].slice(0, -1)
      const path = args[0].at(-1) ?? ''
      if (uris.length === 0) {
        throw usageFailure(
          'Cannot explain: layers and then a path were wanted, received one argument',
          'Usage: codex-config explain [options] <layers...> <path>',
        )
      }
      const layers = new Layers(uris, {
        world,
        options,
        places: new Places({ world, options, unit: options.unit }),
      })
      const loaded = await layers.load()
      const found = loaded.explain(path)
      if (found === null) {
        throw notFoundFailure(
          `Cannot explain ${path}: there is no such value in ${loaded.sources.join(', ')}`,
        )
      }
      const explanation = layers.hidden.explanation(found)
      const leaves = explanation.leaves.length === 0 ? [explanation] : explanation.leaves
      output.answer(explanation, leaves.flatMap(formatExplanation))
      return exitCodes.ok
    }),
  )
}

function formatExplanation(explanation: ConfigExplanation): string[] {
  const { path, value, origin, overrode, references, warning } = explanation
  const lines = [
    `${path === '' ? '(root)' : path} = ${JSON.stringify(value)}`,
    `  from ${formatOrigin(origin)}`,
    ...(references.length === 0 ? [] : [`  by ${references.join(', ')}`]),
    ...overrode.map(
      (before) => `  over ${JSON.stringify(before.value)} from ${formatOrigin(before.origin)}`,
    ),
    ...(warning === undefined ? [] : [`  note: ${warning}`]),
  ]
  return lines.map(visibleText)
}
