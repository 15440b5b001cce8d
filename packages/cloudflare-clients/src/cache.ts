export { cacheApiTier, type CacheApiTierOptions } from './lib/cache/cache-api-tier.ts'
export { CacheClient, type CacheClientOptions } from './lib/cache/cache-client.ts'
export { CacheCounters, type CacheStats } from './lib/cache/cache-counters.ts'
export type { CacheObserver } from './lib/cache/cache-observer.ts'
export type { KVCacheOptions } from './lib/cache/cache-core.ts'
export type { CacheDefinition } from './lib/cache/cache-definition.ts'
export { clearDefinition } from './lib/cache/clear-definition.ts'
export type {
  CacheDefinitionOptions,
  CacheRead,
  CacheReadStatus,
  EarlyRefresh,
  LoadContext,
} from './lib/cache/definition-options.ts'
export { deleteByPrefix, type DeleteByPrefixOptions } from './lib/cache/delete-by-prefix.ts'
export type { Duration } from './lib/cache/duration.ts'
export { expireTags } from './lib/cache/expire-tags.ts'
export { gzipEncoder, type GzipEncoderOptions } from './lib/cache/gzip-encoder.ts'
export { KVCache } from './lib/cache/kv-cache.ts'
export { CacheLoadError } from './lib/cache/load-error.ts'
export type { CacheEntry } from './lib/cache/plain-cache.ts'
export type { MemoryTierOptions } from './lib/cache/memory-tier.ts'
export { saveToQueue } from './lib/cache/queue-saver.ts'
export type { QueueProducer } from './lib/shared/queue-batches.ts'
export { spillToR2, type SpillToR2Options } from './lib/cache/r2-spill-encoder.ts'
export {
  createReadTimer,
  type ReadTimer,
  type ReadTimerOptions,
  type ServerTimingOptions,
  type TimedRead,
  toServerTiming,
} from './lib/cache/server-timing.ts'
export { untilAborted } from './lib/cache/until-aborted.ts'
export { loadMany } from './lib/cache/load-many.ts'
export { schemaFormat } from './lib/cache/schema-format.ts'
export { loadWithin } from './lib/cache/load-within.ts'
export { xfetch, type XFetchOptions } from './lib/cache/xfetch.ts'
export { valueFormat, type ValueFormatOptions } from './lib/cache/value-format.ts'
export type { PackedText, ValueFormat } from './lib/cache/json-format.ts'
export type { ValueTimes } from './lib/cache/held-value.ts'
export type { StandardSchema } from './lib/shared/standard-schema.ts'
export type { ValueEncoder } from './lib/cache/value-encoder.ts'
export {
  type WarmableDefinition,
  warmCache,
  type WarmCacheOptions,
  type WarmCacheResult,
} from './lib/cache/warm-cache.ts'
export {
  createWriteBehind,
  type WriteBehind,
  type WriteBehindEntry,
  type WriteBehindEvent,
  type WriteBehindOptions,
  type WriteBehindTarget,
} from './lib/cache/write-behind.ts'
export { circuitBreaker, type CircuitBreakerOptions } from './lib/kv/circuit-breaker.ts'
export { keys } from './lib/kv/keys.ts'
export type { Timers } from './lib/shared/timers.ts'
