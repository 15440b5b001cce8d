import { toTagText } from '../kv/cache-keys.ts'
import type { CacheClient } from './cache-client.ts'
import { endMarkers } from './end-markers.ts'

/**
 * Has every value with one of the tags loaded again before it is next served, and keeps it to stand in should that load
 * fail (`staleIfError`). One billed write for each tag.
 *
 * This isolate obeys at once. Another obeys when its `memory` has passed and KV shows it the marker, usually within 60
 * seconds, with no published upper bound.
 *
 * @throws {KVError} The first failure, after every tag was tried.
 *
 * @example
 * ```ts
 * import { CacheClient, expireTags } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', {
 *   load: loadUser,
 *   fresh: '1m',
 *   tags: () => ['users'],
 * })
 *
 * await expireTags(cache, ['users'])
 * ```
 */
export async function expireTags(cache: CacheClient, tags: readonly string[]): Promise<void> {
  await endMarkers(cache.core, tags.map(toTagText))
}
