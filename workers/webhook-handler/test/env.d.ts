import type { D1Migration } from 'cloudflare:test'

declare global {
  namespace Cloudflare {
    interface Env {
      D1_MIGRATIONS: D1Migration[]
    }
  }
}
