import { cachified } from '@epic-web/cachified'
import { cloudflareKvCacheAdapter } from 'cachified-adapter-cloudflare-kv'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const cache = cloudflareKvCacheAdapter({ kv, keyPrefix: 'item' })
  return (id) =>
    cachified({
      key: id,
      cache,
      getFreshValue: () => load(id),
      ttl: 60_000,
      staleWhileRevalidate: 600_000,
    })
}
