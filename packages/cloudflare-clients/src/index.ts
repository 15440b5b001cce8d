export { CacheClient, type CacheClientOptions, type CacheEntry } from './lib/cache/cache-client.ts'
export { createEmptyKV } from './lib/kv/empty-kv.ts'
export { keyPatterns, keys } from './lib/kv/keys.ts'
export { KVError, type KVErrorCode, type KVOperationName } from './lib/kv/kv-error.ts'
export { kvLimits } from './lib/kv/kv-limits.ts'
export { type KVOperationCounts, kvPrices, priceKVOperations } from './lib/kv/kv-prices.ts'
export {
  type KVListKey,
  type KVListOptions,
  type KVListPage,
  type KVSetOptions,
  KVStore,
  type KVStoreOptions,
  type KVValueWithMetadata,
} from './lib/kv/kv-store.ts'
export { meterKV, type KVOperation } from './lib/kv/metered-kv.ts'
export { rateLimitPolicies, type RateLimitPolicy } from './lib/rate-limiter/policies.ts'
export {
  RateLimiterClient,
  type RateLimiterClientOptions,
  type RateLimitResult,
} from './lib/rate-limiter/rate-limiter-client.ts'
export type { CachedSession, UserRole } from './lib/session/cached-session.ts'
export {
  SessionCacheClient,
  type SessionCacheClientOptions,
} from './lib/session/session-cache-client.ts'
export { CloudflareClientError } from './lib/shared/client-error.ts'
export type {
  ClientEvent,
  ClientName,
  CorruptValueEvent,
  EventReporter,
  StoreErrorEvent,
} from './lib/shared/client-event.ts'
