import { type KVEntry, toExpiresAtMs, toJsonText, toOwnMetadata } from '../kv/kv-entry.ts'
import { SingleFlight } from '../shared/single-flight.ts'
import { CacheCore, type EntryPut, type KVCacheOptions, toEntryPut } from './cache-core.ts'

/** A cached value. Its `value` may be `null`, which is not a miss. */
export interface CacheEntry<T> {
  readonly value: T
  /** Epoch ms. `null` where other code wrote the value. */
  readonly expiresAtMs: number | null
}

/** What a read of KV found. It holds text and no value, so that two callers never share an object. */
type Lookup = KVEntry | null | 'error'

function describeSet(key: string): string {
  return `set cache entry ${JSON.stringify(key.slice(0, 100))}`
}

/**
 * A cache in Workers KV that never fails a request: `CacheClient` without definitions, memory and tags, in half the
 * bytes.
 *
 * **Consistency.** An entry is never served past its TTL. After `set` or `delete`, other locations may serve the older
 * value for 60 seconds or more, until its TTL ends at the latest. Misses are cached by KV too. Within one isolate a
 * value that is older than one it has seen, set or deleted is never given out and never written back, for the 10,000 keys
 * it dealt with last.
 *
 * **Sharing.** Requests of an isolate that want the same key at the same time share one read and one load. When the
 * client whose request began it disconnects, the load goes on with `waitUntil`, and is taken over without.
 *
 * **Values** are plain JSON text under the key as given, so `kv.get(key, 'json')` reads them, and JSON that other code
 * wrote reads back. What is not JSON changes on the way: a `Date` is a string on a hit and a `Map` is `{}`. `null` is
 * a value like any other; `undefined` is never stored. Stored text that is not JSON is a miss.
 *
 * **TTLs** are any number of seconds above 0: expiry is decided on the entry's metadata, while KV keeps the entry for
 * at least its own minimum of 60 seconds.
 *
 * **Writes** of one isolate to a key are at least a second apart, because KV takes no more; the last one wins. A 429
 * is tried again, in the background with `waitUntil`.
 *
 * **Failure.** `get`, `getEntry`, `set` and `getOrSet` report a store error and go on: a read counts as a miss whose
 * value is not written back. `delete` and `deleteMany` throw, because an invalidation that did not happen must be
 * known.
 *
 * Build keys with `keys.cache(feature, id)`. Any string works: what KV would refuse is digested. A hit costs one
 * billed read, a miss in `getOrSet` a read and a write.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { keys, KVCache } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new KVCache(env.CACHE_KV)
 * const user = await cache.getOrSet(keys.cache('user', id), 300, () => loadUser(id))
 * await cache.delete(keys.cache('user', id))
 * ```
 */
export class KVCache {
  /** @internal */
  readonly core: CacheCore
  readonly #lookups: SingleFlight<Lookup>
  readonly #loads: SingleFlight<string | undefined>

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(kv: KVNamespace, options: KVCacheOptions = {}) {
    this.core = this.createCore(kv, options)
    this.#lookups = new SingleFlight(this.core)
    this.#loads = new SingleFlight(this.core)
  }

  /**
   * Reads a value.
   *
   * @returns The value, or `null` on a miss. To tell a cached `null` from a miss, use {@link getEntry}.
   */
  async get<T>(key: string): Promise<T | null> {
    return (await this.getEntry<T>(key))?.value ?? null
  }

  /** Reads a value with its expiry. @returns `null` on a miss only. */
  async getEntry<T>(key: string): Promise<CacheEntry<T> | null> {
    return this.#parse<T>(key, await this.#lookup(key))
  }

  /**
   * Stores a value. A KV failure is reported and does not reject.
   *
   * @param ttlSeconds Above 0, at most 2,147,483,647. Fractions count.
   * @throws {TypeError} When the value is `undefined` or has no JSON text.
   * @throws {RangeError} When the TTL is out of range or the value is over 25 MiB.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    const stampMs = this.core.records.nextStamp()
    const put = this.#toPut(key, value, { ttlSeconds, stampMs })
    this.core.records.raise(key, stampMs)
    this.detach(key)
    await this.core.put(put)
  }

  /**
   * Deletes an entry, again after a second where KV refuses it for a write just before. This location usually stops
   * serving it at once, which KV does not guarantee; others may serve it for 60 seconds longer or more.
   *
   * @throws {KVError} When KV fails.
   */
  async delete(key: string): Promise<void> {
    this.core.records.raise(key, this.core.records.nextStamp(), true)
    this.detach(key)
    await this.core.remove(key)
  }

