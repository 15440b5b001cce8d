import { content, type Database } from '@codex/database'
import { and, desc, eq } from 'drizzle-orm'
import { invalidate } from '../cache/invalidate.ts'
import type { ServiceEventReporter } from '../cache/service-event.ts'
import { notFound } from '../validation/parse-input.ts'
import { staleFeatured, type ContentCache } from './content-cache.ts'
import type { ContentService } from './content-service.ts'

/** What the owner puts in front, never read through the cache. */
export function createFeaturedContent({
  database,
  cache,
  onEvent,
}: {
  readonly database: Database
  readonly cache: ContentCache
  readonly onEvent: ServiceEventReporter
}): Pick<ContentService, 'listAllFeatured' | 'setFeatured'> {
  return {
    async listAllFeatured() {
      const rows = await database
        .select({ slug: content.slug, title: content.title, status: content.status })
        .from(content)
        .where(eq(content.featured, true))
        .orderBy(desc(content.publishedAt), desc(content.id))
      return rows.map(({ status, ...row }) => ({ ...row, published: status === 'published' }))
    },

    async setFeatured(slug, featured) {
      // What is off the shelves can be taken down, so that it is not in front again when it comes back.
      const published = featured ? eq(content.status, 'published') : undefined
      const [changed] = await database
        .update(content)
        .set({ featured })
        .where(and(eq(content.slug, slug), published))
        .returning({ slug: content.slug, title: content.title })
      if (changed === undefined) return notFound
      const cacheInvalidated = await invalidate([staleFeatured(cache)], { onEvent })
      return { ok: true, ...changed, cacheInvalidated }
    },
  }
}
