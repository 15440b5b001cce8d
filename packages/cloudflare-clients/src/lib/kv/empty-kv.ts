/**
 * A namespace that holds nothing: reads find nothing and writes are dropped.
 *
 * Pass it where a binding is absent, so that a client needs no second path: caches always miss, and a rate limiter
 * counts within the isolate only. Say so in a log where you choose it.
 *
 * @example
 * ```ts
 * import { CacheClient, createEmptyKV } from '@codex/cloudflare-clients'
 *
 * const cache = new CacheClient(env.CACHE_KV ?? createEmptyKV())
 * ```
 */
export function createEmptyKV(): KVNamespace {
  const nothing = { value: null, metadata: null, cacheStatus: null }
  const answer = <T>(key: string | readonly string[], one: T): T | Map<string, null> =>
    typeof key === 'string' ? one : new Map(key.map((name) => [name, null]))
  const kv = {
    get: (key: string | readonly string[]) => Promise.resolve(answer(key, null)),
    getWithMetadata: (key: string | readonly string[]) => Promise.resolve(answer(key, nothing)),
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(),
    list: () => Promise.resolve({ keys: [], list_complete: true, cacheStatus: null }),
  }
  // KVNamespace is some twenty overloads of get and getWithMetadata, which no object literal can satisfy.
  return kv as unknown as KVNamespace
}
