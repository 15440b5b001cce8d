import { type CacheReadLine, summarizeReads } from './cache-reads.ts'

/**
 * What a page read from the cache so far, for whoever runs the site: everybody in development, owners elsewhere.
 *
 * Call it last in a page's `load`.
 *
 * @returns `null` for everybody else.
 */
export function shownReads({
  app,
  session,
  cacheReads,
}: Pick<App.Locals, 'app' | 'session' | 'cacheReads'>): readonly CacheReadLine[] | null {
  return app.development || session?.user.role === 'owner' ? summarizeReads(cacheReads) : null
}
