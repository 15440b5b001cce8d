import { batchTick } from './batch-tick.ts'
import { maxLoadBatch } from './cache-limits.ts'

/**
 * Makes a loader of one that gives many values in one call: it is asked for every id that misses in one tick, at most 100 at a
 * time. Different requests do not meet in a call.
 *
 * @param load Gives a map of the values. Ids that the map lacks are `null`; an `undefined` in it is not stored.
 * @returns The loader for the definition.
 *
 * @example
 * ```ts
 * import { CacheClient, loadMany } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const titles = cache.define('title', {
 *   load: loadMany((slugs: readonly string[]) =>
 *     Promise.resolve(new Map(slugs.map((slug) => [slug, `The page ${slug}`]))),
 *   ),
 *   fresh: '5m',
 * })
 *
 * await titles.getMany(['kv', 'r2'])
 * ```
 */
export function loadMany<Id, T>(
  load: (ids: readonly Id[], context: object) => Promise<ReadonlyMap<Id, T | null | undefined>>,
): (id: Id) => Promise<T | null | undefined> {
  return batchTick(maxLoadBatch, async (ids) => {
    const found = await load(ids, {})
    return ids.map((id) => (found.has(id) ? found.get(id) : null))
  })
}
