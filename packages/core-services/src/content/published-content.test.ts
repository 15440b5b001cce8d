import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { categories, content } from '@codex/database'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addCategory,
  addCreator,
  addItem,
  addItems,
  createBreakableDatabase,
  createCache,
  createFailingKV,
  createMeteredDatabase,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import { createContentService, type Page } from './content-service.ts'
import type { ContentSummary } from './content-shapes.ts'
import type { ListPublishedInput } from './page.ts'

const start = Date.UTC(2026, 5, 1)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await database.delete(categories)
  await addCreator('ada')
  await addCategory('audio', 1)
  await addCategory('video', 0)
})
afterEach(() => reset())

async function addMany(count: number, categoryId = 'category-audio') {
  const items = Array.from({ length: count }, (_, number) => ({
    id: `${categoryId}-${String(number).padStart(3, '0')}`,
    creatorId: 'ada',
    categoryId,
    publishedAtMs: start + number * 1000,
  }))
  await addItems(items)
}

function createService(kv: KVNamespace = env.CACHE_KV) {
  const metered = createMeteredDatabase()
  const service = createContentService({ database: metered.database, cache: createCache(kv) })
  return { service, count: metered.count }
}

async function collect(
  service: ReturnType<typeof createContentService>,
  input: { categorySlug?: string; pageSize?: number },
) {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: Page<ContentSummary> = expectOk(
      await service.listPublished({ ...input, ...(cursor ? { cursor } : {}) }),
    )
    ids.push(...page.items.map((item) => item.id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return ids
}

describe('listPublished', () => {
  it('gives 12 items by default, the newest first, and a cursor for the rest', async () => {
    await addMany(14)
    const { service } = createService()
    const first = expectOk(await service.listPublished())
    expect(first.items).toHaveLength(12)
    expect(first.items[0]).toEqual({
      id: 'category-audio-013',
      slug: 'category-audio-013',
      title: 'Title of category-audio-013',
      summary: '',
      priceCents: 500,
      currency: 'usd',
      mediaItemId: null,
      category: { slug: 'audio', name: 'AUDIO' },
      creator: { id: 'ada', handle: 'ada', displayName: 'Studio ada' },
      publishedAt: '2026-06-01T00:00:13.000Z',
    })
    const second = expectOk(await service.listPublished({ cursor: first.nextCursor ?? '' }))
    expect(second.items.map((item) => item.id)).toEqual([
      'category-audio-001',
      'category-audio-000',
    ])
    expect(second.nextCursor).toBeNull()
  })

  it.each([1, 7, 12, 47, 48])(
    'walks every item once in pages of %i, cold and warm',
    async (size) => {
      await addMany(61)
      const all = Array.from(
        { length: 61 },
        (_, n) => `category-audio-${String(60 - n).padStart(3, '0')}`,
      )
      for (const kv of [env.CACHE_KV, env.CACHE_KV, createEmptyKV(), createFailingKV()]) {
        expect(await collect(createService(kv).service, { pageSize: size })).toEqual(all)
      }
    },
  )

  it.each([47, 48, 49, 96])('ends a list of %i items without an empty page', async (count) => {
    await addMany(count)
    const { service } = createService()
    const first = expectOk(await service.listPublished({ pageSize: 48 }))
    expect(first.nextCursor === null).toBe(count <= 48)
    expect(await collect(service, { pageSize: 48 })).toHaveLength(count)
  })

  it('orders items of the same instant by id and loses none between pages', async () => {
    for (const id of ['b', 'd', 'a', 'c']) {
      await addItem({ id, creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: start })
    }
    const { service } = createService()
    expect(await collect(service, { pageSize: 1 })).toEqual(['d', 'c', 'b', 'a'])
    expect(await collect(createService(createEmptyKV()).service, { pageSize: 1 })).toEqual([
      'd',
      'c',
      'b',
      'a',
    ])
  })

  it('lists one category, without drafts', async () => {
    await addMany(2)
    await addMany(3, 'category-video')
    await addItem({ id: 'draft', creatorId: 'ada', categoryId: 'category-video' })
    const { service } = createService()
    expect(await collect(service, { categorySlug: 'video' })).toHaveLength(3)
    expect(await collect(service, {})).toHaveLength(5)
  })

  it('returns the same from the database and from the cache, and asks the database once for the first 48', async () => {
    await addMany(60)
    const { service, count } = createService()
    const miss = await service.listPublished({ categorySlug: 'audio' })
    expect(count.queries).toBe(1)
    const hit = await service.listPublished({ categorySlug: 'audio' })
    expect(hit).toEqual(miss)
    const second = { categorySlug: 'audio', cursor: expectOk(hit).nextCursor ?? '' }
    const warm = await service.listPublished(second)
    expect(count.queries).toBe(1)
    expect(await createService(createEmptyKV()).service.listPublished(second)).toEqual(warm)
  })

  it('answers an unknown category with not_found and stores nothing for it', async () => {
    const { service } = createService()
    for (const categorySlug of ['nothing', '../../etc', '', 'ÄÖ', 'x'.repeat(10_000)]) {
      expect(await service.listPublished({ categorySlug })).toEqual({
        ok: false,
        reason: 'not_found',
      })
      expect(await service.listPublished({ categorySlug, cursor: '1_x' })).toMatchObject({
        ok: false,
      })
    }
    expect((await env.CACHE_KV.list()).keys).toEqual([])
  })

  it('gives an empty page for a category that has nothing', async () => {
    const { service } = createService()
    const empty = { ok: true, items: [], nextCursor: null }
    expect(await service.listPublished({ categorySlug: 'video' })).toEqual(empty)
    expect(await service.listPublished({ categorySlug: 'video' })).toEqual(empty)
  })

  it.each([
    [{ cursor: '' }, 'cursor'],
    [{ cursor: 'x' }, 'cursor'],
    [{ cursor: "1_'; drop table content" }, 'cursor'],
    [{ pageSize: 0 }, 'pageSize'],
    [{ pageSize: 49 }, 'pageSize'],
    [{ pageSize: 1.5 }, 'pageSize'],
    [{ pageSize: Number.NaN }, 'pageSize'],
    [{ page: 2 }, 'page'],
  ])('refuses %o and names the field', async (input, path) => {
    const { service } = createService()
    const result = await service.listPublished(input as ListPublishedInput)
    expect(result).toEqual({
      ok: false,
      reason: 'invalid_input',
      issues: [{ path, message: expect.any(String) as unknown }],
    })
  })

  it('goes on from a cursor whose item was unpublished meanwhile', async () => {
    await addMany(5)
    const { service } = createService()
    const first = expectOk(await service.listPublished({ pageSize: 2 }))
    expectOk(await service.unpublish('ada', 'category-audio-003'))
    const second = expectOk(
      await service.listPublished({ pageSize: 2, cursor: first.nextCursor ?? '' }),
    )
    expect(second.items.map((item) => item.id)).toEqual([
      'category-audio-002',
      'category-audio-001',
    ])
  })

  it.each(['{not json', '[]', 'null', '{"items":[{"id":1}],"complete":true}', '"text"'])(
    'asks the database when the cached list is %s',
    async (damaged) => {
      await addMany(3)
      await env.CACHE_KV.put('cache:content-list:newest', damaged)
      const { service } = createService()
      expect(await collect(service, { pageSize: 2 })).toHaveLength(3)
    },
  )
})

describe('getPublishedBySlug, fresh', () => {
  it('gives the price and the status of this moment where the cache still has older ones', async () => {
    await addItem({
      id: 'one',
      creatorId: 'ada',
      categoryId: 'category-audio',
      publishedAtMs: start,
    })
    const { service } = createService()
    await service.getPublishedBySlug('one')
    // As another location changes it, whose deletion of the entry has not arrived here.
    const one = eq(content.id, 'one')
    await database.update(content).set({ priceCents: 900 }).where(one)
    expect(await service.getPublishedBySlug('one')).toMatchObject({ priceCents: 500 })
    expect(await service.getPublishedBySlug('one', { fresh: true })).toMatchObject({
      priceCents: 900,
    })
    await database.update(content).set({ status: 'draft' }).where(one)
    expect(await service.getPublishedBySlug('one', { fresh: true })).toBeNull()
    expect(await service.getPublishedBySlug('../x', { fresh: true })).toBeNull()
  })
})

describe('getWithdrawnBySlug', () => {
  it('gives an item that was published once, and neither one that still is nor a draft that never was', async () => {
    await addItems([
      { id: 'sold', creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: start },
      { id: 'draft', creatorId: 'ada', categoryId: 'category-audio' },
    ])
    const { service } = createService()
    const published = await service.getPublishedBySlug('sold')
    expect(await service.getWithdrawnBySlug('sold')).toBeNull()
    expectOk(await service.unpublish('ada', 'sold'))
    expect(await service.getPublishedBySlug('sold')).toBeNull()
    expect(await service.getWithdrawnBySlug('sold')).toEqual(published)
    for (const slug of ['draft', 'unknown', '', '../x']) {
      expect(await service.getWithdrawnBySlug(slug)).toBeNull()
    }
  })

  it('caches nothing', async () => {
    await addItem({
      id: 'sold',
      creatorId: 'ada',
      categoryId: 'category-audio',
      publishedAtMs: start,
    })
    const { service } = createService()
    expectOk(await service.unpublish('ada', 'sold'))
    await service.getWithdrawnBySlug('sold')
    expect((await env.CACHE_KV.list()).keys).toEqual([])
  })
})

describe('listPublishedByCreator', () => {
  it('gives what the creator has published, without drafts and others’ items, from the cache once it is warm', async () => {
    await addMany(3)
    await addCreator('bob')
    await addItem({
      id: 'bobs',
      creatorId: 'bob',
      categoryId: 'category-audio',
      publishedAtMs: start,
    })
    await addItem({ id: 'draft', creatorId: 'ada', categoryId: 'category-audio' })
    const { service, count } = createService()
    const miss = await service.listPublishedByCreator('ada', { pageSize: 2 })
    const first = expectOk(miss)
    expect(first.items.map((item) => item.id)).toEqual(['category-audio-002', 'category-audio-001'])
    const queries = count.queries
    expect(await service.listPublishedByCreator('ada', { pageSize: 2 })).toEqual(miss)
    const rest = { pageSize: 2, cursor: first.nextCursor ?? '' }
    const second = expectOk(await service.listPublishedByCreator('ada', rest))
    expect(second.items.map((item) => item.id)).toEqual(['category-audio-000'])
    expect(second.nextCursor).toBeNull()
    expect(count.queries).toBe(queries)
  })

  it('gives the same with KV failing', async () => {
    await addMany(3)
    const warm = await createService().service.listPublishedByCreator('ada')
    expect(await createService(createFailingKV()).service.listPublishedByCreator('ada')).toEqual(
      warm,
    )
  })

  it('gives an empty list of a creator without items, and caches nothing of who is none', async () => {
    const { service } = createService()
    expect(expectOk(await service.listPublishedByCreator('ada')).items).toEqual([])
    expect(await service.listPublishedByCreator('nobody')).toEqual({
      ok: false,
      reason: 'not_found',
    })
    const { keys } = await env.CACHE_KV.list()
    expect(keys.map(({ name }) => name)).toEqual(['cache:content-list:creator:ada'])
  })

  it('refuses a cursor that no page returned', async () => {
    const result = await createService().service.listPublishedByCreator('ada', { cursor: 'x' })
    expect(result).toMatchObject({ ok: false, issues: [{ path: 'cursor' }] })
  })
})

describe('listFeatured', () => {
  it('gives at most six featured published items, the newest first, from the cache the second time', async () => {
    for (let number = 0; number < 8; number++) {
      await addItem({
        id: `f${number}`,
        creatorId: 'ada',
        categoryId: 'category-audio',
        publishedAtMs: start + number,
        featured: true,
      })
    }
    await addItem({ id: 'draft', creatorId: 'ada', categoryId: 'category-audio', featured: true })
    const { service, count } = createService()
    const miss = await service.listFeatured()
    expect(miss.map((item) => item.id)).toEqual(['f7', 'f6', 'f5', 'f4', 'f3', 'f2'])
    expect(await service.listFeatured()).toEqual(miss)
    expect(count.queries).toBe(1)
  })
})

describe('getPublishedBySlug', () => {
  it('gives the whole item, equal from the database and from the cache', async () => {
    await addMany(1)
    await database
      .update(content)
      .set({ body: 'Long text' })
      .where(eq(content.id, 'category-audio-000'))
    const { service, count } = createService()
    const miss = await service.getPublishedBySlug('category-audio-000')
    expect(miss).toMatchObject({ body: 'Long text', category: { slug: 'audio' } })
    expect(await service.getPublishedBySlug('category-audio-000')).toEqual(miss)
    expect(count.queries).toBe(1)
  })

  it('gives null for drafts, unknown slugs and what is no slug, and stores nothing', async () => {
    await addItem({ id: 'draft', creatorId: 'ada', categoryId: 'category-audio' })
    const { service } = createService()
    for (const slug of ['draft', 'nothing', '', '..', 'a b', 'x'.repeat(1000)]) {
      expect(await service.getPublishedBySlug(slug)).toBeNull()
    }
    expect((await env.CACHE_KV.list()).keys).toEqual([])
  })
})

describe('listCategories', () => {
  it('gives the categories in their order, equal from the database and from the cache', async () => {
    const { service, count } = createService()
    const miss = await service.listCategories()
    expect(miss.map((category) => category.slug)).toEqual(['video', 'audio'])
    expect(await service.listCategories()).toEqual(miss)
    expect(count.queries).toBe(1)
  })
})

describe('while the database fails', () => {
  const item = { id: 'one', creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: start }

  /** What every public page reads. */
  const readAll = (service: ReturnType<typeof createContentService>) =>
    Promise.all([
      service.listCategories(),
      service.listPublished(),
      service.listPublished({ categorySlug: 'audio' }),
      service.listPublishedByCreator('ada'),
      service.listFeatured(),
      service.getPublishedBySlug('one'),
    ])

  async function startOutage() {
    await addItem({ ...item, featured: true })
    const { database: breakable, outage } = createBreakableDatabase()
    const clock = createVirtualClock()
    const createIsolate = () =>
      createContentService({ database: breakable, cache: createCache(env.CACHE_KV, clock) })
    const service = createIsolate()
    const shown = await readAll(service)
    outage.on = true
    return { service, createIsolate, clock, shown, outage }
  }

  it('every public read is answered with what is cached, in every isolate, for a day after it was fresh', async () => {
    const { service, createIsolate, clock, shown } = await startOutage()
    expect(await readAll(service)).toEqual(shown)
    await clock.advance(300_000 + 86_399_999)
    expect(await readAll(service)).toEqual(shown)
    expect(await readAll(createIsolate())).toEqual(shown)
    await clock.advance(2)
    await expect(createIsolate().listPublished()).rejects.toThrow()
  })

  it('what is not cached fails, and a sale never sees the cached price', async () => {
    const { service } = await startOutage()
    await expect(service.listPublished({ categorySlug: 'video' })).rejects.toThrow()
    await expect(service.getPublishedBySlug('one', { fresh: true })).rejects.toThrow()
    await expect(service.getWithdrawnBySlug('one')).rejects.toThrow()
  })

  it('what was taken off before stays off', async () => {
    const { service, createIsolate, outage } = await startOutage()
    outage.on = false
    expectOk(await service.unpublish('ada', 'one'))
    outage.on = true
    await expect(service.getPublishedBySlug('one')).rejects.toThrow()
    await expect(createIsolate().getPublishedBySlug('one')).rejects.toThrow()
  })
})

describe('another isolate', () => {
  it('shows a change after five seconds', async () => {
    await addMany(1)
    const clock = createVirtualClock()
    const createIsolate = () =>
      createContentService({ database, cache: createCache(env.CACHE_KV, clock) })
    const [here, elsewhere] = [createIsolate(), createIsolate()]
    for (const service of [here, elsewhere]) expectOk(await service.listPublished())
    expectOk(await here.unpublish('ada', 'category-audio-000'))
    expect(expectOk(await here.listPublished()).items).toEqual([])
    await clock.advance(4999)
    expect(expectOk(await elsewhere.listPublished()).items).toHaveLength(1)
    await clock.advance(1)
    expect(expectOk(await elsewhere.listPublished()).items).toEqual([])
  })
})

describe('without a working cache', () => {
  it.each([
    ['absent', createEmptyKV],
    ['failing', createFailingKV],
  ])('every read answers from the database when KV is %s', async (_, createKV) => {
    await addItem({
      id: 'one',
      creatorId: 'ada',
      categoryId: 'category-audio',
      publishedAtMs: start,
      featured: true,
    })
    const { service } = createService(createKV())
    expect(await service.listCategories()).toHaveLength(2)
    expect(await collect(service, { categorySlug: 'audio' })).toEqual(['one'])
    expect(await service.listFeatured()).toHaveLength(1)
    expect(await service.getPublishedBySlug('one')).toMatchObject({ id: 'one' })
  })
})
