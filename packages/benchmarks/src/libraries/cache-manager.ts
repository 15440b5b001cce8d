import { createCache } from 'cache-manager'
import { Keyv, KeyvCacheableMemory } from 'cacheable'
import { Keyv5KvStore } from '../adapters/keyv5-kv-store.ts'
import { freshPlusStale, type CacheLibrary, type Item } from './cache-under-test.ts'

/**
 * Two stores as in its README, and `refreshThreshold`, its way to serve a value while it is refreshed: everything that
 * is past its fresh time has less than the threshold to live.
 */
export const cacheManager: CacheLibrary = {
  id: 'cache-manager',
  packages: ['cache-manager', 'cacheable'],
  hasMemoryTier: true,
  servesStale: true,
  hasTags: false,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, freshSeconds, staleSeconds, memory }) => {
    const memoryStore = new Keyv({ store: new KeyvCacheableMemory({ lruSize: 5000 }) })
    const kvStore = new Keyv({ store: new Keyv5KvStore(kv), namespace: 'item' })
    // Keyv emits the failures of its store, and an error event nobody listens to is thrown.
    kvStore.on('error', () => undefined)
    const cache = createCache({
      stores: memory ? [memoryStore, kvStore] : [kvStore],
      ttl: (freshSeconds + staleSeconds) * 1000,
      refreshThreshold: staleSeconds * 1000,
      refreshAllStores: true,
    })
    return {
      get: (id) => cache.wrap(id, () => load(id)),
      async getMany(ids) {
        const found = await cache.mget<Item>([...ids])
        return new Map(ids.map((id, index) => [id, found[index] ?? null]))
      },
      put: (id, item) => cache.set(id, item),
    }
  },
}
