import { CacheClient, expireTags } from '@codex/cloudflare-clients/cache'
import { freshPlusStale, type CacheLibrary, type Item } from './cache-under-test.ts'

/** This repository's cache, with its defaults. */
export const codex: CacheLibrary = {
  id: 'codex',
  packages: ['@codex/cloudflare-clients'],
  hasMemoryTier: true,
  servesStale: true,
  hasTags: true,
  ageBoundSeconds: freshPlusStale,
  create: ({ kv, load, waitUntil, freshSeconds, staleSeconds, memory, tags, clock }) => {
    const cache = new CacheClient(kv, {
      waitUntil,
      // The default writes every event to the console.
      onEvent: () => undefined,
      ...clock,
      ...(memory ? {} : { memory: false }),
    })
    const items = cache.define<string, Item>('item', {
      load: (id) => load(id),
      fresh: freshSeconds,
      stale: staleSeconds,
      ...(tags && { tags }),
    })
    return {
      get: (id) => items.get(id),
      getMany: (ids) => items.getMany(ids),
      put: (id, item) => items.put(id, item),
      expireTags: (expired) => expireTags(cache, expired),
    }
  },
}
