import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { deleteKey } from './delete-key.ts'
import { kvCall, toKVError } from './kv-error.ts'

/** KV allows six connections to wait for their first byte at once. */
const defaultDeleteConcurrency = 6

/**
 * Every key under a physical prefix, page by page. A page may be empty while more follow: only `list_complete` ends it.
 *
 * @throws {KVError} When KV fails.
 * @see https://developers.cloudflare.com/kv/api/list-keys/
 */
export async function* iterateKeys(
  kv: KVNamespace,
  prefix: string,
): AsyncGenerator<KVNamespaceListKey<unknown>, void, undefined> {
  let cursor: string | undefined
  for (;;) {
    const options = cursor === undefined ? { prefix } : { prefix, cursor }
    const page = await kvCall('list', () => kv.list(options))
    yield* page.keys
    if (page.list_complete) return
    cursor = page.cursor
  }
}

/**
 * Deletes keys with bounded concurrency. Every key is tried, also after one failed.
 *
 * @returns How many were deleted.
 * @throws {KVError} The first failure, after all keys were tried.
 */
async function deleteKeys(
  kv: KVNamespace,
  keys: Iterable<string> | AsyncIterable<string>,
  concurrency = defaultDeleteConcurrency,
): Promise<number> {
  let deletedKeys = 0
  const errors = await forEachConcurrent(keys, concurrency, async (key) => {
    await deleteKey(kv, key)
    deletedKeys++
  })
  if (errors.length > 0) throw toKVError('delete', errors[0])
  return deletedKeys
}

/** Deletes what {@link iterateKeys} finds under the prefix. */
export async function deleteKeysUnder(
  kv: KVNamespace,
  prefix: string,
  concurrency?: number,
): Promise<number> {
  const names = async function* (): AsyncGenerator<string, void, undefined> {
    for await (const { name } of iterateKeys(kv, prefix)) yield name
  }
  return deleteKeys(kv, names(), concurrency)
}
