import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { bentoKvDriver } from '../adapters/bento-kv-driver.ts'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const cache = new BentoCache({
    default: 'items',
    stores: { items: bentostore().useL1Layer(memoryDriver()).useL2Layer(bentoKvDriver({ kv })) },
    ttl: '1m',
    grace: '11m',
    timeout: 0,
  })
  return (id) => cache.getOrSet({ key: id, factory: () => load(id) })
}
