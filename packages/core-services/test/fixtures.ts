import { env } from 'cloudflare:workers'
import { CacheClient } from '@codex/cloudflare-clients'
import { createVirtualClock, type VirtualClock } from '@codex/cloudflare-clients/testing'
import { categories, content, createDatabase, creators, meterD1, users } from '@codex/database'

export const database = createDatabase(env.DB)

/**
 * A cache on the real KV as an isolate has it, quiet about the failures that a test causes.
 *
 * Its clock stands still until the test moves it. So a write that KV would refuse within a second of the last one waits for
 * the test, and none comes late into the next.
 */
export function createCache(
  kv: KVNamespace = env.CACHE_KV,
  clock: VirtualClock = createVirtualClock({ startMs: Date.now() }),
) {
  return new CacheClient(kv, {
    now: clock.now,
    timers: clock,
    random: () => 0,
    onEvent: () => undefined,
  })
}

/** The real database, which a test can take down. */
export function createBreakableDatabase() {
  const outage = { on: false }
  const d1 = new Proxy(env.DB, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        if (outage.on) throw new Error('D1_ERROR: Network connection lost.')
        return Reflect.apply(member, target, args)
      }
    },
  })
  return { database: createDatabase(d1), outage }
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
