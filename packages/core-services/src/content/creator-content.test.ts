import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { content, mediaItems } from '@codex/database'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addCategory,
  addCreator,
  addItem,
  addUser,
  createCache,
  createFailingKV,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import type { ServiceEvent } from '../cache/service-event.ts'
import type { ContentPatchInput } from './content-input.ts'
import { createContentService } from './content-service.ts'

const start = Date.UTC(2026, 5, 1)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addCreator('ada')
  await addCreator('bob')
  await addCategory('audio')
  await addCategory('video')
})
afterEach(() => reset())

function createService(kv: KVNamespace = env.CACHE_KV) {
  const clock = { nowMs: start }
  const events: ServiceEvent[] = []
  const service = createContentService({
    database,
    cache: createCache(kv),
    now: () => clock.nowMs,
    onEvent: (event) => events.push(event),
  })
  return { service, clock, events }
}

const draft = { title: 'Ünder the Séa!', categoryId: 'category-audio', priceCents: 900 }

describe('createDraft', () => {
  it('makes a draft with a slug from the title and the defaults filled in', async () => {
    const { service } = createService()
    const { content: item } = expectOk(await service.createDraft('ada', draft))
    expect(item).toEqual({
      id: expect.any(String) as unknown,
      slug: 'under-the-sea',
      title: 'Ünder the Séa!',
      summary: '',
      body: '',
      priceCents: 900,
      currency: 'usd',
      featured: false,
      status: 'draft',
      mediaItemId: null,
      category: { id: 'category-audio', slug: 'audio', name: 'AUDIO' },
      publishedAt: null,
      createdAt: '2026-06-01T00:00:00.000Z',
      updatedAt: '2026-06-01T00:00:00.000Z',
    })
    expect(await service.getForCreator('ada', item.id)).toEqual(item)
    expect(await service.getPublishedBySlug(item.slug)).toBeNull()
  })

  it('gives ten drafts of one title, made at the same moment, ten different slugs', async () => {
    const { service } = createService()
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, n) => service.createDraft(n % 2 ? 'ada' : 'bob', draft)),
    )
    const slugs = made.map((result) => expectOk(result).content.slug)
    expect(new Set(slugs).size).toBe(10)
    expect(slugs).toContain('under-the-sea')
    expect(slugs).toContain('under-the-sea-2')
    expect(slugs.every((slug) => slug.startsWith('under-the-sea'))).toBe(true)
  })

  it.each([
    ['日本語', 'item'],
    ['  --  ', 'item'],
    ["It's / done", 'its-done'],
    ['a'.repeat(120), 'a'.repeat(80)],
  ])('makes a slug of the title %j', async (title, slug) => {
    const { service } = createService()
    expect(expectOk(await service.createDraft('ada', { ...draft, title })).content.slug).toBe(slug)
  })

  it('names every field that is wrong and inserts nothing', async () => {
    const { service } = createService()
    const input = { title: ' ', priceCents: -1, categoryId: 7, body: null, creatorId: 'bob' }
    // What arrives from a form may be of any shape.
    const result = await service.createDraft('ada', input as never)
    expect(result).toMatchObject({ ok: false, reason: 'invalid_input' })
    const issues = 'issues' in result ? result.issues : []
    expect(issues.map((issue) => issue.path).sort()).toEqual([
      'body',
      'categoryId',
      'creatorId',
      'priceCents',
      'title',
    ])
    expect(await database.select().from(content)).toEqual([])
  })

  it('says of missing and unknown fields what to do about them', async () => {
    const { service } = createService()
    expect(await service.createDraft('ada', { title: 'Title', slug: 'x' } as never)).toEqual({
      ok: false,
      reason: 'invalid_input',
      issues: [
        { path: 'categoryId', message: 'Fill in this field' },
        { path: 'priceCents', message: 'Fill in this field' },
        { path: 'slug', message: 'This field cannot be set' },
      ],
    })
  })

  it.each([null, undefined, 'text', 7, []])('refuses %j as input', async (input) => {
    const { service } = createService()
    expect(await service.createDraft('ada', input as never)).toMatchObject({
      reason: 'invalid_input',
    })
  })

  it('refuses a category that does not exist', async () => {
    const { service } = createService()
    expect(await service.createDraft('ada', { ...draft, categoryId: 'none' })).toEqual({
      ok: false,
      reason: 'invalid_input',
      issues: [{ path: 'categoryId', message: 'Choose a category' }],
    })
  })

  it('refuses another creator’s upload', async () => {
    await database.insert(mediaItems).values({
      id: 'bobs-upload',
      creatorId: 'bob',
      filename: 'a.mp4',
      objectKey: 'creators/bob/a.mp4',
      declaredType: 'video/mp4',
      sizeBytes: 1,
    })
    const { service } = createService()
    const input = { ...draft, mediaItemId: 'bobs-upload' }
    expect(await service.createDraft('ada', input)).toMatchObject({
      issues: [{ path: 'mediaItemId' }],
    })
    const { content: own } = expectOk(await service.createDraft('ada', draft))
    expect(await service.update('ada', own.id, { mediaItemId: 'bobs-upload' })).toMatchObject({
      issues: [{ path: 'mediaItemId' }],
    })
    expectOk(await service.createDraft('bob', input))
  })

  it('answers not_found for someone who is no creator', async () => {
    await addUser('customer')
    const { service } = createService()
    for (const id of ['customer', 'nobody', '']) {
      expect(await service.createDraft(id, draft)).toEqual({ ok: false, reason: 'not_found' })
    }
  })
})

