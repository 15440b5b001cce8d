import { toUsableKey } from '../kv/kv-key.ts'
import { allTried } from '../shared/all-tried.ts'
import type { CacheCore } from './cache-core.ts'
import { markerLifetimeMs } from './cache-limits.ts'
import { noteEnd } from './note-end.ts'

/**
 * Writes a stamp under each marker: what was loaded before it is over.
 *
 * @throws {KVError} The first failure, after every marker was tried.
 */
export async function endMarkers(
  { kv, records, detach }: CacheCore,
  keys: readonly string[],
): Promise<void> {
  const stampMs = records.nextStamp()
  for (const key of keys) noteEnd(records, key, { stampMs, checkedAtMs: stampMs })
  // What is loading now began before: nobody may join it any more.
  detach()
  const writes = Array.from(new Set(keys), async (key) => {
    const name = await toUsableKey(key)
    // Each try has a stamp of its own: another isolate may have written one between.
    const send = (): Promise<void> =>
      kv.put(name, String(records.nextStamp()), { expirationTtl: markerLifetimeMs / 1000 })
    await records.write(key, send, { operation: 'write', isUrgent: true })
  })
  await allTried(writes)
}
