import { toUsableKey } from '../kv/kv-key.ts'
import { allTried } from '../shared/all-tried.ts'
import { batchReads } from './batch-reads.ts'
import { createCore, type KVCacheOptions } from './cache-core.ts'
import type { CacheDefinition } from './cache-definition.ts'
import type { CacheObserver } from './cache-observer.ts'
import { createDefinition, type DefinitionParts } from './create-definition.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { createMemoryTier, type MemoryTierOptions } from './memory-tier.ts'
import { PlainCache } from './plain-cache.ts'

export interface CacheClientOptions extends KVCacheOptions {
  /** What an isolate keeps in memory for all definitions together. Default 5,000 entries and 16 MiB; `false`: nothing. */
  readonly memory?: MemoryTierOptions | false
  /** Told of every read and load of the definitions, such as `CacheCounters`. Default: nobody. */
  readonly observer?: CacheObserver
  /** Gives numbers from 0 to under 1, for jitter and early refreshes. Default `Math.random`. */
  readonly random?: () => number
}

/**
 * A cache in Workers KV that never fails a request, with one memory for each isolate and values that are defined once.
 *
 * Construct it once, at module scope, and {@link define} every kind of value there. The plain calls of
 * `KVCache` are for one-off use: they keep nothing in memory, and know nothing of definitions. Here they take any string
 * for a key: what KV would refuse is digested.
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
export class CacheClient extends PlainCache {
  readonly #names = new Set<string>()
  readonly #parts: DefinitionParts

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(kv: KVNamespace, options: CacheClientOptions = {}) {
    super(createCore(kv, options, toUsableKey, batchReads))
    const { memory, random = Math.random, observer } = options
    this.#parts = {
      core: this.core,
      memory: memory === false ? undefined : createMemoryTier(memory),
      observer,
      random,
    }
  }

  /**
   * Deletes entries, each as {@link delete} does. A billed delete for each distinct key.
   *
   * @throws {KVError} The first failure, after all were tried.
   */
  async deleteMany(keys: readonly string[]): Promise<void> {
    await allTried(Array.from(new Set(keys), (key) => this.delete(key)))
  }

  /**
   * Defines one kind of value, once, where the client is made.
   *
   * @param name The feature in the keys `cache:{feature}:{id}`. Different in every definition of a client.
   * @throws {TypeError | RangeError} When the name is taken or an option is not what it should be.
   *
   * @example
   * ```ts
   * import { CacheClient, expireTags } from '@codex/cloudflare-clients/cache'
   *
   * const cache = new CacheClient(env.CACHE_KV)
   * const orders = cache.define('order', {
   *   key: ({ shop, number }: { shop: string; number: number }) => [shop, String(number)],
   *   load: ({ shop, number }) => Promise.resolve({ shop, number, total: 100 }),
   *   fresh: '5m',
   *   tags: ({ shop }) => [`shop:${shop}`],
   * })
   *
   * const { value, status, ageMs } = await orders.read({ shop: 'books', number: 42 })
   * await expireTags(cache, ['shop:books'])
   * ```
   */
  define<Id, T>(name: string, options: CacheDefinitionOptions<Id, T>): CacheDefinition<Id, T> {
    if (this.#names.has(name)) {
      throw new TypeError(`Cannot define cache ${JSON.stringify(name)}: it is already defined`)
    }
    const definition = createDefinition(name, options, this.#parts)
    this.#names.add(name)
    return definition
  }
}
