import { Cacheable, Keyv } from 'cacheable'
import { Keyv5KvStore } from '../adapters/keyv5-kv-store.ts'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const secondary = new Keyv({ store: new Keyv5KvStore(kv), namespace: 'item' })
  const cache = new Cacheable({ secondary, ttl: '1m' })
  return (id) => cache.getOrSet(id, () => load(id))
}
