import {
  ConfigClient,
  type ConfigEventReporter,
  type ConfigTree,
  envReferences,
  type Secret,
} from '@codex/config'
import { createSourceResolver, fileReferences } from '@codex/config/node'
import jsonSchema from '../config/bot.schema.json' with { type: 'json' }

export interface BotCommand {
  /** With `{user}`, `{text}` and `{result}`. */
  readonly answer: string
  /** An address with `{text}`, whose answer is `{result}`. */
  readonly lookup?: string
  /** Default 300. */
  readonly cacheSeconds?: number
}

export interface CacheSettings {
  readonly accountId: string
  readonly namespaceTitle: string
  readonly apiToken: Secret
  readonly baseUrl?: string
}

/** What config/bot.schema.json lets through, over the defaults. */
export interface BotConfig {
  readonly name: string
  readonly token: Secret
  readonly prefix: string
  readonly limit: { readonly answers: number; readonly windowSeconds: number }
  readonly commands: Readonly<Record<string, BotCommand>>
  readonly cache?: CacheSettings
}

const defaults = {
  prefix: '!',
  limit: { answers: 20, windowSeconds: 60 },
} as const satisfies ConfigTree

export interface BotConfigOptions {
  /** The layers, each over the one before: paths and URIs. */
  readonly uris: readonly string[]
  /** The folder that `${file:…}` reads. */
  readonly secretsFolder: string
  readonly refreshSeconds: number
  /** Which of a published configuration's releases this process gets while another one is rolled out. The same unit gets the same. */
  readonly unit: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onEvent: ConfigEventReporter
}

/**
 * Holds the bot's configuration, and asks for it again in the background.
 *
 * References see variables that begin with `BOT_` alone: else whoever writes the configuration could have any of the process's
 * credentials said in a chat.
 *
 * @throws {TypeError} When a URI is malformed, or the credentials for it are missing.
 */
export function createBotConfig(options: BotConfigOptions): ConfigClient<BotConfig> {
  const { uris, secretsFolder, refreshSeconds, unit, env, onEvent } = options
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('BOT_')))
  return new ConfigClient<BotConfig>({
    sources: uris,
    resolver: createSourceResolver({ env, unit }),
    defaults,
    references: {
      env: envReferences(own),
      secret: envReferences(own, { isSecret: true }),
      file: fileReferences({ root: secretsFolder }),
    },
    // Also where somebody wrote the text itself.
    secrets: ['token', 'cache.apiToken'],
    overrides: { prefix: 'BOT_CONFIG_', env },
    schema: { jsonSchema },
    refresh: 'background',
    ttlSeconds: refreshSeconds,
    onEvent,
  })
}
