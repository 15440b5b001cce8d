import { deleteKeysUnder } from '../kv/key-listing.ts'
import { keys } from '../kv/keys.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { assertListPrefix } from '../kv/kv-key.ts'
import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { BulkReader } from './bulk-reader.ts'
import type { KVCacheOptions } from './cache-core.ts'
import { CacheDefinition } from './cache-definition.ts'
import type { CacheStats } from './cache-stats.ts'
import type { CacheTier } from './cache-tier.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { type Duration, toMs } from './duration.ts'
import { markerLifetimeMs } from './freshness.ts'
import type { HeldValue } from './held-value.ts'
import { KVCache } from './kv-cache.ts'
import { MemoryTier, type MemoryTierOptions } from './memory-tier.ts'
import { TagMarkers } from './tag-markers.ts'

export interface CacheClientOptions extends KVCacheOptions {
  /** What an isolate keeps in memory for all definitions together. Default 5,000 entries and 16 MiB; `false`: nothing. */
  readonly memory?: MemoryTierOptions | false
  /** A tier of this location for definitions that have a `location` time, such as `cacheApiTier()`. Default: none. */
  readonly location?: CacheTier
  /**
   * After so many failed reads of KV in a row it is not asked for the cooldown, and loads go straight to the origin.
   * Default 5 failures and 10 seconds.
   */
  readonly breaker?: { readonly maxFailures?: number; readonly cooldown?: Duration }
  /** Gives numbers from 0 to under 1, for jitter and early refreshes. Default `Math.random`. */
  readonly random?: () => number
}

export interface DeleteByPrefixOptions {
  /** How many lists and deletes may be billed, from 2. Default: as many as it takes. */
  readonly maxOperations?: number
  /** Where an earlier call stopped. */
  readonly cursor?: string
}

/** Concurrent writes of markers: KV allows six connections to wait for their first byte. */
const markerConcurrency = 6

/**
 * A cache in Workers KV that never fails a request, with one memory for each isolate and values that are defined once.
 *
 * Construct it once, at module scope, and {@link define} every kind of value there. The plain calls of
 * {@link KVCache} are for one-off use: they keep nothing in memory, and know nothing of definitions.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { CacheClient } from '@codex/cloudflare-clients'
 * import { env, waitUntil } from 'cloudflare:workers'
 *
 * const cache = new CacheClient(env.CACHE_KV, { waitUntil })
 * const users = cache.define('user', {
 *   load: (id: string) => loadUser(id),
 *   fresh: '1m',
 *   stale: '10m',
 *   staleIfError: '1d',
 *   negative: '30s',
 * })
 *
 * const user = await users.get('ada')
 * await users.delete('ada')
 * ```
 */
export class CacheClient extends KVCache {
  readonly #definitions = new Map<string, CacheDefinition<never, unknown>>()
  readonly #reader: BulkReader
  readonly #markers = new TagMarkers()
  readonly #memory: MemoryTier<HeldValue<unknown>> | undefined
  readonly #location: CacheTier | undefined
  readonly #random: () => number

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {TypeError | RangeError} When an option is not what it should be.
   */
  constructor(kv: KVNamespace, options: CacheClientOptions = {}) {
    super(kv, options)
    const { breaker: { maxFailures = 5, cooldown = 10 } = {}, memory } = options
    const cooldownMs = toMs('create cache: breaker.cooldown', cooldown)
    const breaker = new CircuitBreaker({ maxFailures, cooldownMs, now: this.core.now })
    this.#reader = new BulkReader(this.core, breaker)
    this.#memory = memory === false ? undefined : new MemoryTier(memory)
    this.#location = options.location
    this.#random = options.random ?? Math.random
  }

