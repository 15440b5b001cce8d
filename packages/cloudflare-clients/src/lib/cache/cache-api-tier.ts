import type { CacheTier } from './cache-tier.ts'

export interface CacheApiTierOptions {
  /**
   * Keeps apart what shares a cache: `caches.default` belongs to all Workers of a zone, staging and production included.
   * Not empty. Default `cache`.
   */
  readonly namespace?: string
}

const metadataHeader = 'Cache-Entry-Metadata'

/**
 * A tier in the Workers Cache API: one cache for all isolates of a location, in front of KV.
 *
 * **When to use it.** For values that many isolates of a location read and that may be as old as the definition's
 * `location` duration: it answers what KV would bill a read for. It has no effect where the Cache API has none, as on
 * `workers.dev`.
 *
 * **Guarantee.** An entry is served for its TTL at most, in whole seconds, and may be gone earlier. `delete` reaches
 * this location only: until their TTL has passed, other locations serve what they have. So keep the TTL short. A TTL under a second is not stored.
 *
 * **Privacy.** Keys are URLs on a host that cannot exist (`.invalid`), so no request from outside is ever answered with an entry. What is
 * cached is what it is given: a key that does not say whose a value is serves it to everybody.
 *
 * **Failure.** A failure of the Cache API rejects; the cache takes it for a miss and reports it.
 *
 * @param cache A cache, or a function that opens one, called for each operation, because what one request opened is not awaited by
 * another. Default: `caches.default`.
 * @throws {TypeError} When the namespace is empty.
 * @see https://developers.cloudflare.com/workers/runtime-apis/cache/
 *
 * @example
 * ```ts
 * import { cacheApiTier, CacheClient } from '@codex/cloudflare-clients/cache'
 *
 * const location = cacheApiTier(() => caches.open('data'), { namespace: 'production' })
 * const cache = new CacheClient(env.CACHE_KV, { location })
 * ```
 */
export function cacheApiTier(
  cache: Cache | (() => Promise<Cache>) = () => Promise.resolve(workersCaches().default),
  { namespace = 'cache' }: CacheApiTierOptions = {},
): CacheTier {
  if (namespace === '') {
    throw new TypeError('Cannot create Cache API tier: namespace must not be empty')
  }
  const base = `https://cache-tier.invalid/${encodeURIComponent(`n${namespace}`)}/`
  // The letter keeps "." and ".." from being path segments of a meaning of their own.
  const toUrl = (key: string): string => `${base}${encodeURIComponent(`k${key}`)}`
  const open = (): Cache | Promise<Cache> => (typeof cache === 'function' ? cache() : cache)

  return {
    async read(key) {
      const response = await (await open()).match(toUrl(key))
      if (response === undefined) return null
      const metadata = response.headers.get(metadataHeader)
      const text = await response.text()
      if (metadata === null) return null
      return { text, metadata: JSON.parse(decodeURIComponent(metadata)) as unknown }
    },

    async write(key, { text, metadata }, ttlSeconds) {
      const maxAgeSeconds = Math.floor(ttlSeconds)
      if (!(maxAgeSeconds >= 1)) return
      const headers = {
        'Cache-Control': `max-age=${maxAgeSeconds}`,
        [metadataHeader]: encodeURIComponent(JSON.stringify(metadata ?? null)),
      }
      await (await open()).put(toUrl(key), new Response(text, { headers }))
    },

    async delete(key) {
      await (await open()).delete(toUrl(key))
    },
  }
}

/** Code that is compiled with a browser's types knows `caches` without `default`. */
function workersCaches(): { readonly default: Cache } {
  const all: object = caches
  return all as { readonly default: Cache }
}
