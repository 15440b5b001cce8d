import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigSource, SourceResolver } from '../config-source.ts'
import type { ConfigTree } from '../config-tree.ts'
import type { ConfigSchema } from './config-schema.ts'
import type { EnvironmentOverrides } from './environment-overrides.ts'
import type { LoadedConfig } from './loaded-config.ts'
import { loadLayers } from './load-layers.ts'
import type { ListRules } from './merge-layers.ts'
import type { ReferenceProvider } from './reference-provider.ts'

export type { ConfigDifference, ConfigExplanation, LoadedConfig } from './loaded-config.ts'

/** A source, or the URI of one for `resolver`. An optional one that is not there is an empty layer. */
export type ConfigSourceInput =
  | string
  | ConfigSource
  | { readonly uri: string; readonly optional: boolean }
  | { readonly source: ConfigSource; readonly optional: boolean }

export interface LoadConfigOptions<T = ConfigTree> {
  /** The layers, first the one that all the others are over. They are read at once. */
  readonly sources: readonly ConfigSourceInput[]
  /** Makes sources of URIs, such as `createSourceResolver` of `@codex/config/node`. Needed where `sources` has a URI. */
  readonly resolver?: SourceResolver
  /** What the merged configuration has to fit. Default: none; everything that was said is there, and texts of references stay texts. */
  readonly schema?: ConfigSchema<T>
  /** A layer below all others, said in code. */
  readonly defaults?: ConfigTree
  /** What becomes of lists that several layers have. Default: the last one replaces the others. */
  readonly lists?: ListRules
  /** Who answers `${NAME:key}`, by name. `config` is always there: `${config:server.port}` is another value of the configuration. */
  readonly references?: Readonly<Record<string, ReferenceProvider>>
  /** Variables of the environment as the layer above all others. Default: none. */
  readonly overrides?: EnvironmentOverrides
  /** Paths whose texts are secrets wherever they come from: `database.password`, `services.*.token`. */
  readonly secrets?: readonly string[]
  /** For each source, and for all references together. From 1 to 600,000. Default 10,000. */
  readonly timeoutMs?: number
  /** What the timeout is measured with. Default: those of the runtime. */
  readonly timers?: Timers
  /** Gives up the load: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Loads a configuration: reads all sources, merges them, resolves what they refer to, validates the result and freezes it.
 *
 * Nothing of it is remembered: each call reads everything anew. It gives all or nothing.
 *
 * @throws {ConfigError} With every fault of every stage that could run, each with its path, source and line, and with no secret in it.
 * `code` is that of the first stage that failed: what a source says, `corrupt` for what cannot be parsed, `invalid` for references and values.
 * @throws `TypeError` where the options are wrong: a source that nobody knows, a JSON Schema that is none, a malformed path or pattern.
 *
 * @example
 * import { envReferences, loadConfig } from '@codex/config'
 *
 * const loaded = await loadConfig({
 *   sources: [
 *     {
 *       uri: 'example:settings',
 *       load: () => Promise.resolve([{ uri: 'example:settings', text: 'port: ${env:PORT:-8080}' }]),
 *     },
 *   ],
 *   references: { env: envReferences({}) },
 *   schema: { jsonSchema: { properties: { port: { type: 'integer' } }, required: ['port'] } },
 * })
 * loaded.value // { port: 8080 }
 * loaded.explain('port')?.origin // { uri: 'example:settings', line: 1, column: 1 }
 */
export async function loadConfig<T = ConfigTree>(
  options: LoadConfigOptions<T>,
): Promise<LoadedConfig<T>> {
  return loadLayers(options)
}