  /**
   * Defines one kind of value, once, where the client is made.
   *
   * @param name The feature in the keys `cache:{feature}:{id}`. Different in every definition of a client.
   * @throws {TypeError | RangeError} When the name is taken or an option is not what it should be.
   *
   * @example
   * ```ts
   * import { CacheClient } from '@codex/cloudflare-clients'
   *
   * const cache = new CacheClient(env.CACHE_KV)
   * const orders = cache.define('order', {
   *   key: ({ shop, number }: { shop: string; number: number }) => [shop, String(number)],
   *   load: ({ shop, number }) => loadOrder(shop, number),
   *   fresh: '5m',
   *   tags: ({ shop }) => [`shop:${shop}`],
   * })
   *
   * const { value, status, ageMs } = await orders.read({ shop: 'books', number: 42 })
   * await cache.expireTags(['shop:books'])
   * ```
   */
  define<Id, T>(name: string, options: CacheDefinitionOptions<Id, T>): CacheDefinition<Id, T> {
    if (this.#definitions.has(name)) {
      throw new TypeError(`Cannot define cache ${JSON.stringify(name)}: it is already defined`)
    }
    const definition = new CacheDefinition(name, options, {
      core: this.core,
      reader: this.#reader,
      markers: this.#markers,
      memory: this.#memory,
      location: this.#location,
      random: this.#random,
      endMarkers: (markers) => this.#endMarkers(markers),
    })
    this.#definitions.set(name, definition as unknown as CacheDefinition<never, unknown>)
    return definition
  }

  /**
   * Makes every value with one of the tags stale: `stale` and `staleIfError` still apply, counted from now. One billed
   * write for each tag.
   *
   * This isolate obeys at once. Another obeys when its `memory` has passed and KV shows it the marker, usually within 60
   * seconds, with no published upper bound.
   *
   * @throws {KVError} The first failure, after every tag was tried.
   */
  async expireTags(tags: readonly string[]): Promise<void> {
    await this.#endMarkers(tags.map(keys.cacheTag))
  }

  /**
   * Deletes every entry under a prefix such as `keys.cachePrefix('content')`: a billed list for each 1,000 keys and a
   * delete for each key. Entries that KV does not list yet survive until their TTL. To forget a whole definition, `clear`
   * costs one write.
   *
   * @returns A cursor where the budget ended before the keys did: pass it to go on.
   * @throws {TypeError | RangeError} When the prefix is empty, not well-formed or over 468 bytes, or the budget under 2.
   * @throws {KVError} The first failure, after every key that was listed was tried.
   */
  async deleteByPrefix(
    prefix: string,
    { maxOperations = Infinity, cursor }: DeleteByPrefixOptions = {},
  ): Promise<{ readonly deletedKeys: number; readonly cursor: string | null }> {
    if (prefix === '') {
      throw new TypeError('Cannot delete by prefix: prefix must not be empty')
    }
    assertListPrefix(prefix)
    if (!(maxOperations >= 2)) {
      throw new RangeError(
        `Cannot delete by prefix: maxOperations must be at least 2, received ${maxOperations}`,
      )
    }
    this.core.floors.deletePrefix(prefix, this.core.clock.next())
    this.detachPrefix(prefix)
    for (const definition of this.#definitions.values()) definition.detachAll()
    return deleteKeysUnder(this.core.kv, prefix, { maxOperations, cursor })
  }

  /** What the reads in this isolate came to, for each definition. */
  stats(): Record<string, CacheStats> {
    const definitions = Array.from(this.#definitions, ([name, definition]) => [
      name,
      definition.stats(),
    ])
    return Object.fromEntries(definitions) as Record<string, CacheStats>
  }

  /** Writes a stamp under each marker: what was loaded before it is over. */
  async #endMarkers(names: readonly string[]): Promise<void> {
    const { clock, kv, writer } = this.core
    const stampMs = clock.next()
    for (const name of names) this.#markers.learn(name, { stampMs, checkedAtMs: stampMs })
    // What they are loading now began before: nobody may join it any more.
    for (const definition of this.#definitions.values()) definition.detachAll()
    const expirationTtl = markerLifetimeMs / 1000
    const errors = await forEachConcurrent(new Set(names), markerConcurrency, async (name) => {
      await writer.write(name, () => kv.put(name, String(stampMs), { expirationTtl }), {
        operation: 'write',
        isUrgent: true,
      })
    })
    if (errors.length > 0) throw errors[0]
  }
}
