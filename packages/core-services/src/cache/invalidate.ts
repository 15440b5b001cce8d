import { keys, type CacheDefinition } from '@codex/cloudflare-clients'
import type { ServiceEventReporter } from './service-event.ts'

/** A cache entry that may be out of date. */
export interface StaleEntry {
  readonly key: string
  /** Rejects when KV fails. */
  readonly forget: () => Promise<void>
}

/** @param key The definition's own way from an id to the rest of the key. */
export function staleEntry<Id, T>(
  definition: CacheDefinition<Id, T>,
  {
    id,
    key,
  }: {
    readonly id: NoInfer<Id>
    readonly key: (id: NoInfer<Id>) => readonly [string, ...string[]]
  },
): StaleEntry {
  return {
    key: keys.cache(definition.name, ...key(id)),
    forget: () => definition.delete(id),
  }
}

/**
 * Deletes cache entries after the database has changed. The change stands whatever happens here, so a failure is
 * reported and returned, not thrown: the entries then stay stale until they end.
 *
 * They are deleted and not only expired, because whoever made the change sees it with the next page.
 *
 * @returns Whether every entry is gone.
 */
export async function invalidate(
  entries: readonly StaleEntry[],
  { onEvent }: { readonly onEvent: ServiceEventReporter },
): Promise<boolean> {
  const failed: string[] = []
  let error: unknown
  await Promise.all(
    entries.map(async ({ key, forget }) => {
      try {
        await forget()
      } catch (cause) {
        failed.push(key)
        error = cause
      }
    }),
  )
  if (failed.length > 0) onEvent({ type: 'cache_invalidation_failed', keys: failed, error })
  return failed.length === 0
}
