import { hostname } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

export interface BotOptions {
  /** The layers, each over the one before. */
  readonly config: readonly string[]
  readonly host: string
  readonly port: number
  readonly refreshSeconds: number
  readonly graceSeconds: number
  /** What a rollout tells processes apart by. */
  readonly unit: string
  /** The folder that `${file:…}` reads. */
  readonly secrets: string
}

/** Ends the process with the usage where the arguments are wrong: code 2. */
export function parseBotOptions(argv: readonly string[]): BotOptions {
  const collect = (uri: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    uri,
  ]
  return new Command('bot-example')
    .description('A small bot that answers as its configuration says')
    .requiredOption(
      '-c, --config <uri>',
      'a path, file:, https:, s3://bucket/key or kv://alias/key; several are laid over one another',
      collect,
    )
    .option('--host <address>', 'where it listens', '0.0.0.0')
    .option('--port <number>', '0: any that is free', toNumber({ max: 65_535 }), 8080)
    .option('--refresh-seconds <number>', 'how often sources are asked', toNumber({ min: 1 }), 30)
    .option('--grace-seconds <number>', 'how long it waits at its end', toNumber({}), 10)
    .option('--unit <name>', 'what a rollout tells processes apart by', hostname())
    .option('--secrets <folder>', 'what ${file:…} reads', '/run/secrets')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
    .opts<BotOptions>()
}

function toNumber({ min = 0, max = 86_400 }: { min?: number; max?: number }) {
  return (text: string): number => {
    const number = text.trim() === '' ? NaN : Number(text)
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`It must be from ${min} to ${max}.`)
  }
}
