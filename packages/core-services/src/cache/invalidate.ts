import type { CacheClient } from '@codex/cloudflare-clients'
import type { ServiceEventReporter } from './service-event.ts'

/**
 * Deletes cache entries after the database has changed. The change stands whatever happens here, so a failure is
 * reported and returned, not thrown: the entries then stay stale until their TTL ends.
 *
 * @returns Whether every entry is gone.
 */
export async function invalidate(
  cache: CacheClient,
  keys: readonly string[],
  { onEvent }: { readonly onEvent: ServiceEventReporter },
): Promise<boolean> {
  if (keys.length === 0) return true
  try {
    await cache.deleteMany([...keys])
    return true
  } catch (error) {
    onEvent({ type: 'cache_invalidation_failed', keys, error })
    return false
  }
}
