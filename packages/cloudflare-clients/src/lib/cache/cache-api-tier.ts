import { assertKV } from '../kv/assert-kv.ts'
import { toOwnMetadata } from '../kv/kv-entry.ts'
import { toKVError } from '../kv/kv-error.ts'
import { overrideKV } from '../kv/override-kv.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { type Duration, toMs } from './duration.ts'

export interface CacheApiTierOptions {
  /**
   * How long the location answers without asking KV, at most: one time for all, or for each key its own, 0 for those that are not to
   * be kept. Under a second nothing is kept.
   */
  readonly ttl: Duration | ((key: string) => Duration)
  /**
   * A cache, or a function that opens one, called for each operation, because what one request opened is not awaited by another.
   * Default: `caches.default`.
   */
  readonly cache?: Cache | (() => Promise<Cache>)
  /**
   * Keeps apart what shares a cache: `caches.default` belongs to all Workers of a zone, staging and production included.
   * Not empty. Default `cache`.
   */
  readonly namespace?: string
  /** Keeps the filling of the tier alive after its request: pass the one from `cloudflare:workers`. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
  /** Told of failures of the Cache API. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

interface TierEntry {
  readonly value: string
  readonly metadata: unknown
}

type Answer = KVNamespaceGetWithMetadataResult<string, unknown>

const metadataHeader = 'Cache-Entry-Metadata'

/**
 * Puts the Workers Cache API in front of a namespace: one cache for all isolates of a location.
 *
 * **When to use it.** For values that many isolates of a location read and that may be as old as `ttl` more: it answers
 * what KV would bill a read for. It has no effect where the Cache API has none, as on `workers.dev`.
 *
 * **What is kept.** Entries that a cache stored with a time until which they are fresh, until then at most: not the
 * markers of tags and definitions, which are read from KV as always. They are read with `getWithMetadata` as text, as
 * the clients of this package do; every other call goes to KV. A definition says `location` for the tier of such a read.
 *
 * **Guarantee.** An entry is served for its TTL at most, in whole seconds, and may be gone earlier. `put` and `delete`
 * are seen at once in this location only: until their TTL has passed, other locations serve what they have, and a read that was
 * under way may bring an older entry back for as long. So keep the TTL short, and do not put this in front of sessions. A cache that
 * knows an entry to be outdated loads the value, without asking KV whether another location has already done so.
 *
 * **Privacy.** Keys are URLs on a host that cannot exist (`.invalid`), so no request from outside is ever answered with an entry. What is
 * cached is what it is given: a key that does not say whose a value is serves it to everybody.
 *
 * **Failure.** What fails in the Cache API is reported, and KV is asked instead.
 *
 * @param kv A Worker binding, or anything of its shape.
 * @throws {TypeError} When `kv` is no namespace, the namespace is empty, or `ttl` is no duration.
 * @throws {RangeError} When `ttl` is under 0.
 * @see https://developers.cloudflare.com/workers/runtime-apis/cache/
 *
 * @example
 * ```ts
 * import { cacheApiTier, CacheClient } from '@codex/cloudflare-clients/cache'
 * import { waitUntil } from 'cloudflare:workers'
 *
 * const kv = cacheApiTier(env.CACHE_KV, { ttl: '30s', namespace: 'production', waitUntil })
 * const cache = new CacheClient(kv, { waitUntil })
 * ```
 */
export function cacheApiTier(kv: KVNamespace, options: CacheApiTierOptions): KVNamespace {
  assertKV('create Cache API tier', kv)
  const { ttl, cache = () => Promise.resolve(workersCaches().default) } = options
  const { namespace = 'cache', now = Date.now, waitUntil } = options
  if (namespace === '') {
    throw new TypeError('Cannot create Cache API tier: namespace must not be empty')
  }
  const toTtlMs = (key: string): number =>
    toMs('use Cache API tier: ttl', typeof ttl === 'function' ? ttl(key) : ttl)
  if (typeof ttl !== 'function') toTtlMs('')
  const report = createReporter(options.onEvent)
  const base = `https://cache-tier.invalid/${encodeURIComponent(`n${namespace}`)}/`
  // The letter keeps "." and ".." from being path segments of a meaning of their own.
  const toUrl = (key: string): string => `${base}${encodeURIComponent(`k${key}`)}`
  const open = (): Cache | Promise<Cache> => (typeof cache === 'function' ? cache() : cache)

  const reporting =
    (operation: 'get' | 'set' | 'delete', key: string) =>
    (cause: unknown): null => {
      const error = toKVError(operation === 'get' ? 'read' : 'write', cause)
      report({ type: 'store_error', client: 'cache', operation, key, error })
      return null
    }

  const find = async (key: string): Promise<Answer | null> => {
    if (toTtlMs(key) === 0) return null
    const response = await (await open()).match(toUrl(key))
    if (response === undefined) return null
    const header = response.headers.get(metadataHeader)
    const value = await response.text()
    if (header === null) return null
    const metadata = JSON.parse(decodeURIComponent(header)) as object
    return toMaxAgeSeconds(key, metadata) > 0
      ? { value, metadata: { ...metadata, tier: 'location' }, cacheStatus: null }
      : null
  }

  /** @returns For how many whole seconds the entry may be kept. 0 where it does not say until when it is fresh. */
  const toMaxAgeSeconds = (key: string, metadata: unknown): number => {
    const own = toOwnMetadata(metadata)
    const leftMs = Number(own?.freshUntilMs ?? own?.expiresAtMs) - now()
    return leftMs > 0 ? Math.floor(Math.min(toTtlMs(key), leftMs) / 1000) : 0
  }

  const forget = async (key: string): Promise<unknown> => (await open()).delete(toUrl(key))

  const keep = async (key: string, { value, metadata }: TierEntry): Promise<void> => {
    const maxAgeSeconds = toMaxAgeSeconds(key, metadata)
    if (maxAgeSeconds < 1) return
    const headers = {
      'Cache-Control': `max-age=${maxAgeSeconds}`,
      [metadataHeader]: encodeURIComponent(JSON.stringify(metadata)),
    }
    await (await open()).put(toUrl(key), new Response(value, { headers }))
  }

  const fill = (key: string, answer: unknown): void => {
    if (!isEntry(answer)) return
    const filling = keep(key, answer).catch(reporting('set', key))
    waitUntil?.(filling)
  }

  const read = async (
    keys: string | string[],
    readOptions?: 'text' | KVNamespaceGetOptions<'text'>,
  ): Promise<unknown> => {
    if (typeof keys === 'string') {
      const found = await find(keys).catch(reporting('get', keys))
      if (found !== null) return found
      const answer: unknown = await kv.getWithMetadata(keys, textRead(readOptions))
      fill(keys, answer)
      return answer
    }
    const entries = await Promise.all(
      keys.map(async (key) => [key, await find(key).catch(reporting('get', key))] as const),
    )
    const missing = entries.flatMap(([key, found]) => (found === null ? [key] : []))
    const found = new Map<string, unknown>(entries.filter(([, entry]) => entry !== null))
    if (missing.length === 0) return found
    for (const [key, answer] of await kv.getWithMetadata(missing, textRead(readOptions))) {
      found.set(key, answer)
      fill(key, answer)
    }
    return found
  }

  return overrideKV(kv, {
    getWithMetadata: (...args: Parameters<typeof read>) => {
      const [, given] = args
      const type: unknown = typeof given === 'string' ? given : given?.type
      return type === undefined || type === 'text'
        ? read(...args)
        : kv.getWithMetadata(...(args as unknown as Parameters<KVNamespace['getWithMetadata']>))
    },

    put: async (key: string, value: unknown, given: KVNamespacePutOptions = {}) => {
      const { tier: _tier, ...metadata } = Object(given.metadata) as { readonly tier?: unknown }
      const isOwn = toOwnMetadata(metadata) !== null
      const answer = { value, metadata }
      // First what is outdated goes, so that nothing older is left when only half of it succeeds.
      await forget(key).catch(reporting('delete', key))
      await kv.put(key, value as string, isOwn ? { ...given, metadata } : given)
      if (isEntry(answer)) await keep(key, answer).catch(reporting('set', key))
    },

    delete: async (key: string) => {
      await forget(key).catch(reporting('delete', key))
      try {
        await kv.delete(key)
      } finally {
        // Again: a reader may have brought it back meanwhile.
        await forget(key).catch(reporting('delete', key))
      }
    },
  })
}

function textRead(options?: 'text' | KVNamespaceGetOptions<'text'>): KVNamespaceGetOptions<'text'> {
  return typeof options === 'object' ? options : { type: 'text' }
}

function isEntry(answer: unknown): answer is TierEntry {
  const { value, metadata } = Object(answer) as Partial<TierEntry>
  return typeof value === 'string' && toOwnMetadata(metadata) !== null
}

/** Code that is compiled with a browser's types knows `caches` without `default`. */
function workersCaches(): { readonly default: Cache } {
  const all: object = caches
  return all as { readonly default: Cache }
}
