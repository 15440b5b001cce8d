import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addCategory,
  addCreator,
  addItem,
  addItems,
  createCache,
  createFailingKV,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import type { ServiceEvent } from '../cache/service-event.ts'
import { createContentService } from './content-service.ts'

const start = Date.UTC(2026, 5, 1)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addCreator('ada')
  await addCategory('audio')
})
afterEach(() => reset())

function createService(kv: KVNamespace = env.CACHE_KV) {
  const events: ServiceEvent[] = []
  const cache = createCache(kv)
  const service = createContentService({ database, cache, onEvent: (event) => events.push(event) })
  return { service, events }
}

const ada = { creatorId: 'ada', categoryId: 'category-audio' }

async function featuredSlugs(service: ReturnType<typeof createContentService>) {
  return (await service.listFeatured()).map(({ slug }) => slug)
}

describe('setFeatured', () => {
  it('puts an item in front and takes it down, for readers at once', async () => {
    await addItem({ id: 'one', ...ada, publishedAtMs: start })
    const { service } = createService()
    expect(await featuredSlugs(service)).toEqual([])
    expect(await service.setFeatured('one', true)).toEqual({
      ok: true,
      slug: 'one',
      title: 'Title of one',
      cacheInvalidated: true,
    })
    expect(await featuredSlugs(service)).toEqual(['one'])
    expectOk(await service.setFeatured('one', false))
    expect(await featuredSlugs(service)).toEqual([])
  })

  it('says so when it is asked for twice, and changes nothing', async () => {
    await addItem({ id: 'one', ...ada, publishedAtMs: start })
    const { service } = createService()
    expectOk(await service.setFeatured('one', true))
    expectOk(await service.setFeatured('one', true))
    expect(await featuredSlugs(service)).toEqual(['one'])
  })

  it('refuses a draft and what there is not', async () => {
    await addItem({ id: 'draft', ...ada })
    const { service } = createService()
    for (const slug of ['draft', 'unknown', '']) {
      expect(await service.setFeatured(slug, true)).toEqual({ ok: false, reason: 'not_found' })
    }
    expect(await service.listAllFeatured()).toEqual([])
  })

  it('takes down what its creator has unpublished, so that it does not come back in front', async () => {
    await addItem({ id: 'one', ...ada, publishedAtMs: start, featured: true })
    const { service } = createService()
    expectOk(await service.unpublish('ada', 'one'))
    expect(await service.listAllFeatured()).toEqual([
      { slug: 'one', title: 'Title of one', published: false },
    ])
    expectOk(await service.setFeatured('one', false))
    expectOk(await service.publish('ada', 'one'))
    expect(await featuredSlugs(service)).toEqual([])
  })

  it('stands and says so when the list cannot be invalidated', async () => {
    await addItem({ id: 'one', ...ada, publishedAtMs: start })
    const { service, events } = createService(createFailingKV())
    expect(await service.setFeatured('one', true)).toMatchObject({ cacheInvalidated: false })
    expect(events).toMatchObject([
      { type: 'cache_invalidation_failed', keys: ['cache:content-featured:all'] },
    ])
    expect(await featuredSlugs(service)).toEqual(['one'])
  })
})

describe('listAllFeatured', () => {
  it('gives also what is beyond the six that readers see, the newest first', async () => {
    const ids = Array.from({ length: 8 }, (_, number) => `item-${String(number)}`)
    await addItems(
      ids.map((id, number) => ({
        id,
        ...ada,
        publishedAtMs: start + number * 1000,
        featured: true,
      })),
    )
    const { service } = createService()
    expect((await service.listAllFeatured()).map(({ slug }) => slug)).toEqual(ids.toReversed())
    expect(await featuredSlugs(service)).toEqual(ids.toReversed().slice(0, 6))
  })
})
