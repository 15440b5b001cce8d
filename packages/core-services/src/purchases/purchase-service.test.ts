import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createEmptyKV } from '@codex/cloudflare-clients'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { content, purchases, users } from '@codex/database'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../test/commit.ts'
import {
  addCategory,
  addCreator,
  addItem,
  addUser,
  createBreakableDatabase,
  createCache,
  createFailingKV,
  createMeteredDatabase,
  database,
} from '../../test/fixtures.ts'
import type { ServiceEvent } from '../cache/service-event.ts'
import type { CheckoutInput } from './purchase-input.ts'
import { createPurchaseService } from './purchase-service.ts'

const start = Date.UTC(2026, 5, 1)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addCreator('ada')
  await addUser('buyer')
  await addUser('other')
  await addCategory('audio')
  for (const id of ['one', 'two']) {
    await addItem({ id, creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: start })
  }
})
afterEach(() => reset())

function createService(kv: KVNamespace = env.CACHE_KV) {
  const metered = createMeteredDatabase()
  const events: ServiceEvent[] = []
  const service = createPurchaseService({
    database: metered.database,
    cache: createCache(kv),
    now: () => start,
    onEvent: (event) => events.push(event),
  })
  return { service, count: metered.count, events }
}

function checkout(number: number, changes: Partial<CheckoutInput> = {}): CheckoutInput {
  return {
    stripeSessionId: `cs_${number}`,
    stripePaymentIntentId: `pi_${number}`,
    stripeCustomerId: null,
    userId: 'buyer',
    contentId: 'one',
    amountCents: 500,
    currency: 'usd',
    purchasedAtMs: start + number,
    ...changes,
  }
}

const refund = (number: number, full = true) => ({
  stripePaymentIntentId: `pi_${number}`,
  amountCents: 500,
  refundedAtMs: start + 1000,
  full,
})

describe('listForUser', () => {
  it('gives what was paid, the latest first, equal from the database and from the cache', async () => {
    const { service, count } = createService()
    await commit(service.recordCheckout(checkout(1)))
    await commit(service.recordCheckout(checkout(2, { contentId: 'two' })))
    await commit(service.recordCheckout(checkout(3, { userId: 'other' })))
    const before = count.queries
    const miss = await service.listForUser('buyer')
    expect(miss).toEqual([
      {
        contentId: 'two',
        slug: 'two',
        title: 'Title of two',
        summary: '',
        categorySlug: 'audio',
        mediaItemId: null,
        published: true,
        amountCents: 500,
        currency: 'usd',
        purchasedAt: '2026-06-01T00:00:00.002Z',
      },
      expect.objectContaining({ contentId: 'one' }),
    ])
    expect(await service.listForUser('buyer')).toEqual(miss)
    expect(count.queries - before).toBe(1)
  })

  it('shows an item once that was bought twice, until both payments are refunded', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1)))
    await commit(service.recordCheckout(checkout(2)))
    expect(await service.listForUser('buyer')).toHaveLength(1)
    await commit(service.recordRefund(refund(2)))
    expect(await service.hasPurchased('buyer', 'one')).toBe(true)
    await commit(service.recordRefund(refund(1)))
    expect(await service.invalidateUser('buyer')).toBe(true)
    expect(await service.hasPurchased('buyer', 'one')).toBe(false)
    expect(await service.listForUser('buyer')).toEqual([])
  })

  it('keeps what its creator has unpublished', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1)))
    await database.update(content).set({ status: 'draft' }).where(eq(content.id, 'one'))
    expect(await service.listForUser('buyer')).toMatchObject([
      { contentId: 'one', published: false },
    ])
  })

  it('gives nothing for an unknown user and asks the database when the cached list is damaged', async () => {
    const { service } = createService()
    expect(await service.listForUser('nobody')).toEqual([])
    await commit(service.recordCheckout(checkout(1)))
    for (const damaged of ['{not json', '[1]', 'null']) {
      await env.CACHE_KV.put('cache:library:buyer', damaged)
      expect(await service.listForUser('buyer')).toHaveLength(1)
    }
  })
})

