import { createCache } from 'cache-manager'
import { createKeyv, Keyv } from 'cacheable'
import { Keyv5KvStore } from '../adapters/keyv5-kv-store.ts'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const kvStore = new Keyv({ store: new Keyv5KvStore(kv), namespace: 'item' })
  const cache = createCache({
    stores: [createKeyv(), kvStore],
    ttl: 660_000,
    refreshThreshold: 600_000,
  })
  return (id) => cache.wrap(id, () => load(id))
}
