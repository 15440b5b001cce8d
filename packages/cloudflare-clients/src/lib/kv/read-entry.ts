import { type KVEntry, toEntry } from './kv-entry.ts'
import { toKVError } from './kv-error.ts'

/** Of a read as text, which is what KV gives when no type is named. */
export type ReadOptions = Partial<KVNamespaceGetOptions<undefined>>

export interface ReadEntryOptions {
  /** Asked after KV has answered, so that what expires meanwhile is not given out. */
  readonly now: () => number
  /** For how long this location may answer from what it read before. Default: KV's own, 60 seconds. */
  readonly read?: ReadOptions | undefined
}

/**
 * Reads one key as text and metadata, which is billed as one read.
 *
 * @param key A physical key, or a promise of one that does not reject.
 * @throws {KVError} When KV fails.
 */
export async function readEntry(
  kv: KVNamespace,
  key: string | Promise<string>,
  { now, read }: ReadEntryOptions,
): Promise<KVEntry | null> {
  try {
    const { value, metadata } = await kv.getWithMetadata(await key, read)
    return toEntry(value, metadata, now())
  } catch (error) {
    throw toKVError('read', error)
  }
}
