import { Cacheable, Keyv, KeyvCacheableMemory } from 'cacheable'
import { Keyv5KvStore } from '../adapters/keyv5-kv-store.ts'
import { freshOnly, type CacheLibrary, type Item } from './cache-under-test.ts'

/** Two layers and `getOrSet`, as in its README; tags as it documents them, which `getOrSet` does not take. */
export const cacheable: CacheLibrary = {
  id: 'cacheable',
  packages: ['cacheable'],
  hasMemoryTier: true,
  servesStale: false,
  hasTags: true,
  ageBoundSeconds: freshOnly,
  create: ({ kv, load, freshSeconds, memory, tags }) => {
    const kvStore = new Keyv({ store: new Keyv5KvStore(kv), namespace: 'item' })
    const memoryStore = new Keyv({ store: new KeyvCacheableMemory({ lruSize: 5000 }) })
    const ttl = freshSeconds * 1000
    const cache = new Cacheable({
      ...(memory ? { primary: memoryStore, secondary: kvStore } : { primary: kvStore }),
      ttl,
      tags: tags !== undefined,
    })
    // Without a listener a failing store would be thrown as an unhandled error event.
    cache.on('error', () => undefined)
    // By default a loader that throws looks like one that found nothing.
    const options = { ttl, throwErrors: 'function' } as const
    const put = (id: string, item: Item): Promise<boolean> =>
      cache.set(id, item, { ttl, ...(tags && { tags: [...tags(id)] }) })
    return {
      async get(id) {
        if (!tags) return (await cache.getOrSet(id, () => load(id), options)) ?? null
        const cached = await cache.get<Item>(id)
        if (cached !== undefined) return cached
        const item = await load(id)
        await put(id, item)
        return item
      },
      async getMany(ids) {
        const found = await cache.getMany<Item>([...ids])
        return new Map(ids.map((id, index) => [id, found[index] ?? null]))
      },
      put,
      async expireTags(expired) {
        for (const tag of expired) await cache.tags.invalidateTag(tag)
      },
    }
  },
}
