import {
  type EntryControl,
  type KVEntry,
  toExpiresAtMs,
  toJsonText,
  toPutOptions,
} from '../kv/kv-entry.ts'
import { toKVError } from '../kv/kv-error.ts'
import { toKVKey } from '../kv/kv-key.ts'
import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { SingleFlight } from '../shared/single-flight.ts'
import { CacheCore, type EntryPut, type KVCacheOptions } from './cache-core.ts'

/** A cached value. Its `value` may be `null`, which is not a miss. */
export interface CacheEntry<T> {
  readonly value: T
  /** Epoch ms. `null` where other code wrote the value. */
  readonly expiresAtMs: number | null
}

/** What a read of KV found. It holds text and no value, so that two callers never share an object. */
type Lookup = KVEntry | 'miss' | 'error'

const deleteConcurrency = 6

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
  protected readonly core: CacheCore
  readonly #lookups: SingleFlight<Lookup>
  readonly #loads: SingleFlight<string | undefined>

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {TypeError | RangeError} When a duration is not one.
   */
  constructor(kv: KVNamespace, options: KVCacheOptions = {}) {
    this.core = new CacheCore(kv, options)
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
    const name = toKVKey(key)
    const lookup = await this.#lookup(name)
    return typeof lookup === 'string' ? null : this.#parse<T>(name, lookup)
  }

  /**
   * Stores a value. A KV failure is reported and does not reject.
   *
   * @param ttlSeconds Above 0, at most 2,147,483,647. Fractions count.
   * @throws {TypeError} When the value is `undefined` or has no JSON text.
   * @throws {RangeError} When the TTL is out of range or the value is over 25 MiB.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    const stampMs = this.core.clock.next()
    const put = this.#prepare(key, value, { ttlSeconds, stampMs })
    this.core.floors.raise(put.name, stampMs)
    this.#detach(put.name)
    await this.core.settle((onWait) => this.core.put(put, { onWait }))
  }

  /**
   * Deletes an entry, again after a second where KV refuses it for a write just before. This location usually stops
   * serving it at once, which KV does not guarantee; others may serve it for 60 seconds longer or more.
   *
   * @throws {KVError} When KV fails.
   */
  async delete(key: string): Promise<void> {
    const name = toKVKey(key)
    this.core.floors.delete(name, this.core.clock.next())
    this.#detach(name)
    await this.core.remove(name)
  }

  /**
   * Deletes entries, six at a time, each as {@link delete} does. A billed delete for each distinct key.
   *
   * @throws {KVError} The first failure, after all were tried.
   */
  async deleteMany(keys: readonly string[]): Promise<void> {
    const errors = await forEachConcurrent(new Set(keys.map(toKVKey)), deleteConcurrency, (name) =>
      this.delete(name),
    )
    if (errors.length > 0) throw errors[0]
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
    const name = toKVKey(key)
    let own: { readonly value: T; readonly written?: Promise<void> | undefined } | undefined
    const text = await this.#loads.run(name, async () => {
      const lookup = await this.#lookup(name)
      const entry = typeof lookup === 'string' ? null : this.#parse<T>(name, lookup)
      if (entry !== null) {
        own = { value: entry.value }
        return (lookup as KVEntry).text
      }
      const stampMs = this.core.clock.next()
      const value = await load()
      own = { value }
      if (value === undefined) return undefined
      const put = this.#prepare(key, value, { ttlSeconds, stampMs })
      if (lookup !== 'error') own = { value, written: this.core.fill(put, stampMs) }
      return put.text
    })
    // Only who led the flight has the value itself; everyone else gets a copy.
    if (own === undefined) return (text === undefined ? undefined : JSON.parse(text)) as T
    await own.written
    return own.value
  }

  /** @internal */
  protected detachPrefix(prefix: string): void {
    this.#loads.detachPrefix(prefix)
    this.#lookups.detachPrefix(prefix)
  }

  /** Everything that can be the caller's mistake happens here, so that it reaches the caller and not the background. */
  #prepare(
    key: string,
    value: unknown,
    { ttlSeconds, stampMs }: { readonly ttlSeconds: number; readonly stampMs: number },
  ): EntryPut {
    const action = describeSet(key)
    const nowMs = this.core.now()
    const expiresAtMs = toExpiresAtMs(action, ttlSeconds, nowMs)
    const control: EntryControl = { loadedAtMs: stampMs }
    return {
      name: toKVKey(key),
      text: toJsonText(action, value),
      options: toPutOptions(action, { expiresAtMs, nowMs, control }),
    }
  }

  /** Whoever comes from now on does not share what began before. */
  #detach(name: string): void {
    this.#loads.detach(name)
    this.#lookups.detach(name)
  }

  #lookup(name: string): Promise<Lookup> {
    return this.#lookups.run(name, async () => {
      try {
        return (await this.core.readEntry(name)) ?? 'miss'
      } catch (error) {
        this.core.reportStoreError('get', name, toKVError('read', error))
        return 'error'
      }
    })
  }

  /** @returns `null` for what is a miss: text that is no JSON, or a value older than one this isolate knows of. */
  #parse<T>(name: string, { text, expiresAtMs, control }: KVEntry): CacheEntry<T> | null {
    const { clock, floors, report } = this.core
    const stampMs = typeof control?.loadedAtMs === 'number' ? control.loadedAtMs : 0
    if (stampMs < floors.of(name)) return null
    try {
      const value = JSON.parse(text) as T
      clock.observe(stampMs)
      floors.raise(name, stampMs)
      return { value, expiresAtMs }
    } catch {
      report({ type: 'corrupt_value', client: 'cache', key: name, reason: 'it is not JSON' })
      return null
    }
  }
}
