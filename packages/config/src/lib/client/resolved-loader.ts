import { parsePattern } from '../load/config-path.ts'
import { createJsonSchemaValidator } from '../load/json-schema-validator.ts'
import { type LoadConfigOptions, loadConfig } from '../load/load-config.ts'
import { resolveSources } from '../load/resolve-sources.ts'
import type { ConfigLoader } from './config-refresher.ts'

/**
 * Loads a configuration again and again from the same sources, which remember what they know: what is not modified, the bodies that they have read.
 *
 * @throws {TypeError} Where the options are wrong: a URI that nobody knows, a JSON Schema that is none, a malformed pattern.
 */
export function createResolvedLoader<T>(options: LoadConfigOptions<T>): ConfigLoader<T> {
  const { schema, secrets = [] } = options
  const resolved = resolveSources(options)
  // A load would find out too late: then it is a load that fails.
  if (schema && 'jsonSchema' in schema) createJsonSchemaValidator(schema.jsonSchema)
  secrets.forEach(parsePattern)
  const sources = resolved.map(({ source, isOptional }) => ({ source, optional: isOptional }))
  return {
    uris: resolved.map(({ source }) => source.uri),
    load: ({ signal }) => loadConfig<T>({ ...options, sources, signal }),
    watchSources(onChange) {
      const stops = resolved.flatMap(({ source }) => source.watch?.(onChange) ?? [])
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}
