import { KVCache } from '@codex/cloudflare-clients/cache'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const cache = new KVCache(kv)
  return (id) => cache.getOrSet(`item:${id}`, 60, () => load(id))
}
