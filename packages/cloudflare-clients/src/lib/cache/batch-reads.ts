import type { KVEntry } from '../kv/kv-entry.ts'
import { toUsableKey } from '../kv/kv-key.ts'
import { maxBulkReadKeys } from '../kv/kv-limits.ts'
import { readBulk } from '../kv/read-bulk.ts'
import { batchTick } from './batch-tick.ts'
import type { CacheCore } from './cache-core.ts'

/**
 * @returns What reads a key in one bulk read with the others that are asked for in the same tick.
 * @throws {KVError} When KV fails.
 */
export function batchReads(
  { kv, now }: CacheCore,
  read?: KVNamespaceGetOptions<'text'>,
): (key: string) => Promise<KVEntry | null> {
  const options = { now, read }
  return batchTick(maxBulkReadKeys, (keys) => readBulk(kv, keys.map(toUsableKey), options))
}
