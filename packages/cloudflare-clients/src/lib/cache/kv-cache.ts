import { assertKVKey } from '../kv/kv-key.ts'
import { readEntry } from '../kv/read-entry.ts'
import { createCore, type KVCacheOptions, type ReadKey, type ReadStore } from './cache-core.ts'
import { PlainCache } from './plain-cache.ts'

/**
 * A cache in Workers KV that never fails a request: `CacheClient` without definitions, memory, tags, `deleteMany` and
 * digested keys, in half the bytes.
 *
 * **Consistency.** An entry is never served past its TTL. After `set` or `delete`, other locations may serve the older
 * value for 60 seconds or more, until its TTL ends at the latest. Misses are cached by KV too. Within one isolate a
 * value that is older than one it has seen, set or deleted is never given out and never written back, for the 10,000 keys
 * it dealt with last.
 *
 * **Sharing.** Requests of an isolate that want the same key at the same time share one read and one load. When the
 * client whose request began it disconnects, the load goes on with `waitUntil`, and is taken over without.
 *
 * **Values** are plain JSON text under the key as given, so `kv.get(key, 'json')` reads them, and JSON that other code
 * wrote reads back. What is not JSON changes on the way: a `Date` is a string on a hit and a `Map` is `{}`. `null` is
 * a value like any other; `undefined` is never stored. Stored text that is not JSON is a miss.
 *
 * **TTLs** are any number of seconds from 0.001: expiry is decided on the entry's metadata, while KV keeps the entry for
 * at least its own minimum of 60 seconds.
 *
 * **Writes** of one isolate to a key are at least a second apart, because KV takes no more; the last one wins. A 429
 * is tried again, in the background with `waitUntil`.
 *
 * **Failure.** `get`, `getEntry`, `set` and `getOrSet` report a store error and go on: a read counts as a miss whose
 * value is not written back. `delete` throws, because an invalidation that did not happen must be known.
 *
 * **Keys** are the ones that KV takes: 1 to 512 UTF-8 bytes, well-formed, and not `"."` or `".."`. Every call rejects with a
 * `RangeError` for another, before anything is read or loaded. `keys.cache(feature, id)` makes one of any parts, and
 * `CacheClient` takes any string: both digest what KV would refuse. A hit costs one billed read, a miss in `getOrSet` a
 * read and a write.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { keys, KVCache } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new KVCache(env.CACHE_KV)
 * const user = await cache.getOrSet(keys.cache('user', id), 300, () => loadUser(id))
 * await cache.delete(keys.cache('user', id))
 * ```
 */
export class KVCache extends PlainCache {
  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(kv: KVNamespace, options: KVCacheOptions = {}) {
    const createRead =
      (store: ReadStore): ReadKey =>
      (key) =>
        readEntry(kv, assertKVKey(key), store)
    super(createCore(kv, options, assertKVKey, createRead))
  }
}
