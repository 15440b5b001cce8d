export { cacheApiTier, type CacheApiTierOptions } from './lib/cache/cache-api-tier.ts'
export { CacheClient, type DeleteByPrefixOptions } from './lib/cache/cache-client.ts'
export type { CacheClientOptions } from './lib/cache/client-core.ts'
export type { KVCacheOptions } from './lib/cache/cache-core.ts'
export type { CacheDefinition, CacheReadOptions } from './lib/cache/cache-definition.ts'
export type { CacheStats } from './lib/cache/cache-stats.ts'
export type { CacheTier, TierEntry } from './lib/cache/cache-tier.ts'
export type {
  CacheDefinitionOptions,
  CacheRead,
  CacheReadStatus,
  LoadContext,
} from './lib/cache/definition-options.ts'
export type { Duration } from './lib/cache/duration.ts'
export { gzipEncoder, type GzipEncoderOptions } from './lib/cache/gzip-encoder.ts'
export { type CacheEntry, KVCache } from './lib/cache/kv-cache.ts'
export { CacheLoadError } from './lib/cache/load-error.ts'
export type { MemoryTierOptions } from './lib/cache/memory-tier.ts'
export { type QueueProducer, saveToQueue } from './lib/cache/queue-saver.ts'
export { spillToR2, type SpillToR2Options } from './lib/cache/r2-spill-encoder.ts'
export {
  createReadTimer,
  type ReadTimer,
  type ReadTimerOptions,
  type ServerTimingOptions,
  type TimedRead,
  toServerTiming,
} from './lib/cache/server-timing.ts'
export type { StandardSchema } from './lib/cache/standard-schema.ts'
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
export { keys } from './lib/kv/keys.ts'
export type { Timers } from './lib/shared/timers.ts'
