import { jsonFormat, type ValueFormat } from './json-format.ts'
import { CacheLoadError } from './load-error.ts'
import type { StandardSchema } from '../shared/standard-schema.ts'

/**
 * Has a schema check every value of a definition, loaded or cached, and maybe transform it. A cached value that does not fit is a
 * miss, and reported; one that was loaded or put rejects with a {@link CacheLoadError}. `null` is not checked.
 *
 * What is stored is what was loaded. So a schema that transforms is given the same on a miss as on a hit.
 *
 * @param format How the values are stored. Default: plain JSON.
 *
 * @example
 * ```ts
 * import { CacheClient, schemaFormat, type StandardSchema } from '@codex/cloudflare-clients/cache'
 *
 * declare const userSchema: StandardSchema<{ name: string }>
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', {
 *   load: loadUser,
 *   fresh: '1m',
 *   format: schemaFormat(userSchema),
 * })
 * ```
 */
export function schemaFormat<T>(
  schema: StandardSchema<T>,
  format: ValueFormat<T> = jsonFormat,
): ValueFormat<T> {
  return {
    ...format,
    async toValue(text) {
      const value = await format.toValue(text)
      if (value === null) return null
      const result = await schema['~standard'].validate(value)
      if (result.issues === undefined) return result.value
      const [issue] = result.issues
      throw new CacheLoadError(
        `Cannot use cached value: it does not fit the schema: ${issue?.message ?? ''}`,
        'invalid_value',
      )
    },
  }
}
