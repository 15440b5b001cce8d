import { assertKV } from '../kv/assert-kv.ts'
import { deleteKey } from '../kv/delete-key.ts'
import { deleteKeys, deleteKeysUnder } from '../kv/key-listing.ts'
import { type KVEntry, toExpiresAtMs, toJsonText, toPutOptions } from '../kv/kv-entry.ts'
import { type KVError, toKVError } from '../kv/kv-error.ts'
import { assertListPrefix, toKVKey } from '../kv/kv-key.ts'
import { readEntry } from '../kv/read-entries.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { InvalidationLog, type LogPosition } from './invalidation-log.ts'

export interface CacheClientOptions {
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of store errors and corrupt values. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /**
   * Takes the write of `getOrSet` out of the request: pass the one from `cloudflare:workers`. Default: `getOrSet`
   * awaits its write, because a Worker cancels what nobody waits for.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
}

/** A cached value. Its `value` may be `null`, which is not a miss. */
export interface CacheEntry<T> {
  readonly value: T
  /** Epoch ms. `null` where other code wrote the value. */
  readonly expiresAtMs: number | null
}

type Lookup<T> =
  { readonly found: 'hit'; readonly entry: CacheEntry<T> } | { readonly found: 'miss' | 'error' }

interface PreparedPut {
  readonly name: string
  readonly text: string
  readonly options: KVNamespacePutOptions
}

function describeSet(key: string): string {
  return `set cache entry ${JSON.stringify(key.slice(0, 100))}`
}

/**
 * A cache in Workers KV that never fails a request.
 *
 * **Consistency.** An entry is never served past its TTL. After `set` or `delete`, other locations may serve the older
 * value for 60 seconds or more, until its TTL ends at the latest. Misses are cached by KV too. Within one isolate a value whose load began before a `set` or `delete` of its key does not stay after it: it is not
 * written back, or deleted again where KV already had the write under way.
 *
 * **Values** are plain JSON text under the key as given, so `kv.get(key, 'json')` reads them, and JSON that other code
 * wrote reads back. What is not JSON changes on the way: a `Date` is a string on a hit and a `Map` is `{}`. `null` is a value like any other; `undefined` is never stored. Stored text that is not JSON is a miss.
 *
 * **TTLs** are any number of seconds above 0: expiry is decided on the entry's metadata, while KV keeps the entry for
 * at least its own minimum of 60 seconds.
 *
 * **Failure.** `get`, `getEntry`, `set` and `getOrSet` report a store error and go on: a read counts as a miss whose
 * value is not written back. `delete`, `deleteMany` and `deleteByPrefix` throw, because an invalidation that did not
 * happen must be known.
 *
 * Build keys with `keys.cache(feature, id)`. Any string works: what KV would refuse is digested. A hit costs one
 * billed read, a miss in `getOrSet` a read and a write.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { CacheClient, keys } from '@codex/cloudflare-clients'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const user = await cache.getOrSet(keys.cache('user', id), 300, () => loadUser(id))
 * await cache.delete(keys.cache('user', id))
 * ```
 */
export class CacheClient {
  readonly #kv: KVNamespace
  readonly #now: () => number
  readonly #report: EventReporter
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #invalidations = new InvalidationLog()

  /** @throws {TypeError} When `kv` is no namespace, as where a binding is missing. */
  constructor(kv: KVNamespace, options: CacheClientOptions = {}) {
    assertKV('create cache', kv)
    this.#kv = kv
    this.#now = options.now ?? Date.now
    this.#report = createReporter(options.onEvent)
    this.#waitUntil = options.waitUntil
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
    const lookup = await this.#lookup<T>(toKVKey(key))
    return lookup.found === 'hit' ? lookup.entry : null
  }

