import { categories, content, creators, users, type Database } from '@codex/database'
import { and, desc, eq, isNotNull, ne, sql, type SQL } from 'drizzle-orm'
import type { ContentSummary, CreatorContent } from './content-shapes.ts'
import type { Position } from './page.ts'

const isPublished = and(eq(content.status, 'published'), isNotNull(content.publishedAt))
const isWithdrawn = and(ne(content.status, 'published'), isNotNull(content.publishedAt))

/** Rows that come after the position in a list that is newest first. */
export function after(
  column: typeof content.publishedAt | typeof content.createdAt,
  position: Position | undefined,
): SQL | undefined {
  return position && sql`(${column}, ${content.id}) < (${position.atMs}, ${position.id})`
}

const summaryColumns = {
  id: content.id,
  slug: content.slug,
  title: content.title,
  summary: content.summary,
  priceCents: content.priceCents,
  currency: content.currency,
  mediaItemId: content.mediaItemId,
  publishedAtMs: sql<number>`${content.publishedAt}`,
  categorySlug: categories.slug,
  categoryName: categories.name,
  creatorId: content.creatorId,
  creatorHandle: creators.handle,
  creatorName: sql<string>`coalesce(${creators.displayName}, ${users.name})`,
}

type SummaryRow = Awaited<ReturnType<typeof selectPublished>>[number]

/** Published items without their bodies, newest first. */
export function selectPublished(
  database: Database,
  { where, limit }: { readonly where?: SQL | undefined; readonly limit: number },
) {
  return database
    .select(summaryColumns)
    .from(content)
    .innerJoin(categories, eq(categories.id, content.categoryId))
    .innerJoin(users, eq(users.id, content.creatorId))
    .leftJoin(creators, eq(creators.userId, content.creatorId))
    .where(and(isPublished, where))
    .orderBy(desc(content.publishedAt), desc(content.id))
    .limit(limit)
}

export function selectBySlug(
  database: Database,
  { slug, state }: { readonly slug: string; readonly state: 'published' | 'withdrawn' },
) {
  return database
    .select({ ...summaryColumns, body: content.body })
    .from(content)
    .innerJoin(categories, eq(categories.id, content.categoryId))
    .innerJoin(users, eq(users.id, content.creatorId))
    .leftJoin(creators, eq(creators.userId, content.creatorId))
    .where(and(state === 'published' ? isPublished : isWithdrawn, eq(content.slug, slug)))
}

export function toSummary(row: SummaryRow): ContentSummary {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    summary: row.summary,
    priceCents: row.priceCents,
    currency: row.currency,
    mediaItemId: row.mediaItemId,
    category: { slug: row.categorySlug, name: row.categoryName },
    creator: { id: row.creatorId, handle: row.creatorHandle, displayName: row.creatorName },
    publishedAt: new Date(row.publishedAtMs).toISOString(),
  }
}

// In a D1 batch a row arrives as an object, so two columns of one name would be one: joined columns get their own.
const creatorColumns = {
  id: content.id,
  slug: content.slug,
  title: content.title,
  summary: content.summary,
  body: content.body,
  priceCents: content.priceCents,
  currency: content.currency,
  featured: content.featured,
  status: content.status,
  mediaItemId: content.mediaItemId,
  publishedAt: content.publishedAt,
  createdAt: content.createdAt,
  updatedAt: content.updatedAt,
  categoryId: content.categoryId,
  categorySlug: sql<string>`${categories.slug}`.as('category_slug'),
  categoryName: sql<string>`${categories.name}`.as('category_name'),
}

type CreatorRow = Awaited<ReturnType<typeof selectForCreator>>[number]

/** A creator's own items. The creator's id is a condition of every query, never a check afterwards. */
export function selectForCreator(
  database: Database,
  { creatorId, where, limit }: { creatorId: string; where?: SQL | undefined; limit: number },
) {
  return database
    .select(creatorColumns)
    .from(content)
    .innerJoin(categories, eq(categories.id, content.categoryId))
    .where(and(eq(content.creatorId, creatorId), where))
    .orderBy(desc(content.createdAt), desc(content.id))
    .limit(limit)
}

export function toCreatorContent(row: CreatorRow): CreatorContent {
  const { categoryId, categorySlug, categoryName, publishedAt, createdAt, updatedAt, ...fields } =
    row
  return {
    ...fields,
    category: { id: categoryId, slug: categorySlug, name: categoryName },
    publishedAt: publishedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
