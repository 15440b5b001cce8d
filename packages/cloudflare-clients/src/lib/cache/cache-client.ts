import { toTagText } from '../kv/cache-keys.ts'
import { kvCall } from '../kv/kv-error.ts'
import { maxPrefixBytes, toUsableKey, utf8Length } from '../kv/kv-key.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { checkNumber } from '../shared/check-number.ts'
import { CacheDefinition } from './cache-definition.ts'
import type { CacheStats } from './cache-stats.ts'
import { type CacheClientOptions, ClientCore } from './client-core.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { markerLifetimeMs } from './freshness.ts'
import { KVCache } from './kv-cache.ts'

export interface DeleteByPrefixOptions {
  /** How many lists and deletes may be billed, from 2. Default: as many as it takes. */
  readonly maxOperations?: number
  /** Where an earlier call stopped. */
  readonly cursor?: string
}

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
  /** @internal */
  declare protected readonly core: ClientCore
  readonly #definitions = new Map<string, CacheDefinition<never, unknown>>()

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(kv: KVNamespace, options: CacheClientOptions = {}) {
    super(kv, options)
  }

  /** @internal */
  protected override detach(key: string): void {
    super.detach(key)
    for (const definition of this.#definitions.values()) definition.detach(key)
  }

  /** @internal */
  protected override createCore(kv: KVNamespace, options: CacheClientOptions): ClientCore {
    return new ClientCore(kv, options)
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
   *   load: ({ shop, number }) => Promise.resolve({ shop, number, total: 100 }),
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
    const definition = new CacheDefinition(name, options, this.core, (markers) =>
      this.#endMarkers(markers),
    )
    this.#definitions.set(name, definition as unknown as CacheDefinition<never, unknown>)
    return definition
  }

  /**
   * Has every value with one of the tags loaded again before it is next served, and keeps it to stand in should that
   * load fail (`staleIfError`). One billed write for each tag.
   *
   * This isolate obeys at once. Another obeys when its `memory` has passed and KV shows it the marker, usually within 60
   * seconds, with no published upper bound.
   *
   * @throws {KVError} The first failure, after every tag was tried.
   */
  async expireTags(tags: readonly string[]): Promise<void> {
    await this.#endMarkers(tags.map(toTagText))
  }

  /**
   * Deletes every entry under a prefix such as `keys.cachePrefix('content')`: a billed list for each 1,000 keys and a
   * delete for each key. Entries that KV does not list yet survive until their TTL. To forget a whole definition, `clear`
   * costs one write.
   *
   * @returns A cursor where the budget ended before the keys did: pass it to go on.
   * @throws {RangeError} When the prefix is empty or over 468 bytes, or the budget under 2.
   * @throws {KVError} The first failure, after every key of its page was tried.
   */
  async deleteByPrefix(
    prefix: string,
    { maxOperations = Infinity, cursor }: DeleteByPrefixOptions = {},
  ): Promise<{ readonly deletedKeys: number; readonly cursor: string | null }> {
    // A key that was digested keeps a readable start of so many bytes.
    checkNumber('delete by prefix: its bytes', utf8Length(prefix), { min: 1, max: maxPrefixBytes })
    let operations = checkNumber('delete by prefix: maxOperations', maxOperations, { min: 2 })
    const { clock, floors, kv } = this.core
    floors.deletePrefix(prefix, clock.next())
    this.#detachDefinitions()
    this.detachAll()
    let deletedKeys = 0
    for (let next = cursor; ;) {
      const limit = Math.min(kvLimits.maxListKeys, operations - 1)
      const options = { prefix, limit, ...(next !== undefined && { cursor: next }) }
      const page = await kvCall('list', () => kv.list(options))
      await this.deleteMany(page.keys.map(({ name }) => name))
      deletedKeys += page.keys.length
      operations -= 1 + page.keys.length
      if (page.list_complete) return { deletedKeys, cursor: null }
      if (operations < 2) return { deletedKeys, cursor: page.cursor }
      next = page.cursor
    }
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
  async #endMarkers(keys: readonly string[]): Promise<void> {
    const { clock, kv, markers, writer } = this.core
    const stampMs = clock.next()
    for (const key of keys) markers.learn(key, stampMs, stampMs)
    // What is loading now began before: nobody may join it any more.
    this.#detachDefinitions()
    const writes = Array.from(new Set(keys), async (key) => {
      const name = await toUsableKey(key)
      let attempts = 0
      const send = (): Promise<void> => {
        // Not the old stamp when it has to be tried again: another isolate may have written a later one.
        const text = String(attempts++ === 0 ? stampMs : clock.next())
        return kv.put(name, text, { expirationTtl })
      }
      await writer.write(key, send, { operation: 'write', isUrgent: true })
    })
    await Promise.allSettled(writes)
    await Promise.all(writes)
  }

  #detachDefinitions(): void {
    for (const definition of this.#definitions.values()) definition.detachAll()
  }
}

const expirationTtl = markerLifetimeMs / 1000
