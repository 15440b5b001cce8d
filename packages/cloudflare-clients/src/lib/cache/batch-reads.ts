import { type KVEntry, toEntry } from '../kv/kv-entry.ts'
import { toKVError } from '../kv/kv-error.ts'
import { toUsableKey } from '../kv/kv-key.ts'
import { maxBulkReadKeys } from '../kv/kv-limits.ts'
import { readBulk } from '../kv/read-bulk.ts'
import type { ReadOptions } from '../kv/read-entry.ts'
import type { ReadKey, ReadStore } from './cache-core.ts'

interface Batch {
  /** Each once. */
  readonly keys: string[]
  /** Whether there is more than one asker. */
  isShared?: boolean
  /** What the bulk read gives. Missing where one key is read for one asker. */
  entries?: Promise<readonly (KVEntry | null)[]>
}

/**
 * Reads a key in one bulk read with the others that are asked for in the same tick, and alone where it is the only one.
 *
 * It is not built on `batchTick`: every function between the caller and KV takes time in a hit, so one does it all.
 */
export function batchReads({ kv, now }: ReadStore, read?: ReadOptions): ReadKey {
  let open: Batch | undefined
  return async (key) => {
    if (open && open.keys.length < maxBulkReadKeys) {
      open.isShared = true
      if (!open.keys.includes(key)) open.keys.push(key)
    } else open = { keys: [key] }
    const batch = open
    const { keys } = batch
    // One microtask later, so that callers who woke up together all come before the call.
    await Promise.resolve()
    if (batch === open) open = undefined
    if (batch.isShared) {
      batch.entries ??= readBulk(kv, keys.map(toUsableKey), { now, read })
      return (await batch.entries)[keys.indexOf(key)] as KVEntry | null
    }
    try {
      const name = toUsableKey(key)
      const { value, metadata } = await kv.getWithMetadata(
        typeof name === 'string' ? name : await name,
        read,
      )
      return toEntry(value, metadata, now())
    } catch (error) {
      throw toKVError('read', error)
    }
  }
}
