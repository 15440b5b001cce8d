import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { type KVEntry, toEntry } from './kv-entry.ts'
import { kvCall, KVError, toKVError } from './kv-error.ts'
import { kvLimits } from './kv-limits.ts'
import { readEntry, type ReadEntryOptions, toTextRead } from './read-entry.ts'

const concurrentReads = 6

function chunk<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size))
  return chunks
}

/**
 * Reads any number of keys in as few calls as KV allows, as text and metadata.
 *
 * KV's bulk read has quirks that this hides: at most 100 keys a call; integer-like keys are missing from its result;
 * an empty text comes back bare, without metadata; a result over 25 MiB fails the whole call. Keys that it did not
 * answer properly are read again one by one, and an oversized chunk is halved.
 *
 * @param keys Physical keys. Repeated ones are read once.
 * @returns An entry for every key, `null` where there is none. Order is not the order of `keys`.
 * @throws {KVError} When KV fails.
 * @see https://developers.cloudflare.com/kv/api/read-key-value-pairs/#multiple-keys
 */
export async function readEntries(
  kv: KVNamespace,
  keys: readonly string[],
  options: ReadEntryOptions,
): Promise<Map<string, KVEntry | null>> {
  const entries = new Map<string, KVEntry | null>()

  const readChunk = async (chunkKeys: readonly string[]): Promise<void> => {
    const [onlyKey] = chunkKeys
    if (onlyKey !== undefined && chunkKeys.length === 1) {
      entries.set(onlyKey, await readEntry(kv, onlyKey, options))
      return
    }
    let found: Map<string, unknown>
    try {
      found = await kvCall('read', () =>
        kv.getWithMetadata([...chunkKeys], toTextRead(options.cacheTtlSeconds)),
      )
    } catch (error) {
      if (!(error instanceof KVError && error.code === 'too_large')) throw error
      for (const half of chunk(chunkKeys, Math.ceil(chunkKeys.length / 2))) await readChunk(half)
      return
    }
    for (const key of chunkKeys) {
      const answer = found.get(key)
      if (answer === null) entries.set(key, null)
      else if (isValueWithMetadata(answer)) {
        entries.set(key, toEntry(answer.value, answer.metadata, options.now()))
      } else entries.set(key, await readEntry(kv, key, options))
    }
  }

  const chunks = chunk([...new Set(keys)], kvLimits.maxBulkReadKeys)
  const [firstChunk] = chunks
  if (firstChunk !== undefined && chunks.length === 1) {
    await readChunk(firstChunk)
    return entries
  }
  const errors = await forEachConcurrent(chunks, concurrentReads, readChunk)
  if (errors.length > 0) throw toKVError('read', errors[0])
  return entries
}

function isValueWithMetadata(
  answer: unknown,
): answer is { readonly value: string; readonly metadata: unknown } {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    typeof (answer as { value?: unknown }).value === 'string'
  )
}
