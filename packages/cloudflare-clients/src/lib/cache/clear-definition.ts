import type { CacheClient } from './cache-client.ts'
import type { CacheDefinition } from './cache-definition.ts'
import { endMarkers } from './end-markers.ts'

/**
 * Forgets every value of a `clearable` definition with one write: none that was loaded before is served again where
 * this is known, which is here at once and elsewhere as for `expireTags`.
 *
 * @param cache The client that made the definition.
 * @param definition One that was made with `clearable: true`.
 * @throws {TypeError} When the definition is not `clearable`.
 * @throws {KVError} When KV fails.
 *
 * @example
 * ```ts
 * import { CacheClient, clearDefinition } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', {
 *   load: loadUser,
 *   fresh: '1m',
 *   clearable: true,
 * })
 *
 * await clearDefinition(cache, users)
 * ```
 */
export async function clearDefinition<Id, T>(
  cache: CacheClient,
  definition: CacheDefinition<Id, T>,
): Promise<void> {
  const { name, epochs } = definition
  if (epochs.length === 0) {
    throw new TypeError(`Cannot clear cache ${JSON.stringify(name)}: clearable must be true`)
  }
  await endMarkers(cache.core, epochs)
}