  /**
   * Stores a value. A KV failure is reported and does not reject.
   *
   * @param ttlSeconds Above 0, at most 2,147,483,647. Fractions count.
   * @throws {TypeError} When the value is `undefined` or has no JSON text.
   * @throws {RangeError} When the TTL is out of range or the value is over 25 MiB.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    const put = this.#prepare(key, value, ttlSeconds)
    this.#invalidations.recordKey(put.name)
    await this.#put(put)
  }

  /**
   * Deletes an entry, with one retry after a second where KV refuses it for a write just before. This location usually stops serving it at once, which KV does not guarantee; others may serve it
   * for 60 seconds longer or more.
   *
   * @throws {KVError} When KV fails.
   */
  async delete(key: string): Promise<void> {
    const name = toKVKey(key)
    this.#invalidations.recordKey(name)
    await deleteKey(this.#kv, name)
  }

  /**
   * Deletes entries, six at a time, each as {@link delete} does. A billed delete for each distinct key.
   *
   * @throws {KVError} The first failure, after all were tried.
   */
  async deleteMany(keys: readonly string[]): Promise<void> {
    const names = new Set(keys.map(toKVKey))
    for (const name of names) this.#invalidations.recordKey(name)
    await deleteKeys(this.#kv, names)
  }

  /**
   * Deletes every entry under a prefix such as `keys.cachePrefix('content')`: a billed list for each 1,000 keys and a
   * delete for each key. Entries that KV does not list yet survive until their TTL.
   *
   * @throws {TypeError | RangeError} When the prefix is empty, not well-formed or over 468 bytes.
   * @throws {KVError} The first failure, after every key that was listed was tried.
   */
  async deleteByPrefix(prefix: string): Promise<{ readonly deletedKeys: number }> {
    if (prefix === '') {
      throw new TypeError('Cannot delete by prefix: prefix must not be empty')
    }
    assertListPrefix(prefix)
    this.#invalidations.recordPrefix(prefix)
    return { deletedKeys: await deleteKeysUnder(this.#kv, prefix) }
  }

  /**
   * Reads a value, or loads and stores it.
   *
   * Callers that find nothing at the same time all load. A value is not written back when KV failed to read, or when
   * its key was set or deleted in this isolate while it was loading.
   *
   * @param load Gives the value on a miss: plain JSON, because a hit gives back what JSON keeps of it. `null` is stored, `undefined` is returned and not stored. What it throws
   * reaches the caller unchanged, and nothing is stored.
   * @throws {RangeError} When the TTL is out of range, before anything is read.
   * @throws {TypeError} When the loaded value has no JSON text.
   */
  async getOrSet<T>(key: string, ttlSeconds: number, load: () => Promise<T>): Promise<T> {
    toExpiresAtMs(describeSet(key), ttlSeconds, 0)
    const name = toKVKey(key)
    const lookup = await this.#lookup<T>(name)
    if (lookup.found === 'hit') return lookup.entry.value
    const loadBegan = this.#invalidations.position
    const value = await load()
    if (value === undefined || lookup.found === 'error') return value
    const write = this.#writeBack(this.#prepare(key, value, ttlSeconds), loadBegan)
    if (this.#waitUntil === undefined) await write
    else this.#waitUntil(write)
    return value
  }

  /** Stores what was loaded, unless its key was invalidated meanwhile, also while KV was writing. */
  async #writeBack(put: PreparedPut, loadBegan: LogPosition): Promise<void> {
    if (this.#invalidations.isInvalidatedSince(put.name, loadBegan)) return
    await this.#put(put)
    if (!this.#invalidations.isInvalidatedSince(put.name, loadBegan)) return
    try {
      await deleteKey(this.#kv, put.name)
    } catch (error) {
      this.#reportStoreError('delete', put.name, toKVError('delete', error))
    }
  }

  /** Everything that can be the caller's mistake happens here, so that it reaches the caller and not the background. */
  #prepare(key: string, value: unknown, ttlSeconds: number): PreparedPut {
    const action = describeSet(key)
    const nowMs = this.#now()
    const expiresAtMs = toExpiresAtMs(action, ttlSeconds, nowMs)
    return {
      name: toKVKey(key),
      text: toJsonText(action, value),
      options: toPutOptions(action, { expiresAtMs, nowMs }),
    }
  }

  async #put({ name, text, options }: PreparedPut): Promise<void> {
    try {
      await this.#kv.put(name, text, options)
    } catch (error) {
      this.#reportStoreError('set', name, toKVError('write', error))
    }
  }

  async #lookup<T>(name: string): Promise<Lookup<T>> {
    let entry: KVEntry | null
    try {
      entry = await readEntry(this.#kv, name, this.#now)
    } catch (error) {
      this.#reportStoreError('get', name, toKVError('read', error))
      return { found: 'error' }
    }
    if (entry === null) return { found: 'miss' }
    try {
      const value = JSON.parse(entry.text) as T
      return { found: 'hit', entry: { value, expiresAtMs: entry.expiresAtMs } }
    } catch {
      this.#report({ type: 'corrupt_value', client: 'cache', key: name, reason: 'it is not JSON' })
      return { found: 'miss' }
    }
  }

  #reportStoreError(operation: string, key: string, error: KVError): void {
    this.#report({ type: 'store_error', client: 'cache', operation, key, error })
  }
}
