import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { bentoKvDriver } from '../adapters/bento-kv-driver.ts'
import { freshPlusStale, type CacheLibrary, type Item } from './cache-under-test.ts'

/**
 * Two layers, `grace` with `timeout: 0` (its name for stale-while-revalidate), and the errors of the second layer
 * suppressed, which it does by itself when there is a first one. Memory holds text: with `serialize: false`, its faster
 * setting, 1.6.1 throws on every hit of an entry that came from the second layer.
 */
export const bentocache: CacheLibrary = {
  id: 'bentocache',
  packages: ['bentocache'],
  hasMemoryTier: true,
  servesStale: true,
  hasTags: true,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, freshSeconds, staleSeconds, memory, tags }) => {
    const store = memory ? bentostore().useL1Layer(memoryDriver({ maxItems: 5000 })) : bentostore()
    const cache = new BentoCache({
      default: 'items',
      stores: { items: store.useL2Layer(bentoKvDriver({ kv })) },
      ttl: freshSeconds * 1000,
      grace: (freshSeconds + staleSeconds) * 1000,
      timeout: 0,
      suppressL2Errors: true,
    })
    const tagsOf = (id: string): { tags?: string[] } => (tags ? { tags: [...tags(id)] } : {})
    return {
      get: (id) => cache.getOrSet<Item>({ key: id, factory: () => load(id), ...tagsOf(id) }),
      put: (id, item) => cache.set({ key: id, value: item, ...tagsOf(id) }),
      expireTags: (expired) => cache.deleteByTag({ tags: [...expired] }),
    }
  },
}
