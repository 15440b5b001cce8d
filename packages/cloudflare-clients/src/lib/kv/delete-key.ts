import { kvCall, KVError } from './kv-error.ts'
import { writeSpacingMs } from './kv-limits.ts'

/**
 * Deletes one key. A delete that KV refuses because the key was written less than a second ago is tried once more
 * after that second: an invalidation often follows a write at once, and must not be lost for it.
 *
 * @throws {KVError} When KV fails.
 * @see https://developers.cloudflare.com/kv/platform/limits/
 */
export async function deleteKey(kv: KVNamespace, key: string): Promise<void> {
  try {
    await kvCall('delete', () => kv.delete(key))
  } catch (error) {
    if (!(error instanceof KVError && error.code === 'rate_limited')) throw error
    await new Promise((resolve) => setTimeout(resolve, writeSpacingMs))
    await kvCall('delete', () => kv.delete(key))
  }
}
