import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { ConfigAuthorityNamespace } from '../lib/config-authority-calls.ts'
import { ConfigPublisher } from '../lib/publish/config-publisher.ts'
import { httpConfigAuthority } from '../lib/publish/http-config-authority.ts'
import { kvConfigAuthority } from '../lib/publish/kv-config-authority.ts'
import { usageFailure } from './command-failure.ts'
import type { GlobalOptions } from './command-frame.ts'
import type { CommandOutput } from './command-output.ts'
import type { CommandWorld } from './command-world.ts'
import { parseKnownVersion, parseVariable } from './option-parsers.ts'
import { type KVPlace, Places } from './places.ts'

/** Who decides about versions. */
export interface AuthorityOptions {
  readonly authority?: string
  readonly authorityTokenVariable?: string
}

/** What is said of a change. */
export interface ChangeOptions extends AuthorityOptions {
  readonly author?: string
  readonly description?: string
  readonly ifVersion?: number
}

const defaultTokenVariable = 'CODEX_CONFIG_TOKEN'

export const authorityGroup = 'Authority:'
export const changeGroup = 'Change:'

export function addAuthorityOptions(command: Command): Command {
  return command
    .optionsGroup(authorityGroup)
    .option(
      '--authority <url>',
      'the HTTP authority that decides about versions (default: that of the profile, else KV alone)',
    )
    .option(
      '--authority-token-variable <name>',
      `the variable of the environment that has its token (default: that of the profile, else ${defaultTokenVariable})`,
      parseVariable,
    )
}

export function addChangeOptions(command: Command): Command {
  return addAuthorityOptions(command)
    .optionsGroup(changeGroup)
    .option(
      '--author <name>',
      'who, for the history (default: $CODEX_CONFIG_AUTHOR, else the user)',
    )
    .option('-m, --description <text>', 'why, for the history')
    .option(
      '--if-version <version>',
      'refuse unless this is the version that is there; 0 where there must be none',
      parseKnownVersion,
    )
}

interface PublishingOptions {
  readonly world: CommandWorld
  readonly output: CommandOutput
  readonly options: ChangeOptions & GlobalOptions
}

/** The published configuration that a URI names. */
export interface Publishing {
  readonly place: KVPlace
  readonly publisher: ConfigPublisher
}

export function openPublishing(
  uri: string,
  { world, output, options }: PublishingOptions,
  places: Places = new Places({ world, options }),
): Publishing {
  const place = places.kvKey(uri)
  const authority = findAuthority(place, { world, options, output })
  const author =
    [options.author, world.env.CODEX_CONFIG_AUTHOR, world.env.USER].find(Boolean) ??
    userInfo().username
  return { place, publisher: new ConfigPublisher({ authority, name: place.key, author }) }
}

function findAuthority(
  { open, profile, uri }: KVPlace,
  { world, options, output }: PublishingOptions,
): ConfigAuthorityNamespace {
  const url = options.authority ?? profile?.authority?.url
  if (url === undefined) {
    return kvConfigAuthority(open(), {
      onEvent: ({ type }) => {
        output.note(`${uri}: ${type.replaceAll('_', ' ')}`)
      },
    })
  }
  const variable =
    options.authorityTokenVariable ?? profile?.authority?.tokenVariable ?? defaultTokenVariable
  const token = world.env[variable] ?? ''
  if (token === '') {
    throw usageFailure(
      `Cannot ask the authority of ${uri}: ${variable} must have its token, received none`,
    )
  }
  return httpConfigAuthority({ url, token, timeoutMs: options.timeout * 1000 })
}

/** What a change is made with. */
export function toChange({ description, ifVersion }: ChangeOptions): {
  readonly description?: string
  readonly ifVersion?: number
} {
  return {
    ...(description !== undefined && { description }),
    ...(ifVersion !== undefined && { ifVersion }),
  }
}
