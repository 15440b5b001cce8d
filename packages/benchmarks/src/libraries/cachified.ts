import { cachified as readThrough, createBatch, type CachifiedOptions } from '@epic-web/cachified'
import { cloudflareKvCacheAdapter } from 'cachified-adapter-cloudflare-kv'
import { freshPlusStale, type CacheLibrary, type Item } from './cache-under-test.ts'

/**
 * As in the README of cachified-adapter-cloudflare-kv (`ttl`, `staleWhileRevalidate`, `waitUntil`), except that the
 * adapter is built once: the README builds it in every request, and the map of pending loads hangs on that object.
 */
export const cachified: CacheLibrary = {
  id: 'cachified',
  packages: ['@epic-web/cachified', 'cachified-adapter-cloudflare-kv'],
  hasMemoryTier: false,
  servesStale: true,
  hasTags: false,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, waitUntil, freshSeconds, staleSeconds }) => {
    const cache = cloudflareKvCacheAdapter<Item>({ kv, keyPrefix: 'item' })
    const options = (
      id: string,
      getFreshValue: CachifiedOptions<Item>['getFreshValue'],
    ): CachifiedOptions<Item> => ({
      key: id,
      cache,
      getFreshValue,
      ttl: freshSeconds * 1000,
      staleWhileRevalidate: staleSeconds * 1000,
      waitUntil,
    })
    return {
      get: (id) => readThrough(options(id, () => load(id))),
      async getMany(ids) {
        const batch = createBatch((missing: string[]) => Promise.all(missing.map(load)))
        const items = await Promise.all(ids.map((id) => readThrough(options(id, batch.add(id)))))
        return new Map(ids.map((id, index) => [id, items[index] ?? null]))
      },
      put: (id, item) =>
        Promise.resolve(
          cache.set(id, {
            value: item,
            metadata: {
              createdTime: Date.now(),
              ttl: freshSeconds * 1000,
              swr: staleSeconds * 1000,
            },
          }),
        ),
    }
  },
}
