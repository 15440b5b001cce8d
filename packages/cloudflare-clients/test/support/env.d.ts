import type { RateLimiterObject } from '../../src/durable-objects.ts'

declare global {
  namespace Cloudflare {
    interface Env {
      readonly KV: KVNamespace
      readonly BUCKET: R2Bucket
      readonly ADDRESS_SECRET: string
      readonly NATIVE_LIMIT: RateLimit
      readonly RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>
    }
  }
}