describe('another creator’s item', () => {
  it('cannot be read, changed, published or unpublished, exactly as one that does not exist', async () => {
    await addItem({
      id: 'hers',
      creatorId: 'ada',
      categoryId: 'category-audio',
      publishedAtMs: start,
    })
    const [before] = await database.select().from(content)
    const { service } = createService()
    const missing = { ok: false, reason: 'not_found' }
    for (const id of ['hers', 'nothing', '', "' or 1=1 --"]) {
      expect(await service.getForCreator('bob', id)).toBeNull()
      expect(await service.update('bob', id, { title: 'Mine' })).toEqual(missing)
      expect(await service.publish('bob', id)).toEqual(missing)
      expect(await service.unpublish('bob', id)).toEqual(missing)
    }
    expect(expectOk(await service.listByCreator('bob')).items).toEqual([])
    expect(await database.select().from(content)).toEqual([before])
  })
})

describe('update', () => {
  it('changes the given fields only and keeps the slug', async () => {
    const { service, clock } = createService()
    const { content: item } = expectOk(await service.createDraft('ada', draft))
    clock.nowMs += 5000
    const patch: ContentPatchInput = { title: 'New title', priceCents: 0, summary: undefined }
    const changed = expectOk(await service.update('ada', item.id, patch))
    expect(changed.content).toEqual({
      ...item,
      title: 'New title',
      priceCents: 0,
      updatedAt: '2026-06-01T00:00:05.000Z',
    })
  })

  it.each([0, 50, 1_000_000])('takes a price of %i cents', async (priceCents) => {
    const { service } = createService()
    expect(await service.createDraft('ada', { ...draft, priceCents })).toMatchObject({
      content: { priceCents },
    })
  })

  it.each([
    [{ priceCents: 99.5 }, 'priceCents'],
    [{ priceCents: 49 }, 'priceCents'],
    [{ title: '' }, 'title'],
    [{ slug: 'other' }, 'slug'],
    [{ status: 'published' }, 'status'],
    [{ creatorId: 'bob' }, 'creatorId'],
    [{ featured: true }, 'featured'],
  ])('refuses %j', async (patch, path) => {
    const { service } = createService()
    const { content: item } = expectOk(await service.createDraft('ada', draft))
    expect(await service.update('ada', item.id, patch as ContentPatchInput)).toMatchObject({
      issues: [{ path }],
    })
    expect(await service.getForCreator('ada', item.id)).toEqual(item)
  })
})

describe('publish and unpublish', () => {
  it('publishes, keeps the first date through unpublishing, and can be repeated', async () => {
    const { service, clock } = createService()
    const { content: item } = expectOk(await service.createDraft('ada', draft))
    const first = expectOk(await service.publish('ada', item.id))
    expect(first.content).toMatchObject({
      status: 'published',
      publishedAt: '2026-06-01T00:00:00.000Z',
    })
    clock.nowMs += 1000
    expectOk(await service.unpublish('ada', item.id))
    expect(await service.getPublishedBySlug(item.slug)).toBeNull()
    expectOk(await service.publish('ada', item.id))
    const again = expectOk(await service.publish('ada', item.id))
    expect(again.content.publishedAt).toBe('2026-06-01T00:00:00.000Z')
    expect(again.cacheInvalidated).toBe(true)
  })
})

