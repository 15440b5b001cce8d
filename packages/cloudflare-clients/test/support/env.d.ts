import type {
  CoordinationObject,
  FlagsObject,
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
      readonly FLAGS: DurableObjectNamespace<FlagsObject>
      /** Its KV fails as `kvFaults` says. */
      readonly FAULTY_FLAGS: DurableObjectNamespace<FlagsObject>
      readonly FLAGS_KV: KVNamespace
      readonly RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>
      readonly SECONDARY_STORAGE: DurableObjectNamespace<SecondaryStorageObject>
      /** The users of better-auth. */
      readonly DB: D1Database
      readonly SESSIONS: DurableObjectNamespace<SessionObject>
    }
  }
}
