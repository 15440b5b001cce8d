import { composeStorage, createMemoryStorage, defineCachedFunction } from 'ocache'
import { createStorage } from 'unstorage'
import cloudflareKvBindingDriver from 'unstorage/drivers/cloudflare-kv-binding'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const storage = createStorage<string>({ driver: cloudflareKvBindingDriver({ binding: kv }) })
  const kvStorage = {
    get: (key: string) => storage.getItem<never>(key),
    set: (key: string, value: unknown, options?: { ttl?: number }) =>
      value === null ? storage.removeItem(key) : storage.setItem(key, value as string, options),
  }
  return defineCachedFunction(load, {
    name: 'item',
    getKey: (id: string) => id,
    maxAge: 60,
    staleMaxAge: 600,
    swr: true,
    storage: composeStorage([{ storage: createMemoryStorage(), ttl: 60 }, kvStorage]),
  })
}
