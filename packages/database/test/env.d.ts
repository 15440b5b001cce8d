import type { D1Migration } from 'cloudflare:test'

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database
      MEDIA: R2Bucket
      D1_MIGRATIONS: D1Migration[]
    }
  }
}
