import { composeStorage, createMemoryStorage, defineCachedFunction } from 'ocache'
import type { StorageInterface } from 'ocache'
import { createStorage } from 'unstorage'
import cloudflareKvBindingDriver from 'unstorage/drivers/cloudflare-kv-binding'
import { freshPlusStale, type CacheLibrary } from './cache-under-test.ts'

/** ocache's cached function with `swr`, over memory and unstorage's KV driver composed as in its README. */
export const unstorageOcache: CacheLibrary = {
  id: 'unstorage-ocache',
  packages: ['unstorage', 'ocache'],
  hasMemoryTier: true,
  servesStale: true,
  hasTags: false,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, waitUntil, freshSeconds, staleSeconds, memory }) => {
    const kvStorage = storageOverKv(kv)
    const storage = memory
      ? composeStorage([{ storage: createMemoryStorage(), ttl: freshSeconds }, kvStorage], {
          onError: () => undefined,
        })
      : kvStorage
    const read = defineCachedFunction(load, {
      name: 'item',
      getKey: (id: string) => id,
      maxAge: freshSeconds,
      staleMaxAge: staleSeconds,
      swr: true,
      storage,
      waitUntil,
      // The default writes every failure of the store to the console.
      onError: () => undefined,
    })
    return {
      get: (id) => read(id),
      // It has no call to store a value: dropping the entry is what its README offers after a write.
      put: (id) => read.invalidate(id),
    }
  },
}

function storageOverKv(kv: KVNamespace): StorageInterface {
  const storage = createStorage<string>({ driver: cloudflareKvBindingDriver({ binding: kv }) })
  return {
    get: (key) => storage.getItem<never>(key),
    set: async (key, value, options) => {
      if (value === null || value === undefined) await storage.removeItem(key)
      else await storage.setItem(key, value as string, options ?? {})
    },
  }
}
