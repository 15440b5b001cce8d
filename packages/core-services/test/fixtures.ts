import { env } from 'cloudflare:workers'
import { CacheClient } from '@codex/cloudflare-clients'
import { categories, content, createDatabase, creators, meterD1, users } from '@codex/database'

export const database = createDatabase(env.DB)

/** A cache on the real KV, quiet about the failures that a test causes. */
export function createCache(kv: KVNamespace = env.CACHE_KV, now: () => number = Date.now) {
  return new CacheClient(kv, { now, onEvent: () => undefined })
}

/** The real namespace in an outage: every call rejects as the platform's do. */
export function createFailingKV(): KVNamespace {
  return new Proxy(env.CACHE_KV, {
    get: () => () => Promise.reject(new Error('KV GET failed: 500 Internal Server Error')),
  })
}

/** A database that counts the queries it is asked. */
export function createMeteredDatabase() {
  const count = { queries: 0 }
  const metered = createDatabase(
    meterD1(env.DB, (queries) => {
      count.queries += queries
    }),
  )
  return { database: metered, count }
}

export async function addUser(id: string, options: { readonly createdAtMs?: number } = {}) {
  await database.insert(users).values({
    id,
    name: `Name of ${id}`,
    email: `${id}@codex.example`,
    ...(options.createdAtMs === undefined ? {} : { createdAt: new Date(options.createdAtMs) }),
  })
  return id
}

export async function addCreator(id: string) {
  await addUser(id)
  await database.insert(creators).values({
    userId: id,
    handle: id,
    displayName: `Studio ${id}`,
    storagePrefix: `creators/${id}`,
  })
  return id
}

export async function addCategory(slug: string, position = 0) {
  await database
    .insert(categories)
    .values({ id: `category-${slug}`, slug, name: slug.toUpperCase(), position })
  return `category-${slug}`
}

export interface NewItem {
  readonly id: string
  readonly creatorId: string
  readonly categoryId: string
  readonly publishedAtMs?: number
  readonly featured?: boolean
}

/** Published when it has a time of publishing, otherwise a draft. */
function insertItem({ id, creatorId, categoryId, publishedAtMs, featured }: NewItem) {
  return database.insert(content).values({
    id,
    slug: id,
    title: `Title of ${id}`,
    creatorId,
    categoryId,
    priceCents: 500,
    featured: featured ?? false,
    ...(publishedAtMs === undefined
      ? {}
      : { status: 'published', publishedAt: new Date(publishedAtMs) }),
  })
}

export async function addItem(item: NewItem) {
  await insertItem(item)
  return item.id
}

export async function addItems(items: readonly NewItem[]) {
  const [first, ...rest] = items.map(insertItem)
  if (first !== undefined) await database.batch([first, ...rest])
}

/** The success of a result, or a failure of the test that says what came instead. */
export function expectOk<T extends { readonly ok: boolean }>(result: T): Extract<T, { ok: true }> {
  if (!result.ok) throw new Error(`Expected success, received ${JSON.stringify(result)}`)
  return result as Extract<T, { ok: true }>
}
