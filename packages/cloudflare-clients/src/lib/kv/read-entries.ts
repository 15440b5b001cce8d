import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import type { KVEntry } from './kv-entry.ts'
import { toKVError } from './kv-error.ts'
import { maxBulkReadKeys } from './kv-limits.ts'
import { readBulk } from './read-bulk.ts'
import type { ReadEntryOptions } from './read-entry.ts'

const concurrentReads = 6

function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size))
  return chunks
}

/**
 * Reads any number of keys in as few calls as KV allows, as text and metadata.
 *
 * The quirks of KV's bulk read that this hides are those of {@link readBulk}.
 *
 * @param keys Physical keys. Repeated ones are read once.
 * @returns An entry for every key, `null` where there is none. Order is not the order of `keys`.
 * @throws {KVError} When KV fails.
 */
export async function readEntries(
  kv: KVNamespace,
  keys: readonly string[],
  options: ReadEntryOptions,
): Promise<Map<string, KVEntry | null>> {
  const entries = new Map<string, KVEntry | null>()
  const readChunk = async (chunkKeys: readonly string[]): Promise<void> => {
    const found = await readBulk(kv, chunkKeys, options)
    for (const [index, key] of chunkKeys.entries()) entries.set(key, found[index] ?? null)
  }

  const chunks = chunk([...new Set(keys)], maxBulkReadKeys)
  const [firstChunk] = chunks
  if (firstChunk !== undefined && chunks.length === 1) {
    await readChunk(firstChunk)
    return entries
  }
  const errors = await forEachConcurrent(chunks, concurrentReads, readChunk)
  if (errors.length > 0) throw toKVError('read', errors[0])
  return entries
}
