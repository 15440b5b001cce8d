import type { App } from './app.ts'

// D1 binds at most 100 parameters to one statement.
const maxIdsPerQuery = 100

/** The category of each of these items, which its cover is drawn by. */
export async function categorySlugs(
  { database, content }: Pick<App, 'database' | 'content'>,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (contentIds.length === 0) return new Map()
  const chunks = Array.from({ length: Math.ceil(contentIds.length / maxIdsPerQuery) }, (_, index) =>
    contentIds.slice(index * maxIdsPerQuery, (index + 1) * maxIdsPerQuery),
  )
  const [categories, ...rows] = await Promise.all([
    content.listCategories(),
    ...chunks.map((ids) =>
      database.query.content.findMany({
        columns: { id: true, categoryId: true },
        where: (table, { inArray }) => inArray(table.id, [...ids]),
      }),
    ),
  ])
  const slugs = new Map(categories.map(({ id, slug }) => [id, slug]))
  return new Map(rows.flat().map(({ id, categoryId }) => [id, slugs.get(categoryId) ?? '']))
}
