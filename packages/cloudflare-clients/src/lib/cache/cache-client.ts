import { toTagText } from '../kv/cache-keys.ts'
import { toUsableKey } from '../kv/kv-key.ts'
import type { CacheDefinition } from './cache-definition.ts'
import { type CacheClientOptions, ClientCore } from './client-core.ts'
import { createDefinition } from './create-definition.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { KVCache } from './kv-cache.ts'
import { markerLifetimeMs } from './tag-markers.ts'

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
  declare readonly core: ClientCore
  readonly #names = new Set<string>()

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
    this.core.detach(key)
  }

  /** @internal */
  override detachAll(): void {
    super.detachAll()
    this.core.detachAll()
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
    if (this.#names.has(name)) {
      throw new TypeError(`Cannot define cache ${JSON.stringify(name)}: it is already defined`)
    }
    const definition = createDefinition(name, options, this)
    this.#names.add(name)
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
    await this.endMarkers(tags.map(toTagText))
  }

  /** @internal Writes a stamp under each marker: what was loaded before it is over. */
  async endMarkers(keys: readonly string[]): Promise<void> {
    const { kv, markers, records } = this.core
    const stampMs = records.nextStamp()
    for (const key of keys) markers.learn(key, stampMs, stampMs)
    // What is loading now began before: nobody may join it any more.
    this.detachAll()
    const writes = Array.from(new Set(keys), async (key) => {
      const name = await toUsableKey(key)
      // Each try has a stamp of its own: another isolate may have written one between.
      const send = (): Promise<void> => kv.put(name, String(records.nextStamp()), { expirationTtl })
      await records.write(key, send, { operation: 'write', isUrgent: true })
    })
    await Promise.allSettled(writes)
    await Promise.all(writes)
  }
}

const expirationTtl = markerLifetimeMs / 1000
