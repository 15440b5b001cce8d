import type { KVEntry } from '../kv/kv-entry.ts'
import { KVError, toKVError } from '../kv/kv-error.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { readEntries } from '../kv/read-entries.ts'
import type { CacheCore } from './cache-core.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { TickBatcher } from './tick-batcher.ts'

type Batcher = TickBatcher<string, KVEntry | null>

/** Reads KV for a whole isolate: what is asked for in one tick is one bulk read, and a store that fails is spared. */
export class BulkReader {
  readonly #core: CacheCore
  readonly #breaker: CircuitBreaker
  readonly #batchers = new Map<number | undefined, Batcher>()

  constructor(core: CacheCore, breaker: CircuitBreaker) {
    this.#core = core
    this.#breaker = breaker
  }

  /**
   * @param cacheTtlSeconds For how long this location may answer from what it read before. Keys with different ones do
   * not share a call.
   * @throws {KVError} When KV fails, does not answer in time, or has failed so often that it is not asked.
   */
  async read(key: string, cacheTtlSeconds?: number): Promise<KVEntry | null> {
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
    if (!this.#breaker.allows()) throw new StoreSparedError()
    const { kv, now } = this.#core
    try {
      const entries = await this.#core.inTime(readEntries(kv, keys, { now, cacheTtlSeconds }))
      this.#breaker.record(true)
      return entries
    } catch (error) {
      const failure = toKVError('read', error)
      if (failure.code === 'unavailable' || failure.code === 'quota_exceeded') {
        this.#breaker.record(false)
      }
      throw failure
    }
  }
}

/** KV was not asked because it failed too often. It is not reported, because the failures that led to it were. */
export class StoreSparedError extends KVError {
  constructor() {
    super('Cannot read from KV: it failed too often and is not asked for a while', {
      code: 'unavailable',
      operation: 'read',
    })
  }
}
