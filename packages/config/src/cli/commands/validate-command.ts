import type { Command } from 'commander'
import { ConfigError } from '../../lib/config-error.ts'
import type { CommandFrame } from '../command-frame.ts'
import { count } from '../command-output.ts'
import { formatFault } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { addReadOptions, Layers, type LoadOptions } from '../load-options.ts'
import { Places } from '../places.ts'

export function addValidateCommand(program: Command, frame: CommandFrame): void {
  const command = program
    .command('validate')
    .summary('check that a configuration can be loaded, and fits its schema')
    .description(
      `Checks that all layers can be read and parsed, that their references have values, and that the merged result fits its schema. It prints every fault with its path, source and line, and ends with 1 where there is one.`,
    )
    .argument('<layers...>', 'layers as for get')
  addReadOptions(command).action(
    frame.run<[string[]], LoadOptions>(async ({ world, output, args, options }) => {
      const layers = new Layers(args[0], {
        world,
        options,
        places: new Places({ world, options, unit: options.unit }),
      })
      try {
        const { sources, versions, explain } = await layers.load()
        const leaves = explain('')?.leaves ?? []
        const warnings = leaves.flatMap(({ path, warning, origin }) =>
          warning === undefined ? [] : [{ path, reason: warning, origin }],
        )
        for (const warning of warnings) output.note(`Note: ${formatFault(warning)}`)
        output.answer(
          { valid: true, sources, versions, values: leaves.length, warnings },
          `Valid: ${count(leaves.length, 'value', 'values')} from ${count(sources.length, 'source', 'sources')}`,
        )
        return exitCodes.ok
      } catch (error) {
        const isNo =
          error instanceof ConfigError && (error.code === 'invalid' || error.code === 'corrupt')
        if (!isNo) throw error
        const { faults, code } = error
        output.answer({ valid: false, code, faults }, [
          `Invalid: ${count(faults.length, 'fault', 'faults')}`,
          ...faults.map((fault) => `  ${formatFault(fault)}`),
        ])
        return exitCodes.no
      }
    }),
  )
}
