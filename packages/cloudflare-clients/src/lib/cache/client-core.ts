import type { KVEntry } from '../kv/kv-entry.ts'
import { KVError, toKVError } from '../kv/kv-error.ts'
import { isUsableKey, toUsableKey } from '../kv/kv-key.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { readEntries } from '../kv/read-entries.ts'
import { readEntry } from '../kv/read-entry.ts'
import { checkNumber } from '../shared/check-number.ts'
import { CacheCore, type KVCacheOptions } from './cache-core.ts'
import type { CacheTier } from './cache-tier.ts'
import type { HeldValue } from './held-value.ts'
import { MemoryTier, type MemoryTierOptions } from './memory-tier.ts'
import { TagMarkers } from './tag-markers.ts'
import { TickBatcher } from './tick-batcher.ts'

export interface CacheClientOptions extends KVCacheOptions {
  /** What an isolate keeps in memory for all definitions together. Default 5,000 entries and 16 MiB; `false`: nothing. */
  readonly memory?: MemoryTierOptions | false
  /** A tier of this location, such as `cacheApiTier()`, for definitions that have a `location` time. Default: none. */
  readonly location?: CacheTier
  /**
   * After so many failed reads of KV in a row it is not asked for the cooldown, and loads go straight to the origin;
   * then one read probes it. Both from 1. Default 5 failures and 10,000 ms.
   */
  readonly breaker?: { readonly maxFailures?: number; readonly cooldownMs?: number }
  /** Gives numbers from 0 to under 1, for jitter and early refreshes. Default `Math.random`. */
  readonly random?: () => number
}

/** What the definitions of one client share: keys of one tick are read in bulk, and a KV that fails is spared. */
export class ClientCore extends CacheCore {
  readonly memory: MemoryTier<HeldValue<unknown>> | undefined
  readonly location: CacheTier | undefined
  readonly random: () => number
  readonly markers = new TagMarkers()
  readonly #batchers = new Map<number | undefined, TickBatcher<string, KVEntry | null>>()
  readonly #maxFailures: number
  readonly #cooldownMs: number
  #failures = 0
  #closedAtMs = 0

  constructor(kv: KVNamespace, options: CacheClientOptions) {
    super(kv, options)
    const { breaker: { maxFailures = 5, cooldownMs = 10_000 } = {}, memory } = options
    this.#maxFailures = checkNumber('create cache: breaker.maxFailures', maxFailures, { min: 1 })
    this.#cooldownMs = checkNumber('create cache: breaker.cooldownMs', cooldownMs, { min: 1 })
    this.memory = memory === false ? undefined : new MemoryTier(memory)
    this.location = options.location
    this.random = options.random ?? Math.random
  }

  /** @throws {KVError} When KV fails, does not answer in time, or has failed too often. */
  override async read(key: string, cacheTtlSeconds?: number): Promise<KVEntry | null> {
    let batcher = this.#batchers.get(cacheTtlSeconds)
    if (batcher === undefined) {
      batcher = new TickBatcher(kvLimits.maxBulkReadKeys, (keys) =>
        this.#readKeys(keys, cacheTtlSeconds),
      )
      this.#batchers.set(cacheTtlSeconds, batcher)
    }
    return (await batcher.ask(key)).get(key) ?? null
  }

  async #readKeys(
    keys: readonly string[],
    cacheTtlSeconds: number | undefined,
  ): Promise<Map<string, KVEntry | null>> {
    const { kv, now } = this
    if (this.#failures >= this.#maxFailures && now() < this.#closedAtMs) {
      const options = { code: 'circuit_open', operation: 'read' } as const
      throw new KVError('Cannot read in KV: it failed too often', options)
    }
    // While this read probes, the others still keep away.
    this.#closedAtMs = now() + this.#cooldownMs
    try {
      const names = keys.every(isUsableKey) ? keys : await Promise.all(keys.map(toUsableKey))
      const [onlyName = ''] = names
      const entries =
        names.length === 1
          ? [await this.inTime(readEntry(kv, onlyName, { now, cacheTtlSeconds }))]
          : await this.#readMany(names, cacheTtlSeconds)
      this.#failures = 0
      return new Map(keys.map((key, index) => [key, entries[index] ?? null]))
    } catch (error) {
      const failure = toKVError('read', error)
      if (failure.retryable || failure.code === 'quota_exceeded') this.#failures++
      throw failure
    }
  }

  async #readMany(
    names: readonly string[],
    cacheTtlSeconds: number | undefined,
  ): Promise<(KVEntry | null | undefined)[]> {
    const { kv, now } = this
    const entries = await this.inTime(readEntries(kv, names, { now, cacheTtlSeconds }))
    return names.map((name) => entries.get(name))
  }
}
