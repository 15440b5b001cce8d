import { CacheClient } from '@codex/cloudflare-clients/cache'
import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => {
  const items = new CacheClient(kv).define<string, string>('item', {
    load,
    fresh: '1m',
    stale: '10m',
  })
  return (id) => items.get(id)
}
