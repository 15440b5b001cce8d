import { KeyvCloudflareKV } from '@keyv/cloudflare-kv'
import { Keyv } from 'keyv'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const store = new KeyvCloudflareKV({ kvNamespace: kv, namespace: 'item' })
  const items = new Keyv<string>({ store, ttl: 60_000 })
  return async (id) => {
    const cached = await items.get(id)
    if (cached !== undefined) return cached
    const value = await load(id)
    await items.set(id, value)
    return value
  }
}
