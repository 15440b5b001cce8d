import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { assertKV } from './assert-kv.ts'
import { deleteKey } from './delete-key.ts'
import { deleteKeysUnder, iterateKeys } from './key-listing.ts'
import {
  assertValueSize,
  isExpired,
  type KVEntry,
  parseJsonText,
  toOwnMetadata,
  toUserMetadata,
  toExpiresAtMs,
  toJsonText,
  toPutOptions,
} from './kv-entry.ts'
import { kvCall, KVError } from './kv-error.ts'
import { assertListPrefix, toKVKey } from './kv-key.ts'
import { maxListKeys } from './kv-limits.ts'
import { readEntries } from './read-entries.ts'
import { readEntry } from './read-entry.ts'

export interface KVStoreOptions {
  /**
   * Names the store: every key starts with it and a `:`, which is added where the prefix does not end in one.
   * At least one character, at most 468 UTF-8 bytes with the `:`.
   */
  readonly prefix: string
  /** How long entries live that are set without a TTL, in seconds, from 0.001. Default: they do not expire. */
  readonly defaultTtlSeconds?: number
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of values that `getMany` passed over. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

export interface KVSetOptions {
  /** In seconds, from 0.001. Default: the store's `defaultTtlSeconds`. */
  readonly ttlSeconds?: number
  /** Any JSON value; with this package's own part it must fit KV's 1,024 bytes. */
  readonly metadata?: unknown
}

export interface KVListOptions {
  /** Only keys that start with this. Default `''`. */
  readonly prefix?: string
  /** The most keys of a page: 1 to 1,000. Default 1,000. */
  readonly limit?: number
  /** The `cursor` of the page before. */
  readonly cursor?: string
}

export interface KVListKey<M = unknown> {
  /** The key without the store's prefix. A key over the limits has its digested form here. */
  readonly name: string
  /** Epoch ms. `null` where it does not expire. */
  readonly expiresAtMs: number | null
  readonly metadata: M | null
}

export interface KVListPage<M = unknown> {
  /** May be empty while more pages follow. */
  readonly keys: readonly KVListKey<M>[]
  /** `null` on the last page. */
  readonly cursor: string | null
}

export interface KVValueWithMetadata<T, M> {
  /** `null` where there is no entry. */
  readonly value: T | null
  readonly metadata: M | null
}

/**
 * Named entries in Workers KV, as JSON or text, with any TTL from a millisecond on.
 *
 * Consistency is KV's: another location may see a write, a delete or a new key 60 seconds later or more, and the last
 * of two concurrent writes wins. KV takes one write per key and second. Expiry is decided on the entry's own metadata,
 * so a TTL under KV's 60 seconds works; KV itself drops the entry after 60 seconds at the least. Any string is a key:
 * what KV would refuse is digested (see `keys`). Each call costs one billed operation unless it says otherwise.
 *
 * Every method throws a {@link KVError} when KV fails: an error is never taken for a missing entry.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 * @see https://developers.cloudflare.com/kv/platform/limits/
 *
 * @example
 * ```ts
 * import { KVStore } from '@codex/cloudflare-clients/kv-store'
 *
 * const drafts = new KVStore(env.CACHE_KV, { prefix: 'drafts', defaultTtlSeconds: 86_400 })
 * await drafts.set('letter', { title: 'Hello' })
 * const draft = await drafts.get<{ title: string }>('letter')
 * ```
 */
export class KVStore {
  readonly #kv: KVNamespace
  readonly #prefix: string
  readonly #defaultTtlSeconds: number | undefined
  readonly #now: () => number
  readonly #report: EventReporter

