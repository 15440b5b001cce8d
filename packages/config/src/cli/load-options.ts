import type { Command } from 'commander'
import { ConfigError } from '../lib/config-error.ts'
import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../lib/config-source.ts'
import type { ConfigSchema } from '../lib/load/config-schema.ts'
import { loadConfig, type LoadConfigOptions, type LoadedConfig } from '../lib/load/load-config.ts'
import type { ListRule } from '../lib/load/merge-layers.ts'
import { envReferences, type ReferenceProvider } from '../lib/load/reference-provider.ts'
import { fileReferences } from '../lib/node/file-references.ts'
import { usageFailure } from './command-failure.ts'
import type { GlobalOptions } from './command-frame.ts'
import type { CommandWorld } from './command-world.ts'
import { HiddenValues } from './hidden-values.ts'
import { collect, parseVariable } from './option-parsers.ts'
import type { Places } from './places.ts'
import { readSchema } from './schema-file.ts'

/** How layers become one configuration, as the program that uses it would say in code. */
export interface LoadOptions {
  readonly schema?: string
  readonly overrides?: string
  readonly list?: readonly (readonly [string, ListRule])[]
  readonly secret?: readonly string[]
  readonly assume?: readonly string[]
  readonly publicEnv?: readonly string[]
  readonly fileRoot?: string
  readonly unit?: string
}

export const layersGroup = 'Layers:'

/** For who reads releases, and does not publish them. */
export function addReadOptions(command: Command): Command {
  return addLoadOptions(command).option(
    '--unit <name>',
    'the reader that this is, where a release is rolled out',
  )
}

export function addLoadOptions(command: Command): Command {
  return command
    .optionsGroup(layersGroup)
    .option(
      '--schema <file>',
      'what the merged configuration must fit: a JSON Schema (.json, .yaml), or a module (.js, .ts) whose default export is a Standard Schema or { jsonSchema }',
    )
    .option(
      '--overrides <prefix>',
      'variables of the environment with this prefix as the top layer',
    )
    .option(
      '--list <path=rule>',
      'what becomes of a list that several layers have: replace, append, prepend, unique or by:<name>; may be given again',
      collect(parseListRule),
    )
    .option(
      '--secret <path>',
      'a path, such as services.*.token, whose texts are secrets; may be given again',
      collect((text) => text),
    )
    .option(
      '--assume <provider>',
      'take for granted that ${provider:key} has a value, whatever the key; may be given again',
      collect((text) => text),
    )
    .option(
      '--public-env <name>',
      'a variable of the environment that may be shown (default: none); may be given again',
      collect(parseVariable),
    )
    .option('--file-root <folder>', 'what ${file:…} is below (default: the working directory)')
}

/** `hosts=append`, `routes=by:name`. */
function parseListRule(text: string): readonly [string, ListRule] {
  const [, path = '', rule = ''] = /^(.+)=([^=]+)$/.exec(text) ?? []
  if (rule === 'replace' || rule === 'append' || rule === 'prepend' || rule === 'unique') {
    return [path, rule]
  }
  const [, mergeBy] = /^by:(.+)$/.exec(rule) ?? []
  if (mergeBy !== undefined) return [path, { mergeBy }]
  throw usageFailure(
    `Cannot read --list: a path and replace, append, prepend, unique or by:<name> were wanted, such as hosts=append, received ${JSON.stringify(text)}`,
  )
}

interface LayersOptions {
  readonly world: CommandWorld
  readonly options: LoadOptions & GlobalOptions
  readonly places: Places
}

/** Some layers, which can be loaded again and again. */
export class Layers {
  readonly sources: readonly ConfigSource[]
  readonly hidden: HiddenValues
  readonly #options: LayersOptions
  #schema: Promise<ConfigSchema<unknown>> | undefined

  constructor(uris: readonly (string | ConfigSource)[], options: LayersOptions) {
    this.#options = options
    this.hidden = new HiddenValues(options.options)
    this.sources = uris.map((uri) =>
      typeof uri === 'string' ? this.#watchTexts(options.places.source(uri)) : uri,
    )
  }

  /** @throws {ConfigError} With faults that quote nothing that is not shown. */
  async load(signal: AbortSignal = this.#options.world.signal): Promise<LoadedConfig<unknown>> {
    const { options, world } = this.#options
    const { schema, overrides, list, secret, timeout } = options
    if (schema !== undefined) this.#schema ??= readSchema(schema)
    const loadOptions: LoadConfigOptions<unknown> = {
      sources: this.sources,
      references: this.#createReferences(),
      timeoutMs: Math.min(timeout * 1000, 600_000),
      signal,
      ...(this.#schema && { schema: await this.#schema }),
      ...(overrides !== undefined && { overrides: { prefix: overrides, env: world.env } }),
      ...(list && { lists: Object.fromEntries(list) }),
      ...(secret && { secrets: secret }),
    }
    if (overrides !== undefined) this.#hideVariables(overrides)
    try {
      return await loadConfig(loadOptions)
    } catch (error) {
      throw this.#withoutHidden(error)
    }
  }

  #createReferences(): Record<string, ReferenceProvider> {
    const { options, world } = this.#options
    const env = envReferences(world.env)
    const references: Record<string, ReferenceProvider> = {
      env: this.#hideTexts(env, (name) => !this.hidden.isPublic(name)),
      secret: this.#hideTexts(envReferences(world.env, { isSecret: true }), () => true),
      file: this.#hideTexts(fileReferences({ root: options.fileRoot ?? '.' }), () => true),
    }
    for (const provider of options.assume ?? []) {
      references[provider] = {
        isSecret: true,
        get: (key) => Promise.resolve(`assumed ${provider}:${key}`),
      }
    }
    return references
  }

  /** The texts that a provider gives are kept out of what is shown. */
  #hideTexts(provider: ReferenceProvider, isHidden: (key: string) => boolean): ReferenceProvider {
    return {
      isSecret: provider.isSecret,
      get: async (key, request) => {
        const text = await provider.get(key, request)
        if (text !== null && isHidden(key)) this.hidden.add(text)
        return text
      },
    }
  }

  #hideVariables(prefix: string): void {
    for (const [name, text] of Object.entries(this.#options.world.env)) {
      if (text === undefined || !name.startsWith(prefix) || this.hidden.isPublic(name)) continue
      this.hidden.add(text)
    }
  }

  /** What a schema says of a layer from the environment may quote it. */
  #watchTexts(source: ConfigSource): ConfigSource {
    const [, prefix] = /^env:(.+_)$/.exec(source.uri) ?? []
    if (prefix === undefined) return source
    const load = async (options: SourceLoadOptions): Promise<readonly SourceDocument[]> => {
      this.#hideVariables(prefix)
      return source.load(options)
    }
    return { uri: source.uri, load }
  }

  #withoutHidden(error: unknown): unknown {
    if (!(error instanceof ConfigError)) return error
    const faults = error.faults.map((fault) => this.hidden.fault(fault))
    if (faults.every((fault, index) => fault === error.faults[index])) return error
    const { code, operation } = error
    return new ConfigError(`Cannot ${operation} configuration: ${faults.length} faults`, {
      code,
      operation,
      faults,
    })
  }
}
