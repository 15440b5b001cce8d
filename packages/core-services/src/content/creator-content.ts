import { categories, content, creators, mediaItems, type Database } from '@codex/database'
import { and, eq, sql } from 'drizzle-orm'
import { invalidate } from '../cache/invalidate.ts'
import type { ServiceEventReporter } from '../cache/service-event.ts'
import { insertWithSlug } from '../slug/insert-with-slug.ts'
import { slugify } from '../slug/slugify.ts'
import {
  invalidInput,
  notFound,
  parseInput,
  type InputIssue,
  type NotFound,
} from '../validation/parse-input.ts'
import { entriesShowing, type ContentCache } from './content-cache.ts'
import { contentDraftSchema, contentPatchSchema, platformCurrency } from './content-input.ts'
import { after, selectForCreator, toCreatorContent } from './content-queries.ts'
import type { ContentChange, ContentService } from './content-service.ts'
import type { CreatorContent } from './content-shapes.ts'
import { pageSchema, toPage } from './page.ts'

type ContentUpdate = Parameters<ReturnType<typeof updateContent>['set']>[0]

function updateContent(database: Database) {
  return database.update(content)
}

/** What a creator reads and changes of their own, never through the cache. */
export function createCreatorContent({
  database,
  cache,
  now,
  onEvent,
}: {
  readonly database: Database
  readonly cache: ContentCache
  readonly now: () => number
  readonly onEvent: ServiceEventReporter
}): Pick<
  ContentService,
  'listByCreator' | 'getForCreator' | 'createDraft' | 'update' | 'publish' | 'unpublish'
> {
  const getForCreator = async (creatorId: string, id: string): Promise<CreatorContent | null> => {
    const [row] = await selectForCreator(database, {
      creatorId,
      where: eq(content.id, id),
      limit: 1,
    })
    return row === undefined ? null : toCreatorContent(row)
  }

  /** Issues with ids that name nothing, or an upload of someone else. */
  const checkReferences = async (
    creatorId: string,
    references: {
      readonly categoryId?: string | undefined
      readonly mediaItemId?: string | null | undefined
    },
  ): Promise<readonly InputIssue[]> => {
    const { categoryId, mediaItemId } = references
    const issues: InputIssue[] = []
    if (categoryId !== undefined) {
      const rows = await database
        .select({ id: categories.id })
        .from(categories)
        .where(eq(categories.id, categoryId))
      if (rows.length === 0) issues.push({ path: 'categoryId', message: 'Choose a category' })
    }
    if (mediaItemId !== undefined && mediaItemId !== null) {
      const rows = await database
        .select({ id: mediaItems.id })
        .from(mediaItems)
        .where(and(eq(mediaItems.id, mediaItemId), eq(mediaItems.creatorId, creatorId)))
      if (rows.length === 0) {
        issues.push({ path: 'mediaItemId', message: 'Choose one of your own uploads' })
      }
    }
    return issues
  }

  /**
   * Before, change and after in one transaction: whatever else changes the item at this moment, `before` is the state
   * that this change replaced, and so the entries that show it are known exactly.
   */
  const change = async (
    { creatorId, id }: { readonly creatorId: string; readonly id: string },
    fields: ContentUpdate,
  ): Promise<ContentChange | NotFound> => {
    const own = { creatorId, where: eq(content.id, id), limit: 1 }
    const [[before], , [changed]] = await database.batch([
      selectForCreator(database, own),
      updateContent(database)
        .set({ ...fields, updatedAt: new Date(now()) })
        .where(and(eq(content.id, id), eq(content.creatorId, creatorId))),
      selectForCreator(database, own),
    ])
    if (before === undefined || changed === undefined) return notFound

    const current = toCreatorContent(changed)
    const versions = [toCreatorContent(before), current]
    const stale = entriesShowing(cache, { versions, creatorId })
    const cacheInvalidated = await invalidate(stale, { onEvent })
    return { ok: true, content: current, cacheInvalidated }
  }

  return {
    getForCreator,

    async listByCreator(creatorId, page = {}) {
      const parsed = parseInput(pageSchema, page)
      if (!parsed.ok) return parsed
      const { cursor, pageSize } = parsed.value
      const rows = await selectForCreator(database, {
        creatorId,
        where: after(content.createdAt, cursor),
        limit: pageSize + 1,
      })
      const positionOf = (item: CreatorContent) => ({
        atMs: Date.parse(item.createdAt),
        id: item.id,
      })
      return { ok: true, ...toPage(rows.map(toCreatorContent), { pageSize, positionOf }) }
    },

    async createDraft(creatorId, input) {
      const parsed = parseInput(contentDraftSchema, input)
      if (!parsed.ok) return parsed
      const [creator] = await database
        .select({ id: creators.userId })
        .from(creators)
        .where(eq(creators.userId, creatorId))
      if (creator === undefined) return notFound
      const issues = await checkReferences(creatorId, parsed.value)
      if (issues.length > 0) return invalidInput(...issues)

      const createdAt = new Date(now())
      const id = await insertWithSlug(slugify(parsed.value.title, 'item'), async (slug) => {
        const [row] = await database
          .insert(content)
          .values({
            ...parsed.value,
            slug,
            creatorId,
            currency: platformCurrency,
            createdAt,
            updatedAt: createdAt,
          })
          .onConflictDoNothing({ target: content.slug })
          .returning({ id: content.id })
        return row?.id
      })
      const draft = await getForCreator(creatorId, id)
      // No list and no page shows a draft, so nothing that is cached is stale.
      return draft === null ? notFound : { ok: true, content: draft, cacheInvalidated: true }
    },

    async update(creatorId, id, patch) {
      const parsed = parseInput(contentPatchSchema, patch)
      if (!parsed.ok) return parsed
      const issues = await checkReferences(creatorId, parsed.value)
      if (issues.length > 0) return invalidInput(...issues)
      return change({ creatorId, id }, parsed.value)
    },

    publish(creatorId, id) {
      return change(
        { creatorId, id },
        { status: 'published', publishedAt: sql`coalesce(${content.publishedAt}, ${now()})` },
      )
    },

    unpublish(creatorId, id) {
      return change({ creatorId, id }, { status: 'draft' })
    },
  }
}
