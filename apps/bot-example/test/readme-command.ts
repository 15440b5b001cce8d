import { readFileSync } from 'node:fs'
import { appFolder } from './start-bot.ts'

const readme = readFileSync(`${appFolder}/README.md`, 'utf8')

/** The arguments of the README's one command whose configuration begins so, and has no second layer. */
export function readmeArguments(uriStart: string): readonly string[] {
  const commands = [...readme.matchAll(/^node src\/main\.ts (-c \S+)$/gm)].map(
    ([, text = '']) => text,
  )
  const [command, ...others] = commands.filter((text) => text.startsWith(`-c ${uriStart}`))
  if (command === undefined || others.length > 0) {
    throw new Error(`Cannot find the command for ${uriStart}: the README must have one`)
  }
  return command.split(' ')
}

/** What the README says the profiles are. */
export function readmeProfiles(): string {
  const [, yaml = ''] = /^```yaml\n(.*?)^```$/ms.exec(readme) ?? []
  return yaml
}
