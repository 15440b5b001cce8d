import type { Command } from 'commander'
import { CommandFrame } from '../../../src/cli/command-frame.ts'
import { createProgram } from '../../../src/cli/create-program.ts'
import { layersGroup } from '../../../src/cli/load-options.ts'
import { authorityGroup, changeGroup } from '../../../src/cli/publishing.ts'
import type { CommandWorld } from '../../../src/cli/command-world.ts'

/** Options that several commands share, and what they are called. */
const groups: Readonly<Record<string, string>> = {
  [layersGroup]: 'the options of layers',
  [authorityGroup]: 'the options of the authority',
  [changeGroup]: 'the options of a change',
}

/** Every command with its arguments and options, as Markdown. Options that several commands share are described once. */
export function writeCommandReference(): string {
  const program = createProgram(new CommandFrame({} as CommandWorld))
  const shared = Object.entries(groups).flatMap(([heading, name]) => {
    const rows = program.commands.flatMap((command) => toRows(command, heading))
    const title = name.charAt(0).toUpperCase() + name.slice(1)
    return [`### ${title}`, '', ...new Set(rows), '']
  })
  const commands = program.commands.flatMap((command) => {
    const used = Object.entries(groups).filter(([heading]) => toRows(command, heading).length > 0)
    return [
      `### ${command.name()}`,
      '',
      `\`codex-config ${command.name()} ${command.usage()}\``,
      '',
      ...toRows(command),
      ...used.map(([, name]) => `- ${name}`),
      '',
    ]
  })
  return ['### Options of every command', '', ...toRows(program), '', ...shared, ...commands].join(
    '\n',
  )
}

/** Of a group that is shared, or what the command has of its own. */
function toRows(command: Command, group?: string): string[] {
  const help = command.createHelp()
  const args = group === undefined ? help.visibleArguments(command) : []
  const terms = [
    ...args.map((argument) => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help' || command.parent === null)
      .filter(({ helpGroupHeading = '' }) =>
        group === undefined ? !(helpGroupHeading in groups) : helpGroupHeading === group,
      )
      .map((option) => [help.optionTerm(option), help.optionDescription(option)]),
  ]
  return terms.map(([term = '', description = '']) => `- \`${term}\`: ${escape(description)}`)
}

/** Angle brackets would be HTML. */
function escape(text: string): string {
  return text.replaceAll('<', '\\<').replaceAll('*', '\\*').replaceAll('_', '\\_')
}
