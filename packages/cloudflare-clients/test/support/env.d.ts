import type {
  CoordinationObject,
  RateLimiterObject,
  SecondaryStorageObject,
  SessionObject,
} from '../../src/durable-objects.ts'

declare global {
  namespace Cloudflare {
    interface Env {
      readonly KV: KVNamespace
      readonly BUCKET: R2Bucket
      readonly ADDRESS_SECRET: string
      readonly NATIVE_LIMIT: RateLimit
      readonly COORDINATION: DurableObjectNamespace<CoordinationObject>
      readonly RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>
      readonly SECONDARY_STORAGE: DurableObjectNamespace<SecondaryStorageObject>
      /** The users of better-auth. */
      readonly DB: D1Database
      readonly SESSIONS: DurableObjectNamespace<SessionObject>
    }
  }
}
