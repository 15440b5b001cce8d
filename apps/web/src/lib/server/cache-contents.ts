import { KVError } from '@codex/cloudflare-clients'
import type { KVStore } from '@codex/cloudflare-clients'
import { describeError, log } from './log.ts'

/** What every key of the cache's namespace starts with. */
const cacheKeyStart = 'cache:'
/** What an owner may name: everything cached, or a part of it. Never sessions or counts. */
const cachePrefix = /^cache:[\x20-\x7e]{0,200}$/
const entriesPerPage = 50

interface CacheEntryLine {
  /** The whole key, as `CacheClient` takes it. */
  readonly key: string
  /** `null` where it does not expire. */
  readonly secondsLeft: number | null
}

/** One page of what the cache holds, or why there is none. */
export interface CacheContents {
  readonly prefix: string
  readonly entries: readonly CacheEntryLine[]
  /** For the next page. `null` on the last one. */
  readonly cursor: string | null
  readonly problem: string | null
}

export function isCachePrefix(prefix: string): boolean {
  return cachePrefix.test(prefix)
}

/**
 * Reads a page of at most 50 entries under a prefix. One billed list, so it is for when somebody asks.
 *
 * @param store The entries of the cache's namespace, a store with the prefix `cache`.
 */
export async function readCacheContents(
  store: KVStore,
  {
    prefix,
    cursor,
    nowMs,
  }: { readonly prefix: string; readonly cursor: string | null; readonly nowMs: number },
): Promise<CacheContents> {
  const nothing = { prefix, entries: [], cursor: null }
  if (!isCachePrefix(prefix)) {
    return { ...nothing, problem: 'A prefix begins with “cache:”, such as cache:content-' }
  }
  try {
    const page = await store.list({
      prefix: prefix.slice(cacheKeyStart.length),
      limit: entriesPerPage,
      ...(cursor !== null && { cursor }),
    })
    return {
      prefix,
      entries: page.keys.map(({ name, expiresAtMs }) => ({
        key: `${cacheKeyStart}${name}`,
        secondsLeft: expiresAtMs === null ? null : Math.ceil((expiresAtMs - nowMs) / 1000),
      })),
      cursor: page.cursor,
      problem: null,
    }
  } catch (cause) {
    if (!(cause instanceof KVError)) throw cause
    log('error', 'cache_not_listed', { prefix, error: describeError(cause) })
    return { ...nothing, problem: 'The cache did not answer. Try again in a moment.' }
  }
}
