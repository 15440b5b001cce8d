import { type KVEntry, toEntry } from './kv-entry.ts'
import { toKVError } from './kv-error.ts'
import { readEntry, type ReadEntryOptions } from './read-entry.ts'

/**
 * Reads at most 100 keys in one call, as text and metadata.
 *
 * KV's bulk read has quirks that this hides: integer-like keys are missing from its result; an empty text comes back
 * bare, without metadata; a result over 25 MiB fails the whole call. Keys that it did not answer properly are read
 * again one by one, all of them where the call is too large.
 *
 * @param keys Physical keys, each once, or promises of them that do not reject.
 * @returns An entry for every key, in their order, `null` where there is none.
 * @throws {KVError} When KV fails.
 * @see https://developers.cloudflare.com/kv/api/read-key-value-pairs/#multiple-keys
 */
export async function readBulk(
  kv: KVNamespace,
  keys: readonly (string | Promise<string>)[],
  options: ReadEntryOptions,
): Promise<(KVEntry | null)[]> {
  const [onlyKey = ''] = keys
  // A read of one key has none of the quirks.
  if (keys.length === 1) return [await readEntry(kv, onlyKey, options)]
  const names = await Promise.all(keys.map(async (key) => key))
  let found = new Map<string, unknown>()
  try {
    found = await kv.getWithMetadata(names, options.read)
  } catch (cause) {
    const error = toKVError('read', cause)
    if (error.code !== 'too_large') throw error
  }
  return Promise.all(
    names.map(async (key) => {
      // An entry, null, a bare text, or missing.
      const answer = found.get(key)
      if (answer === null) return null
      const { value, metadata } = Object(answer) as Partial<
        KVNamespaceGetWithMetadataResult<string, unknown>
      >
      return typeof value === 'string'
        ? toEntry(value, metadata, options.now())
        : readEntry(kv, key, options)
    }),
  )
}