  /**
   * Deletes entries, each as {@link delete} does. A billed delete for each distinct key.
   *
   * @throws {KVError} The first failure, after all were tried.
   */
  async deleteMany(keys: readonly string[]): Promise<void> {
    const deletes = Array.from(new Set(keys), (key) => this.delete(key))
    await Promise.allSettled(deletes)
    await Promise.all(deletes)
  }

  /**
   * Reads a value, or loads and stores it.
   *
   * A value is not written back when KV failed to read, or when its key was set or deleted in this isolate while it was
   * loading.
   *
   * @param load Gives the value on a miss: plain JSON, because a hit gives back what JSON keeps of it. `null` is
   * stored, `undefined` is returned and not stored. What it throws reaches the callers unchanged, and nothing is stored.
   * @throws {RangeError} When the TTL is out of range, before anything is read.
   * @throws {TypeError} When the loaded value has no JSON text.
   */
  async getOrSet<T>(key: string, ttlSeconds: number, load: () => Promise<T>): Promise<T> {
    toExpiresAtMs(describeSet(key), ttlSeconds, 0)
    let own: { readonly value: T; readonly written?: Promise<void> | undefined } | undefined
    const text = await this.#loads.run(key, async () => {
      const lookup = await this.#lookup(key)
      const entry = this.#parse<T>(key, lookup)
      if (entry !== null) {
        own = entry
        return (lookup as KVEntry).text
      }
      const stampMs = this.core.records.nextStamp()
      const loading = load()
      this.core.anchor(loading)
      const value = await loading
      own = { value }
      if (value === undefined) return undefined
      // Also where it is not stored: what KV has is older than what the caller is about to see.
      this.core.records.raise(key, stampMs)
      const put = this.#toPut(key, value, { ttlSeconds, stampMs })
      if (lookup !== 'error') own = { value, written: this.core.fill(put) }
      return put.text
    })
    // Only who led the flight has the value itself; everyone else gets a copy.
    if (own === undefined) return (text === undefined ? undefined : JSON.parse(text)) as T
    await own.written
    return own.value
  }

  /** @internal */
  protected createCore(kv: KVNamespace, options: KVCacheOptions): CacheCore {
    return new CacheCore(kv, options)
  }

  /** @internal Whoever comes from now on shares nothing that began before. */
  protected detach(key: string): void {
    this.#loads.detach(key)
    this.#lookups.detach(key)
  }

  /** @internal */
  detachAll(): void {
    this.#loads.detachAll()
    this.#lookups.detachAll()
  }

  /** Everything that can be the caller's mistake happens here, so that it reaches the caller and not the background. */
  #toPut(
    key: string,
    value: unknown,
    { ttlSeconds, stampMs }: { readonly ttlSeconds: number; readonly stampMs: number },
  ): EntryPut {
    const action = describeSet(key)
    const nowMs = this.core.now()
    const expiresAtMs = toExpiresAtMs(action, ttlSeconds, nowMs)
    const text = toJsonText(action, value)
    return toEntryPut(key, text, { expiresAtMs, loadedAtMs: stampMs, nowMs })
  }

  #lookup(key: string): Promise<Lookup> {
    return this.#lookups.run(key, async () => {
      try {
        return await this.core.read(key)
      } catch (error) {
        this.core.reporting('get', key)(error)
        return 'error'
      }
    })
  }

  /** @returns `null` for what is a miss: text that is no JSON, or a value older than one this isolate knows of. */
  #parse<T>(key: string, lookup: Lookup): CacheEntry<T> | null {
    if (lookup === null || lookup === 'error') return null
    const { records, report } = this.core
    const { text, expiresAtMs, metadata } = lookup
    const stampMs = Number(toOwnMetadata(metadata)?.loadedAtMs) || 0
    if (stampMs < records.floorOf(key)) return null
    try {
      const value = JSON.parse(text) as T
      records.raise(key, stampMs)
      return { value, expiresAtMs }
    } catch {
      report({ type: 'corrupt_value', client: 'cache', key, reason: 'it is not JSON' })
      return null
    }
  }
}
