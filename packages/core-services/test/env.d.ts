import type { D1Migration } from 'cloudflare:test'

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database
      AUTH_SESSION_KV: KVNamespace
      RATE_LIMIT_KV: KVNamespace
      CACHE_KV: KVNamespace
      CONFIG_KV: KVNamespace
      MEDIA: R2Bucket
      TRANSCODING_QUEUE: Queue
      D1_MIGRATIONS: D1Migration[]
    }
  }
}
