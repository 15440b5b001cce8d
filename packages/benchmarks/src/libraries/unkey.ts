import { createCache, Namespace } from '@unkey/cache'
import { MemoryStore } from '@unkey/cache/stores'
import { UnkeyKvStore } from '../adapters/unkey-kv-store.ts'
import { freshPlusStale, type CacheLibrary, type Item } from './cache-under-test.ts'

/**
 * Tiered as in its documentation, with the persistent map it asks for. Built once with a `waitUntil` that is good for
 * every request: its documentation builds it per request, which throws the map of loads in flight away.
 */
export const unkey: CacheLibrary = {
  id: 'unkey',
  packages: ['@unkey/cache'],
  hasMemoryTier: true,
  servesStale: true,
  hasTags: false,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, waitUntil, freshSeconds, staleSeconds, memory }) => {
    const memoryStore = new MemoryStore<string, Item>({ persistentMap: new Map() })
    const kvStore = new UnkeyKvStore<Item>(kv)
    const cache = createCache<{ item: Item }>({
      item: new Namespace<Item>(
        { waitUntil },
        {
          stores: memory ? [memoryStore, kvStore] : [kvStore],
          fresh: freshSeconds * 1000,
          stale: (freshSeconds + staleSeconds) * 1000,
        },
      ),
    })
    return {
      async get(id) {
        const { val, err } = await cache.item.swr(id, load)
        if (err) throw err
        return val ?? null
      },
      async put(id, item) {
        const { err } = await cache.item.set(id, item)
        if (err) throw err
      },
    }
  },
}