describe('a cached library', () => {
  it('is read again when it lacks what was just bought', async () => {
    const { service } = createService()
    expect(await service.listForUser('buyer')).toEqual([])
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.listForUser('buyer')).toEqual([])
    expect(await service.listForUser('buyer', { with: 'one' })).toHaveLength(1)
    expect(await service.listForUser('buyer')).toHaveLength(1)
  })

  it('is not read again when it has what was just bought', async () => {
    const { service, count } = createService()
    await commit(service.recordCheckout(checkout(1)))
    await service.listForUser('buyer')
    const before = count.queries
    expect(await service.listForUser('buyer', { with: 'one' })).toHaveLength(1)
    expect(count.queries).toBe(before)
  })

  it('is gone for an isolate that has read it when another ends it', async () => {
    const { service } = createService()
    expect(await service.listForUser('buyer')).toEqual([])
    const elsewhere = createService().service
    await commit(elsewhere.recordCheckout(checkout(1)))
    expect(await elsewhere.invalidateUser('buyer')).toBe(true)
    expect(await service.listForUser('buyer')).toHaveLength(1)
  })

  it('is shown while the database fails, for a day after it was fresh', async () => {
    const { database: breakable, outage } = createBreakableDatabase()
    const clock = createVirtualClock()
    const cache = createCache(env.CACHE_KV, clock)
    const service = createPurchaseService({ database: breakable, cache })
    await commit(service.recordCheckout(checkout(1)))
    const shown = await service.listForUser('buyer')
    outage.on = true
    await clock.advance(300_000 + 86_399_999)
    expect(await service.listForUser('buyer')).toEqual(shown)
    await clock.advance(1)
    await expect(service.listForUser('buyer')).rejects.toThrow()
  })
})

describe('hasPurchased', () => {
  it('sees a purchase that the cached library does not show yet', async () => {
    const { service } = createService()
    expect(await service.listForUser('buyer')).toEqual([])
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.hasPurchased('buyer', 'one')).toBe(true)
  })

  it('ends with a refund that the cached library does not show yet', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.listForUser('buyer')).toHaveLength(1)
    await commit(service.recordRefund(refund(1)))
    expect(await service.listForUser('buyer')).toHaveLength(1)
    expect(await service.hasPurchased('buyer', 'one')).toBe(false)
  })

  it('is never answered from the cache while the database fails', async () => {
    const { database: breakable, outage } = createBreakableDatabase()
    const service = createPurchaseService({ database: breakable, cache: createCache() })
    await commit(service.recordCheckout(checkout(1)))
    await service.listForUser('buyer')
    outage.on = true
    await expect(service.hasPurchased('buyer', 'one')).rejects.toThrow()
  })

  it('is false for someone else, something else and nobody', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.hasPurchased('other', 'one')).toBe(false)
    expect(await service.hasPurchased('buyer', 'two')).toBe(false)
    expect(await service.hasPurchased('', '')).toBe(false)
  })
})

describe('recordCheckout and recordRefund', () => {
  it('change nothing until their statements are committed', async () => {
    const { service } = createService()
    service.recordCheckout(checkout(1))
    expect(await database.select().from(purchases)).toEqual([])
  })

  it('keep access on a partial refund', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1)))
    expect(service.recordRefund(refund(1, false))).toEqual({ ok: true, statements: [] })
  })

  it.each([
    [{ amountCents: -1 }, 'amountCents'],
    [{ amountCents: 1.5 }, 'amountCents'],
    [{ currency: 'USD' }, 'currency'],
    [{ userId: '' }, 'userId'],
    [{ stripePaymentIntentId: null }, 'stripePaymentIntentId'],
    [{ purchasedAtMs: Number.NaN }, 'purchasedAtMs'],
  ])('refuse %j', (changes, path) => {
    const { service } = createService()
    expect(service.recordCheckout(checkout(1, changes as never))).toMatchObject({
      ok: false,
      reason: 'invalid_input',
      issues: [{ path }],
    })
  })

  it('remember the customer of the first checkout, and never take one from another user', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1, { stripeCustomerId: 'cus_1' })))
    await commit(service.recordCheckout(checkout(2, { stripeCustomerId: 'cus_2' })))
    const other = { userId: 'other', stripeCustomerId: 'cus_1' }
    await commit(service.recordCheckout(checkout(3, other)))
    expect(await service.findCustomer({ stripeCustomerId: 'cus_1', userId: 'other' })).toBe('buyer')
    const [row] = await database.select().from(users).where(eq(users.id, 'other'))
    expect(row?.stripeCustomerId).toBeNull()
    expect(await database.select().from(purchases)).toHaveLength(3)
  })
})

