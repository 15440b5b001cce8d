import type { D1Migration } from 'cloudflare:test'

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database
      AUTH_SESSION_KV: KVNamespace
      D1_MIGRATIONS: D1Migration[]
    }
  }
}
