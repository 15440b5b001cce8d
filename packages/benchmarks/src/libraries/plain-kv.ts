import { expirationTtl, freshOnly, type CacheLibrary, type Item } from './cache-under-test.ts'

/** What the platform's documentation shows: `get`, and on a miss load and `put` with a TTL. */
export const plainKv: CacheLibrary = {
  id: 'plain-kv',
  packages: [],
  hasMemoryTier: false,
  servesStale: false,
  hasTags: false,
  ageBoundSeconds: freshOnly,
  create: ({ kv, load, freshSeconds }) => {
    const put = (id: string, item: Item): Promise<void> =>
      kv.put(`item:${id}`, JSON.stringify(item), { expirationTtl: expirationTtl(freshSeconds) })
    return {
      async get(id) {
        const cached = await kv.get<Item>(`item:${id}`, 'json')
        if (cached !== null) return cached
        const item = await load(id)
        await put(id, item)
        return item
      },
      async getMany(ids) {
        const found = await kv.get<Item>(
          ids.map((id) => `item:${id}`),
          'json',
        )
        return new Map(ids.map((id) => [id, found.get(`item:${id}`) ?? null]))
      },
      put,
    }
  },
}