describe('applyCustomerUpdate', () => {
  const update = (name: string | null, seconds: number, userId: string | null = null) => ({
    stripeCustomerId: 'cus_1',
    userId,
    name,
    updatedAtMs: start + seconds * 1000,
  })
  const buyer = async () => (await database.select().from(users).where(eq(users.id, 'buyer')))[0]

  it('gives the end state of the newest update in any order, and leaves the e-mail alone', async () => {
    const { service } = createService()
    await commit(service.recordCheckout(checkout(1, { stripeCustomerId: 'cus_1' })))
    for (const seconds of [2, 3, 1]) {
      await commit(service.applyCustomerUpdate(update(`Name ${seconds}`, seconds)))
    }
    expect(await buyer()).toMatchObject({
      name: 'Name 3',
      email: 'buyer@codex.example',
      stripeUpdatedAt: new Date(start + 3000),
    })
  })

  it('keeps the name when Stripe has none', async () => {
    const { service } = createService()
    for (const name of [null, '', '  ']) {
      await commit(service.applyCustomerUpdate(update(name, 1, 'buyer')))
      expect(await buyer()).toMatchObject({ name: 'Name of buyer', stripeCustomerId: 'cus_1' })
    }
  })

  it('maps a customer to the user it names only while it is nobody’s', async () => {
    const { service } = createService()
    await commit(service.applyCustomerUpdate(update('Hers', 1, 'buyer')))
    await commit(service.applyCustomerUpdate(update('Again', 2, 'other')))
    expect(await buyer()).toMatchObject({ name: 'Again', stripeCustomerId: 'cus_1' })
    const [other] = await database.select().from(users).where(eq(users.id, 'other'))
    expect(other).toMatchObject({ name: 'Name of other', stripeCustomerId: null })
  })
})

describe('references', () => {
  it('are found or named as missing', async () => {
    const { service } = createService()
    expect(await service.findMissing({ userId: 'buyer', contentId: 'one' })).toEqual([])
    expect(await service.findMissing({ userId: 'x', contentId: 'y' })).toEqual(['user', 'content'])
    expect(await service.findPayer('pi_1')).toBeNull()
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.findPayer('pi_1')).toEqual({ userId: 'buyer', purchasedAtMs: start + 1 })
    const unknown = { stripeCustomerId: 'cus_x', userId: null }
    expect(await service.findCustomer(unknown)).toBeNull()
    expect(await service.findCustomer({ ...unknown, userId: 'nobody' })).toBeNull()
    expect(await service.findCustomer({ ...unknown, userId: 'buyer' })).toBe('buyer')
  })
})

describe('without a working cache', () => {
  it('answers from the database when KV is absent', async () => {
    const { service } = createService(createEmptyKV())
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.listForUser('buyer')).toHaveLength(1)
    expect(await service.hasPurchased('buyer', 'one')).toBe(true)
    expect(await service.invalidateUser('buyer')).toBe(true)
  })

  it('answers from the database when KV fails, and says that nothing was invalidated', async () => {
    const { service, events } = createService(createFailingKV())
    await commit(service.recordCheckout(checkout(1)))
    expect(await service.listForUser('buyer')).toHaveLength(1)
    expect(await service.hasPurchased('buyer', 'one')).toBe(true)
    expect(await service.invalidateUser('buyer')).toBe(false)
    expect(events).toMatchObject([{ keys: ['cache:library:buyer'] }])
  })
})
