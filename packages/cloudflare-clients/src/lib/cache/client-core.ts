import type { KVEntry } from '../kv/kv-entry.ts'
import { toUsableKey } from '../kv/kv-key.ts'
import { maxBulkReadKeys } from '../kv/kv-limits.ts'
import { readBulk } from '../kv/read-bulk.ts'
import { BackgroundFlight } from '../shared/background-flight.ts'
import { SingleFlight } from '../shared/single-flight.ts'
import { batchTick } from './batch-tick.ts'
import { CacheCore, type KVCacheOptions } from './cache-core.ts'
import type { CacheObserver } from './cache-observer.ts'
import type { HeldValue } from './held-value.ts'
import { MemoryTier, type MemoryTierOptions } from './memory-tier.ts'
import { TagMarkers } from './tag-markers.ts'

export interface CacheClientOptions extends KVCacheOptions {
  /** What an isolate keeps in memory for all definitions together. Default 5,000 entries and 16 MiB; `false`: nothing. */
  readonly memory?: MemoryTierOptions | false
  /** Told of every read and load of the definitions, such as `CacheCounters`. Default: nobody. */
  readonly observer?: CacheObserver
  /** Gives numbers from 0 to under 1, for jitter and early refreshes. Default `Math.random`. */
  readonly random?: () => number
}

/** What the definitions of one client share. Keys of one tick are read in bulk. */
export class ClientCore extends CacheCore {
  readonly memory: MemoryTier<HeldValue<unknown>> | undefined
  readonly observer: CacheObserver | undefined
  readonly random: () => number
  readonly markers = new TagMarkers()
  /** Reads of KV and what follows from them, and loads, by key: shared apart, so that a stale answer does not wait for its refresh. */
  readonly reads = new SingleFlight<HeldValue<unknown>>(this)
  readonly loads: BackgroundFlight<HeldValue<unknown>>
  readonly #ask = this.batchReads()

  constructor(kv: KVNamespace, options: CacheClientOptions) {
    super(kv, options)
    const { memory, random = Math.random } = options
    this.memory = memory === false ? undefined : new MemoryTier(memory)
    this.observer = options.observer
    this.random = random
    this.loads = new BackgroundFlight(this)
  }

  /** @throws {KVError} When KV fails. */
  override read(key: string): Promise<KVEntry | null> {
    return this.#ask(key)
  }

  /** @returns What reads keys as {@link read} does, in bulk reads of their own. */
  batchReads(cacheTtlSeconds?: number): (key: string) => Promise<KVEntry | null> {
    return batchTick(maxBulkReadKeys, async (keys) => {
      const [onlyKey = ''] = keys
      // Apart, because what a single read costs is what a hit in KV costs.
      if (keys.length === 1) return [await super.read(onlyKey, cacheTtlSeconds)]
      const names = await Promise.all(keys.map(toUsableKey))
      return readBulk(this.kv, names, { now: this.now, cacheTtlSeconds })
    })
  }

  /** Whoever comes from now on shares nothing that began before. */
  detach(key: string): void {
    this.reads.detach(key)
    this.loads.detach(key)
  }

  detachAll(): void {
    this.reads.detachAll()
    this.loads.detachAll()
  }
}
