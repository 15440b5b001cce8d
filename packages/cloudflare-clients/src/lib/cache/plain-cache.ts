import { checkTtlSeconds, type KVEntry, toJsonText } from '../kv/kv-entry.ts'
import type { Share } from '../shared/single-flight.ts'
import type { CacheCore, EntryPut } from './cache-core.ts'

/** A cached value. Its `value` may be `null`, which is not a miss. */
export interface CacheEntry<T> {
  readonly value: T
  /** Epoch ms. `null` where other code wrote the value. */
  readonly expiresAtMs: number | null
}

/**
 * What a read of KV found, `undefined` where KV failed. It holds text and no value, so that two callers never share an
 * object.
 */
type Lookup = KVEntry | null | undefined

/** The plain calls. The core is passed in, so that each client carries only the naming of keys that it uses. */
export abstract class PlainCache {
  /** @internal */
  readonly core: CacheCore
  readonly #lookups: Share<Lookup>
  readonly #loads: Share<string | undefined>

  protected constructor(core: CacheCore) {
    this.core = core
    this.#lookups = core.createShare()
    this.#loads = core.createShare()
  }

  /**
   * Reads a value.
   *
   * @returns The value, or `null` on a miss. To tell a cached `null` from a miss, use {@link getEntry}.
   * @throws {RangeError} When the key is one that the client does not take, as every call does.
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
   * @param ttlSeconds From 0.001 to 2,147,483,647. Fractions count.
   * @throws {TypeError} When the value is `undefined` or has no JSON text.
   * @throws {RangeError} When the TTL is out of range or the value is over 25 MiB.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    await this.core.put(this.#toPut(key, ttlSeconds)(value, this.core.records.nextStamp()))
  }

  /**
   * Deletes an entry, again after a second where KV refuses it for a write just before. This location usually stops
   * serving it at once, which KV does not guarantee; others may serve it for 60 seconds longer or more.
   *
   * @throws {KVError} When KV fails.
   */
  delete(key: string): Promise<void> {
    return this.core.forget(key)
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
    const { anchor, fill, records } = this.core
    const toPut = this.#toPut(key, ttlSeconds)
    let own: { readonly value: T } | undefined
    let written: Promise<unknown> | undefined
    const text = await this.#loads(key, async () => {
      const lookup = await this.#lookup(key)
      const entry = this.#parse<T>(key, lookup)
      if (lookup && entry) {
        own = entry
        return lookup.text
      }
      const stampMs = records.nextStamp()
      const loading = load()
      void anchor(loading)
      const value = await loading
      own = { value }
      if (value === undefined) return undefined
      // Also where it is not stored: what KV has is older than what the caller is about to see.
      records.raise(key, stampMs)
      const put = toPut(value, stampMs)
      if (lookup !== undefined) written = anchor(fill(put))
      return put.text
    })
    // Only who led the flight has the value itself; everyone else gets a copy.
    if (!own) return (text && JSON.parse(text)) as T
    await written
    return own.value
  }

  /** Everything that can be the caller's mistake happens here, so that it reaches the caller and not the background. */
  #toPut(key: string, ttlSeconds: number): (value: unknown, loadedAtMs: number) => EntryPut {
    const action = `set cache entry ${JSON.stringify(key.slice(0, 100))}`
    checkTtlSeconds(action, ttlSeconds)
    return (value, loadedAtMs) => ({
      key,
      text: toJsonText(action, value),
      expiresAtMs: this.core.now() + ttlSeconds * 1000,
      loadedAtMs,
    })
  }

  #lookup(key: string): Promise<Lookup> {
    return this.#lookups(key, () => this.core.read(key).catch(this.core.reporting('get', key)))
  }

  /** @returns `null` for what is a miss: text that is no JSON, or a value older than one this isolate knows of. */
  #parse<T>(key: string, lookup: Lookup): CacheEntry<T> | null {
    if (!lookup) return null
    const { records, report } = this.core
    const { text, expiresAtMs, own } = lookup
    const stampMs = Number(own?.loadedAtMs) || 0
    if (stampMs < records.of(key).floorMs) return null
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
