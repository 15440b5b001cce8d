export { CacheClient, type CacheClientOptions } from './lib/cache/cache-client.ts'
export type { CacheObserver } from './lib/cache/cache-observer.ts'
export type { KVCacheOptions } from './lib/cache/cache-core.ts'
export type { CacheDefinition } from './lib/cache/cache-definition.ts'
export type {
  CacheDefinitionOptions,
  CacheRead,
  CacheReadStatus,
  EarlyRefresh,
  LoadContext,
} from './lib/cache/definition-options.ts'
export type { Duration } from './lib/cache/duration.ts'
export { KVCache } from './lib/cache/kv-cache.ts'
export type { CacheEntry } from './lib/cache/plain-cache.ts'
export { CacheLoadError } from './lib/cache/load-error.ts'
export type { MemoryTierOptions } from './lib/cache/memory-tier.ts'
export type { PackedText, ValueFormat } from './lib/cache/json-format.ts'
export type { ValueTimes } from './lib/cache/held-value.ts'
export type { StandardSchema } from './lib/shared/standard-schema.ts'
export type { Timers } from './lib/shared/timers.ts'
export type { FlagContext, FlagEvaluation } from './lib/feature-flags/flag-evaluation.ts'
export { FeatureFlags, type FeatureFlagsOptions } from './lib/feature-flags/feature-flags.ts'
export { circuitBreaker, type CircuitBreakerOptions } from './lib/kv/circuit-breaker.ts'
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
} from './lib/rate-limiter/rate-limiter-client.ts'
export type { RateLimitResult } from './lib/rate-limiter/rate-limit-backend.ts'
export type { CachedSession, UserRole } from './lib/session/cached-session.ts'
export {
  SessionCacheClient,
  type SessionCacheClientOptions,
} from './lib/session/session-cache-client.ts'
export { SessionError, type SessionErrorCode } from './lib/session/session-error.ts'
export type {
  Session,
  SessionStoreOptions,
  SessionValidation,
} from './lib/session/session-options.ts'
export { SessionStore } from './lib/session/session-store.ts'
export { CloudflareClientError } from './lib/shared/client-error.ts'
export type {
  ClientEvent,
  ClientName,
  CorruptValueEvent,
  EventReporter,
  LoadErrorEvent,
  StoreErrorEvent,
  UnconfirmedDeleteEvent,
  WeakLimitEvent,
} from './lib/shared/client-event.ts'
