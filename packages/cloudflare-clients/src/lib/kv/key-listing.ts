import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import type { Timers } from '../shared/timers.ts'
import { deleteKey } from './delete-key.ts'
import { kvCall, toKVError } from './kv-error.ts'
import { kvLimits } from './kv-limits.ts'

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

export interface DeleteKeysOptions {
  /** How many deletes may be under way at once. Default 6. */
  readonly concurrency?: number | undefined
  /** How many lists and deletes may be billed, from 2. Default: as many as it takes. */
  readonly maxOperations?: number | undefined
  /** Where an earlier call stopped. */
  readonly cursor?: string | undefined
  /** For the wait before a delete is tried again. Default: the global ones. */
  readonly timers?: Timers | undefined
}

/**
 * Deletes every key under a prefix, page by page. Every key is tried, also after one failed.
 *
 * @returns How many were deleted, and where to go on when the budget ended first.
 * @throws {KVError} The first failure, after all that were listed were tried.
 */
export async function deleteKeysUnder(
  kv: KVNamespace,
  prefix: string,
  options: DeleteKeysOptions = {},
): Promise<{ readonly deletedKeys: number; readonly cursor: string | null }> {
  const { concurrency = defaultDeleteConcurrency, timers } = options
  let { maxOperations = Infinity, cursor } = options
  let deletedKeys = 0
  const failures: unknown[] = []
  for (;;) {
    const limit = Math.min(kvLimits.maxListKeys, maxOperations - 1)
    const listOptions = { prefix, limit, ...(cursor !== undefined && { cursor }) }
    const page = await kvCall('list', () => kv.list(listOptions))
    const errors = await forEachConcurrent(page.keys, concurrency, async ({ name }) => {
      await deleteKey(kv, name, { timers })
      deletedKeys++
    })
    failures.push(...errors)
    maxOperations -= 1 + page.keys.length
    if (page.list_complete || maxOperations < 2) {
      if (failures.length > 0) throw toKVError('delete', failures[0])
      return { deletedKeys, cursor: page.list_complete ? null : page.cursor }
    }
    cursor = page.cursor
  }
}
