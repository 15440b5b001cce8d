import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { purchases, refunds, users } from '@codex/database'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addCategory,
  addCreator,
  addItem,
  addUser,
  createCache,
  createFailingKV,
  createMeteredDatabase,
  database,
  expectOk,
} from '../../test/fixtures.ts'
import { createAnalyticsService } from './analytics-service.ts'

const day = '2026-06-01'
const startMs = Date.UTC(2026, 5, 1)
const endMs = Date.UTC(2026, 5, 2)
const noon = Date.UTC(2026, 5, 1, 12)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addCreator('ada')
  await database.update(users).set({ createdAt: new Date(0) })
  await addCategory('audio')
  for (const id of ['one', 'two']) {
    await addItem({ id, creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: 0 })
  }
})
afterEach(() => reset())

let sold = 0
async function addPurchase(contentId: string, atMs: number, currency = 'usd') {
  sold += 1
  await database.insert(purchases).values({
    userId: 'ada',
    contentId,
    status: 'paid',
    amountCents: 250,
    currency,
    stripeSessionId: `cs_${sold}`,
    purchasedAt: new Date(atMs),
  })
}

function createService(kv: KVNamespace = env.CACHE_KV) {
  const clock = createVirtualClock({ startMs: noon })
  const { now } = clock
  const metered = createMeteredDatabase()
  const cache = createCache(kv, clock)
  const service = createAnalyticsService({
    database: metered.database,
    cache,
    now,
    onEvent: () => undefined,
  })
  return { service, clock, count: metered.count }
}

describe('daily', () => {
  it('counts what happened from the first to the last millisecond of the UTC day', async () => {
    for (const atMs of [startMs - 1, startMs, endMs - 1, endMs]) await addPurchase('one', atMs)
    await addPurchase('two', noon)
    await addPurchase('two', noon, 'eur')
    await addPurchase('two', noon)
    for (const [index, atMs] of [startMs - 1, startMs, endMs].entries()) {
      await addUser(`user-${index}`, { createdAtMs: atMs })
      await database.insert(refunds).values({
        stripePaymentIntentId: `pi_${index}`,
        amountCents: 250,
        refundedAt: new Date(atMs),
      })
    }
    const { service } = createService()
    expect(await service.daily(day)).toEqual({
      ok: true,
      analytics: {
        day,
        purchases: 5,
        // Of the payments in the platform's currency.
        revenueCents: 1000,
        refunds: 1,
        newUsers: 1,
        topContent: [
          { contentId: 'two', slug: 'two', title: 'Title of two', purchases: 3, revenueCents: 500 },
          { contentId: 'one', slug: 'one', title: 'Title of one', purchases: 2, revenueCents: 500 },
        ],
      },
    })
  })

  it('gives zeros for a day on which nothing happened', async () => {
    const { service } = createService()
    expect(await service.daily('2026-01-01')).toEqual({
      ok: true,
      analytics: {
        day: '2026-01-01',
        purchases: 0,
        revenueCents: 0,
        refunds: 0,
        newUsers: 0,
        topContent: [],
      },
    })
  })

  it('keeps the current day for 60 s', async () => {
    const { service, clock } = createService()
    const miss = await service.daily(day)
    await addPurchase('one', noon)
    await clock.advance(59_999)
    expect(await service.daily(day)).toEqual(miss)
    await clock.advance(1)
    expect(expectOk(await service.daily(day)).analytics.purchases).toBe(1)
  })

  it('keeps a past day for 24 h', async () => {
    const { service, clock, count } = createService()
    await clock.advance(endMs - noon)
    const miss = await service.daily(day)
    const queries = count.queries
    await clock.advance(86_399_999)
    expect(await service.daily(day)).toEqual(miss)
    expect(count.queries).toBe(queries)
    await clock.advance(1)
    await service.daily(day)
    expect(count.queries).toBe(queries * 2)
  })

  it.each([
    '2026-06-02',
    '2026-02-30',
    '2026-13-01',
    '2026-00-10',
    '2026-6-1',
    '2026-06-01T00:00Z',
    '20260601',
    '',
    ' 2026-06-01',
    '-000001-01-01',
  ])('refuses %j', async (wrong) => {
    const { service, count } = createService()
    expect(await service.daily(wrong)).toMatchObject({ ok: false, reason: 'invalid_input' })
    expect(count.queries).toBe(0)
  })

  it('accepts a leap day', async () => {
    expectOk(await createService().service.daily('2024-02-29'))
  })

  it.each([
    ['absent', createEmptyKV],
    ['failing', createFailingKV],
  ])('answers from the database when KV is %s', async (_, createKV) => {
    await addPurchase('one', noon)
    const { service } = createService(createKV())
    expect(expectOk(await service.daily(day)).analytics.purchases).toBe(1)
  })

  it('asks the database when the cached value is damaged', async () => {
    await env.CACHE_KV.put(`cache:analytics:${day}`, '{"purchases":"many"}')
    expect(expectOk(await createService().service.daily(day)).analytics.purchases).toBe(0)
  })
})

describe('invalidateAt', () => {
  it('lets a late event be seen in a past day’s figures', async () => {
    const { service, clock } = createService()
    await clock.advance(endMs - noon)
    await service.daily(day)
    await addPurchase('one', endMs - 1)
    expect(await service.invalidateAt(endMs - 1)).toBe(true)
    expect(expectOk(await service.daily(day)).analytics.purchases).toBe(1)
  })

  it('says when a past day could not be invalidated', async () => {
    const { service, clock } = createService(createFailingKV())
    await clock.advance(endMs - noon)
    expect(await service.invalidateAt(endMs - 1)).toBe(false)
    expect(await service.invalidateAt(endMs)).toBe(true)
  })
})
