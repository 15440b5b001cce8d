import { Keyv } from 'keyv'
import { KeyvCloudflareKV } from '@keyv/cloudflare-kv'
import { freshOnly, type CacheLibrary, type Item } from './cache-under-test.ts'

/** A store and no more: the caller looks, loads and stores, as its README shows. */
export const keyv: CacheLibrary = {
  id: 'keyv',
  packages: ['keyv', '@keyv/cloudflare-kv'],
  hasMemoryTier: false,
  servesStale: false,
  hasTags: false,
  ageBoundSeconds: freshOnly,
  create: ({ kv, load, freshSeconds }) => {
    const store = new KeyvCloudflareKV({ kvNamespace: kv, namespace: 'item' })
    const items = new Keyv<Item>({ store, ttl: freshSeconds * 1000 })
    items.on('error', () => undefined)
    return {
      async get(id) {
        const cached = await items.get(id)
        if (cached !== undefined) return cached
        const item = await load(id)
        await items.set(id, item)
        return item
      },
      async getMany(ids) {
        const found = await items.getMany([...ids])
        return new Map(ids.map((id, index) => [id, found[index] ?? null]))
      },
      put: (id, item) => items.set(id, item),
    }
  },
}
