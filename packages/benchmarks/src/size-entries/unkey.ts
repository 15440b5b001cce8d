import { createCache, DefaultStatefulContext, Namespace } from '@unkey/cache'
import { MemoryStore } from '@unkey/cache/stores'
import { UnkeyKvStore } from '../adapters/unkey-kv-store.ts'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const cache = createCache<{ item: string }>({
    item: new Namespace<string>(new DefaultStatefulContext(), {
      stores: [new MemoryStore({ persistentMap: new Map() }), new UnkeyKvStore<string>(kv)],
      fresh: 60_000,
      stale: 660_000,
    }),
  })
  return async (id) => (await cache.item.swr(id, load)).val
}
