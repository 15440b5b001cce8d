import { deletePrefix } from '../kv/key-records.ts'
import { kvCall } from '../kv/kv-error.ts'
import { utf8Length } from '../kv/kv-key.ts'
import { maxListKeys, maxPrefixBytes } from '../kv/kv-limits.ts'
import { allTried } from '../shared/all-tried.ts'
import { checkNumber } from '../shared/check-number.ts'
import type { PlainCache } from './plain-cache.ts'

export interface DeleteByPrefixOptions {
  /** How many lists and deletes may be billed, from 2. Default: as many as it takes. */
  readonly maxOperations?: number
  /** Where an earlier call stopped. */
  readonly cursor?: string
}

/**
 * Deletes every entry of a cache under a prefix such as `keys.cachePrefix('content')`: a billed list for each 1,000 keys
 * and a delete for each key. Entries that KV does not list yet survive until their TTL. To forget a whole definition,
 * `clearDefinition` costs one write.
 *
 * This isolate obeys at once, also for loads that are under way.
 *
 * @param cache A `CacheClient` or a `KVCache`.
 * @returns A cursor where the budget ended before the keys did: pass it to go on.
 * @throws {RangeError} When the prefix is empty or over 468 bytes, or the budget under 2.
 * @throws {KVError} The first failure, after every key of its page was tried.
 *
 * @example
 * ```ts
 * import { CacheClient, deleteByPrefix, keys } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const { cursor } = await deleteByPrefix(cache, keys.cachePrefix('content'), { maxOperations: 500 })
 * ```
 */
export async function deleteByPrefix(
  cache: PlainCache,
  prefix: string,
  { maxOperations = Infinity, cursor }: DeleteByPrefixOptions = {},
): Promise<{ readonly deletedKeys: number; readonly cursor: string | null }> {
  // A key that was digested keeps a readable start of so many bytes.
  checkNumber('delete by prefix: its bytes', utf8Length(prefix), { min: 1, max: maxPrefixBytes })
  let operations = checkNumber('delete by prefix: maxOperations', maxOperations, { min: 2 })
  const { detach, kv, records } = cache.core
  deletePrefix(records, prefix)
  detach()
  let deletedKeys = 0
  for (let next = cursor; ;) {
    const limit = Math.min(maxListKeys, operations - 1)
    const options = { prefix, limit, ...(next !== undefined && { cursor: next }) }
    const page = await kvCall('list', () => kv.list(options))
    await allTried(page.keys.map(({ name }) => cache.delete(name)))
    deletedKeys += page.keys.length
    operations -= 1 + page.keys.length
    if (page.list_complete) return { deletedKeys, cursor: null }
    if (operations < 2) return { deletedKeys, cursor: page.cursor }
    next = page.cursor
  }
}
