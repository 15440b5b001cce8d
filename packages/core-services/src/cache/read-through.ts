import type { CacheClient } from '@codex/cloudflare-clients'
import * as v from 'valibot'

export interface ReadThroughOptions<T> {
  readonly key: string
  readonly ttlSeconds: number
  /** What a cached value has to look like. Anything else is an older release's, or damage: it counts as a miss. */
  readonly schema: v.GenericSchema<unknown, T>
  /** Asks the database. `undefined` is returned to the caller and not cached. */
  readonly load: () => Promise<T | undefined>
}

/**
 * The cached value, or what `load` returns, which is then cached.
 *
 * A cache that fails in any way costs a database query and nothing else. `T` is plain JSON data, so a hit equals a miss.
 */
export async function readThrough<T>(
  cache: CacheClient,
  { key, ttlSeconds, schema, load }: ReadThroughOptions<T>,
): Promise<T | undefined> {
  const value = await cache.getOrSet<T | undefined>(key, ttlSeconds, load)
  if (value === undefined || v.is(schema, value)) return value

  const loaded = await load()
  if (loaded !== undefined) await cache.set(key, loaded, ttlSeconds)
  return loaded
}
