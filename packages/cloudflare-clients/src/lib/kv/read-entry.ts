import { type KVEntry, toEntry } from './kv-entry.ts'
import { toKVError } from './kv-error.ts'

export interface ReadEntryOptions {
  /** Asked after KV has answered, so that what expires meanwhile is not given out. */
  readonly now: () => number
  /** For how long this location may answer from what it read before. Default: KV's own, 60. */
  readonly cacheTtlSeconds?: number | undefined
}

/** @returns What a read as text takes for its second argument. */
export function toTextRead(cacheTtlSeconds: number | undefined): KVNamespaceGetOptions<'text'> {
  return { type: 'text', ...(cacheTtlSeconds !== undefined && { cacheTtl: cacheTtlSeconds }) }
}

/**
 * Reads one key as text and metadata, which is billed as one read.
 *
 * @param key A physical key.
 * @throws {KVError} When KV fails.
 */
export async function readEntry(
  kv: KVNamespace,
  key: string,
  { now, cacheTtlSeconds }: ReadEntryOptions,
): Promise<KVEntry | null> {
  try {
    const { value, metadata } = await kv.getWithMetadata(key, toTextRead(cacheTtlSeconds))
    return toEntry(value, metadata, now())
  } catch (error) {
    throw toKVError('read', error)
  }
}