describe('what readers see after a change', () => {
  async function readAll(service: ReturnType<typeof createContentService>) {
    const titles = (items: readonly { title: string }[]) => items.map((item) => item.title)
    return {
      newest: titles(expectOk(await service.listPublished()).items),
      audio: titles(expectOk(await service.listPublished({ categorySlug: 'audio' })).items),
      video: titles(expectOk(await service.listPublished({ categorySlug: 'video' })).items),
      creator: titles(expectOk(await service.listPublishedByCreator('ada')).items),
      featured: titles(await service.listFeatured()),
      page: (await service.getPublishedBySlug('one'))?.title ?? null,
    }
  }

  beforeEach(async () => {
    await addItem({
      id: 'one',
      creatorId: 'ada',
      categoryId: 'category-audio',
      publishedAtMs: start,
      featured: true,
    })
  })

  const shown = ['Title of one']
  it('is the new state in every list, on the creator’s page, on featured and on the item page', async () => {
    const { service } = createService()
    const before = {
      newest: shown,
      audio: shown,
      video: [],
      creator: shown,
      featured: shown,
      page: shown[0],
    }
    expect(await readAll(service)).toEqual(before)

    expectOk(await service.unpublish('ada', 'one'))
    const none = { newest: [], audio: [], video: [], creator: [], featured: [], page: null }
    expect(await readAll(service)).toEqual(none)

    expectOk(await service.publish('ada', 'one'))
    expect(await readAll(service)).toEqual(before)

    expectOk(await service.update('ada', 'one', { title: 'Moved', categoryId: 'category-video' }))
    const moved = ['Moved']
    expect(await readAll(service)).toEqual({
      newest: moved,
      audio: [],
      video: moved,
      creator: moved,
      featured: moved,
      page: 'Moved',
    })
  })

  it('leaves the other category’s list and all of the cache alone when a draft changes', async () => {
    const { service } = createService()
    await readAll(service)
    await addItem({ id: 'draft', creatorId: 'ada', categoryId: 'category-audio' })
    const cached = async () => (await env.CACHE_KV.list()).keys.map((key) => key.name)
    const before = await cached()
    expectOk(await service.update('ada', 'draft', { title: 'Still a draft' }))
    expect(await cached()).toEqual(before)
    expectOk(await service.publish('ada', 'draft'))
    expect(await cached()).toEqual([
      'cache:content-featured:all',
      'cache:content-item:one',
      'cache:content-list:category:video',
    ])
  })

  it('invalidates every category that an item passed through when moves happen at once', async () => {
    const { service } = createService()
    await addCategory('photo')
    await readAll(service)
    await service.listPublished({ categorySlug: 'photo' })
    await Promise.all([
      service.update('ada', 'one', { categoryId: 'category-video' }),
      service.update('ada', 'one', { categoryId: 'category-photo' }),
    ])
    const [row] = await database.select().from(content).where(eq(content.id, 'one'))
    for (const slug of ['audio', 'video', 'photo']) {
      const { items } = expectOk(await service.listPublished({ categorySlug: slug }))
      expect(items.length).toBe(row?.categoryId === `category-${slug}` ? 1 : 0)
    }
  })

  it('stands, is reported and says so when the cache cannot be invalidated', async () => {
    const { service, events } = createService(createFailingKV())
    const result = expectOk(await service.update('ada', 'one', { title: 'Changed' }))
    expect(result).toMatchObject({ cacheInvalidated: false, content: { title: 'Changed' } })
    expect(events).toEqual([
      {
        type: 'cache_invalidation_failed',
        keys: [
          'cache:content-list:creator:ada',
          'cache:content-list:newest',
          'cache:content-list:category:audio',
          'cache:content-item:one',
          'cache:content-featured:all',
        ],
        error: expect.any(Error) as unknown,
      },
    ])
    expect(await service.getPublishedBySlug('one')).toMatchObject({ title: 'Changed' })
  })

  it('needs no cache at all', async () => {
    const { service, events } = createService(createEmptyKV())
    expect(expectOk(await service.unpublish('ada', 'one')).cacheInvalidated).toBe(true)
    expect(events).toEqual([])
    expect(await service.getPublishedBySlug('one')).toBeNull()
  })
})

describe('listByCreator', () => {
  it('pages through drafts and published items, the newest first', async () => {
    const { service, clock } = createService()
    for (let number = 0; number < 5; number++) {
      clock.nowMs += 1000
      expectOk(await service.createDraft('ada', { ...draft, title: `Item ${number}` }))
    }
    expectOk(await service.createDraft('bob', draft))
    const first = expectOk(await service.listByCreator('ada', { pageSize: 3 }))
    const rest = expectOk(
      await service.listByCreator('ada', { pageSize: 3, cursor: first.nextCursor ?? '' }),
    )
    expect([...first.items, ...rest.items].map((item) => item.slug)).toEqual([
      'item-4',
      'item-3',
      'item-2',
      'item-1',
      'item-0',
    ])
    expect(rest.nextCursor).toBeNull()
    expect(await service.listByCreator('ada', { pageSize: 99 })).toMatchObject({
      reason: 'invalid_input',
    })
  })
})