  /**
   * @throws {TypeError} When `kv` is no namespace, or the prefix is empty or holds a lone surrogate.
   * @throws {RangeError} When the prefix is too long or `defaultTtlSeconds` is out of range.
   */
  constructor(kv: KVNamespace, options: KVStoreOptions) {
    assertKV('create KV store', kv)
    if (options.prefix === '') {
      throw new TypeError('Cannot create KV store: prefix must not be empty')
    }
    this.#kv = kv
    this.#prefix = options.prefix.endsWith(':') ? options.prefix : `${options.prefix}:`
    assertListPrefix(this.#prefix)
    this.#now = options.now ?? Date.now
    this.#defaultTtlSeconds = options.defaultTtlSeconds
    this.#report = createReporter(options.onEvent)
    if (options.defaultTtlSeconds !== undefined) {
      toExpiresAtMs('create KV store', options.defaultTtlSeconds, 0)
    }
  }

  /**
   * Reads a JSON value.
   *
   * @returns The value, or `null` where there is none or it has expired.
   * @throws {KVError} With code `corrupt_value` when the stored text is not JSON.
   */
  async get<T>(key: string): Promise<T | null> {
    const text = await this.getText(key)
    return text === null ? null : (parseJsonText(text) as T)
  }

  /** Reads a text. @returns The text, or `null` where there is none or it has expired. */
  async getText(key: string): Promise<string | null> {
    return (await this.#read(key))?.text ?? null
  }

  /**
   * Reads a JSON value and the metadata it was set with.
   *
   * @throws {KVError} With code `corrupt_value` when the stored text is not JSON.
   */
  async getWithMetadata<T, M = unknown>(key: string): Promise<KVValueWithMetadata<T, M>> {
    const entry = await this.#read(key)
    if (entry === null) return { value: null, metadata: null }
    return {
      value: parseJsonText(entry.text) as T,
      metadata: toUserMetadata(entry.metadata) as M | null,
    }
  }

  /**
   * Reads many JSON values, 100 to a call. Every distinct key is billed as one read.
   *
   * One corrupt value does not fail the others: it is `null` here and reported as a `corrupt_value` event.
   *
   * @returns The value of every key, `null` where there is none, in the order of `keys`.
   */
  async getMany<T>(keys: readonly string[]): Promise<Map<string, T | null>> {
    const names = new Map(keys.map((key) => [key, this.#toKVKey(key)]))
    const entries = await readEntries(this.#kv, [...names.values()], { now: this.#now })
    return new Map(
      [...names].map(([key, name]) => {
        const value = this.#parseOrReport(name, entries.get(name) ?? null)
        return [key, value as T | null]
      }),
    )
  }

  /**
   * Stores a JSON value, over the one that is there.
   *
   * @throws {TypeError} When the value is `undefined` or has no JSON text.
   * @throws {RangeError} When TTL, metadata or value are over their limits.
   */
  async set(key: string, value: unknown, options: KVSetOptions = {}): Promise<void> {
    const action = this.#action('set', key)
    await this.#write(key, toJsonText(action, value), action, options)
  }

  /**
   * Stores a text, over the one that is there.
   *
   * @throws {TypeError} When the value is not a string: KV would store `"undefined"` without a word.
   * @throws {RangeError} When TTL, metadata or value are over their limits.
   */
  async setText(key: string, value: string, options: KVSetOptions = {}): Promise<void> {
    const action = this.#action('set', key)
    if (typeof (value as unknown) !== 'string') {
      throw new TypeError(`Cannot ${action}: value must be a string, received ${typeof value}`)
    }
    assertValueSize(action, value)
    await this.#write(key, value, action, options)
  }

  /**
   * Deletes an entry, with one retry after a second where KV refuses it for a write just before. A key that is not
   * there is no error.
   */
  async delete(key: string): Promise<void> {
    await deleteKey(this.#kv, this.#toKVKey(key))
  }

  /** Whether there is an entry that has not expired. One read: the value's bytes are not waited for. */
  async exists(key: string): Promise<boolean> {
    const { value, metadata } = await kvCall('read', () =>
      this.#kv.getWithMetadata(this.#toKVKey(key), 'stream'),
    )
    if (value === null) return false
    await value.cancel()
    return !isExpired(toOwnMetadata(metadata)?.expiresAtMs ?? null, this.#now())
  }

  /**
   * Reads one page of keys, in the order of their UTF-8 bytes. Expired entries are left out.
   *
   * @throws {RangeError} When `limit` is not a whole number from 1 to 1,000.
   */
  async list<M = unknown>(options: KVListOptions = {}): Promise<KVListPage<M>> {
    const limit = options.limit ?? maxListKeys
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= maxListKeys)) {
      throw new RangeError(
        `Cannot list keys: limit must be a whole number from 1 to ${maxListKeys}, received ${limit}`,
      )
    }
    const prefix = this.#toListPrefix(options.prefix)
    const page = await kvCall('list', () =>
      this.#kv.list({ prefix, limit, cursor: options.cursor ?? null }),
    )
    return {
      keys: page.keys.flatMap((key) => this.#toListKey<M>(key)),
      cursor: page.list_complete ? null : page.cursor,
    }
  }

  /** Iterates over every key under a prefix, in the order of their UTF-8 bytes. One list for each 1,000 keys. */
  async *iterate<M = unknown>(
    options: Pick<KVListOptions, 'prefix'> = {},
  ): AsyncGenerator<KVListKey<M>, void, undefined> {
    for await (const key of iterateKeys(this.#kv, this.#toListPrefix(options.prefix))) {
      yield* this.#toListKey<M>(key)
    }
  }

  /**
   * Reads a value, or loads and stores it. A read where it is there, a read and a write where it is not.
   *
   * Concurrent callers that all find nothing all load. For a cache that falls back to its loader when KV fails, use
   * `CacheClient`.
   *
   * @param load Its `undefined` is returned and not stored. What it throws reaches the caller.
   * @throws {RangeError} When the TTL is out of range, before anything is read.
   */
  async getOrSet<T>(key: string, load: () => Promise<T>, options: KVSetOptions = {}): Promise<T> {
    if (options.ttlSeconds !== undefined) {
      toExpiresAtMs(this.#action('set', key), options.ttlSeconds, 0)
    }
    const entry = await this.#read(key)
    if (entry !== null) return parseJsonText(entry.text) as T
    const value = await load()
    if (value !== undefined) await this.set(key, value, options)
    return value
  }

  /**
   * Adds to a number and stores it. A read and a write. **Not atomic**: KV has no compare-and-set, so of two
   * concurrent calls one may be lost, and a second call within a second may be refused with `rate_limited`. Use it
   * for a rough number that one writer keeps. For a limit use `RateLimiterClient`.
   *
   * @param by May be negative. Default 1.
   * @param options Without a TTL here the entry keeps the expiry it has; without metadata, the metadata. An expiry
   * that other code gave it is lost, because KV does not tell it on a read: give a TTL for such an entry.
   * @returns The new number. A missing entry counts as 0.
   * @throws {TypeError} When `by` is not a finite number.
   * @throws {RangeError} When the sum is over what a number holds. The entry keeps its number.
   * @throws {KVError} With code `corrupt_value` when the entry is not a number.
   */
  async increment(key: string, by = 1, options: KVSetOptions = {}): Promise<number> {
    const action = this.#action('increment', key)
    if (!Number.isFinite(by)) {
      throw new TypeError(`Cannot ${action}: by must be a finite number, received ${by}`)
    }
    const entry = await this.#read(key)
    const current = entry === null ? 0 : parseJsonText(entry.text)
    if (typeof current !== 'number') {
      throw new KVError('Cannot read from KV: the stored value is not a number', {
        code: 'corrupt_value',
        operation: 'read',
        retryable: false,
      })
    }
    const sum = current + by
    if (!Number.isFinite(sum)) {
      throw new RangeError(`Cannot ${action}: the sum must be a finite number, received ${sum}`)
    }
    await this.#write(key, toJsonText(action, sum), action, options, entry)
    return sum
  }

  /**
   * Deletes every key under a prefix: a list for each 1,000 keys and a delete for each key.
   *
   * A key that KV does not list yet, because it was written elsewhere less than about a minute ago, survives.
   *
   * @param options `concurrency`: deletes in flight, a whole number from 1. Default 6.
   * @throws {KVError} The first failure, after every key that was listed was tried.
   */
  async deleteByPrefix(
    prefix: string,
    options: { readonly concurrency?: number } = {},
  ): Promise<{ readonly deletedKeys: number }> {
    if (typeof (prefix as unknown) !== 'string') {
      // Without types: as an absent prefix it would delete the whole store.
      throw new TypeError(
        `Cannot delete by prefix: prefix must be a string, received ${typeof prefix}`,
      )
    }
    const { concurrency } = options
    if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1)) {
      throw new RangeError(
        `Cannot delete by prefix: concurrency must be a whole number of at least 1, received ${concurrency}`,
      )
    }
    return {
      deletedKeys: await deleteKeysUnder(this.#kv, this.#toListPrefix(prefix), concurrency),
    }
  }

  #action(verb: string, key: string): string {
    return `${verb} KV entry ${JSON.stringify(key.slice(0, 100))}`
  }

  #toKVKey(key: string): string {
    return toKVKey(`${this.#prefix}${key}`)
  }

  #toListPrefix(prefix = ''): string {
    const physicalPrefix = `${this.#prefix}${prefix}`
    assertListPrefix(physicalPrefix)
    return physicalPrefix
  }

  #toListKey<M>(key: KVNamespaceListKey<unknown>): KVListKey<M>[] {
    const expiresAtMs = toOwnMetadata(key.metadata)?.expiresAtMs ?? null
    if (isExpired(expiresAtMs, this.#now())) return []
    return [
      {
        name: key.name.slice(this.#prefix.length),
        expiresAtMs: expiresAtMs ?? (key.expiration === undefined ? null : key.expiration * 1000),
        metadata: toUserMetadata(key.metadata) as M | null,
      },
    ]
  }

  #read(key: string): Promise<KVEntry | null> {
    return readEntry(this.#kv, this.#toKVKey(key), { now: this.#now })
  }

  async #write(
    key: string,
    text: string,
    action: string,
    options: KVSetOptions,
    previous: KVEntry | null = null,
  ): Promise<void> {
    const nowMs = this.#now()
    const ttlSeconds =
      options.ttlSeconds ?? (previous === null ? this.#defaultTtlSeconds : undefined)
    const putOptions = toPutOptions(action, {
      expiresAtMs:
        ttlSeconds === undefined
          ? (previous?.expiresAtMs ?? undefined)
          : toExpiresAtMs(action, ttlSeconds, nowMs),
      userMetadata: options.metadata ?? toUserMetadata(previous?.metadata) ?? undefined,
      nowMs,
    })
    await kvCall('write', () => this.#kv.put(this.#toKVKey(key), text, putOptions))
  }

  #parseOrReport(name: string, entry: KVEntry | null): unknown {
    if (entry === null) return null
    try {
      return parseJsonText(entry.text)
    } catch {
      this.#report({
        type: 'corrupt_value',
        client: 'kv-store',
        key: name,
        reason: 'it is not JSON',
      })
      return null
    }
  }
}
