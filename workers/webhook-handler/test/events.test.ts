import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { CacheClient, SessionCacheClient } from '@codex/cloudflare-clients'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import {
  createAnalyticsService,
  createPurchaseService,
  type AnalyticsService,
  type PurchaseService,
} from '@codex/core-services'
import { processedWebhookEvents, purchases, refunds, users } from '@codex/database'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  addPeopleAndContent,
  checkoutEvent,
  createFailing,
  createWorker,
  customerEvent,
  database,
  deliver,
  nowMs,
  nowSeconds,
  refundEvent,
} from './fixtures.ts'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addPeopleAndContent()
  // What the web app has in an isolate of its own.
  const timers = createVirtualClock()
  const cache = new CacheClient(env.CACHE_KV, { now: () => nowMs, timers })
  library = createPurchaseService({ database, cache, now: () => nowMs })
  analytics = createAnalyticsService({ database, cache, now: () => nowMs })
})
afterEach(() => reset())

let library: PurchaseService
let analytics: AnalyticsService
const readPurchases = () => database.select().from(purchases)
const readBuyer = async () => (await database.select().from(users).where(eq(users.id, 'buyer')))[0]

/** Everything that events can change, without what is made up anew each time. */
async function readState() {
  const rows = await readPurchases()
  return {
    purchases: rows.map(({ id: _id, ...row }) => row),
    refunds: await database.select().from(refunds),
    events: await database
      .select({ id: processedWebhookEvents.eventId, type: processedWebhookEvents.type })
      .from(processedWebhookEvents)
      .orderBy(processedWebhookEvents.eventId),
  }
}

describe('checkout.session.completed', () => {
  it('puts what was paid into the library, also when an older library is cached', async () => {
    expect(await library.listForUser('buyer')).toEqual([])
    const created = createWorker()
    const answer = await deliver(created, checkoutEvent())
    expect(answer).toEqual({
      status: 200,
      body: { received: true },
      // The read is that of the settings, once for the worker.
      operations: 'kv.read=1 kv.write=0 kv.delete=1 kv.list=0 d1.query=3 do.request=0',
    })
    expect(await library.listForUser('buyer')).toMatchObject([{ contentId: 'item' }])
    expect(await readState()).toEqual({
      purchases: [
        {
          userId: 'buyer',
          contentId: 'item',
          status: 'paid',
          amountCents: 500,
          currency: 'usd',
          stripeSessionId: 'cs_1',
          stripePaymentIntentId: 'pi_1',
          purchasedAt: new Date(nowMs),
          refundedAt: null,
        },
      ],
      refunds: [],
      events: [{ id: 'evt_checkout_session_completed', type: 'checkout.session.completed' }],
    })
    expect(await readBuyer()).toMatchObject({ stripeCustomerId: 'cus_1' })
    expect(created.log.map(({ line }) => line)).toEqual([
      {
        event: 'operations',
        worker: 'webhook-handler',
        kv: { reads: 1, writes: 0, deletes: 1, lists: 0 },
        d1: { queries: 3 },
        status: 200,
        outcome: 'processed',
        eventId: 'evt_checkout_session_completed',
        eventType: 'checkout.session.completed',
        cacheInvalidated: true,
      },
    ])
  })

  it('waits for the money: unpaid gives nothing, and async_payment_succeeded then gives it', async () => {
    const created = createWorker()
    for (const payment_status of ['unpaid', 'no_payment_required']) {
      const answer = await deliver(created, checkoutEvent({ object: { payment_status } }))
      expect(answer).toMatchObject({ status: 200, body: { received: true, ignored: true } })
    }
    expect(await readPurchases()).toEqual([])
    const type = 'checkout.session.async_payment_succeeded'
    expect((await deliver(created, checkoutEvent({ id: 'evt_async', type }))).status).toBe(200)
    expect(await readPurchases()).toHaveLength(1)
  })

  it('makes one purchase when both events of one session say paid', async () => {
    const type = 'checkout.session.async_payment_succeeded'
    const created = createWorker()
    await deliver(created, checkoutEvent({ id: 'evt_2', type, created: nowSeconds }))
    await deliver(created, checkoutEvent({ id: 'evt_1', created: nowSeconds - 60 }))
    expect(await readPurchases()).toMatchObject([{ purchasedAt: new Date(nowMs - 60_000) }])
  })

  it('corrects a past day’s cached figures when it comes late', async () => {
    await analytics.daily('2026-05-31')
    await deliver(createWorker(), checkoutEvent({ created: nowSeconds - 86_400 }))
    expect(await analytics.daily('2026-05-31')).toMatchObject({ analytics: { purchases: 1 } })
  })
})

describe('charge.refunded', () => {
  it('ends access at once, also when the library is cached', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent())
    expect(await library.listForUser('buyer')).toHaveLength(1)
    const answer = await deliver(created, refundEvent())
    expect(answer.operations).toBe(
      'kv.read=0 kv.write=0 kv.delete=1 kv.list=0 d1.query=4 do.request=0',
    )
    expect(await library.listForUser('buyer')).toEqual([])
    expect(await library.hasPurchased('buyer', 'item')).toBe(false)
  })

  it('gives the same end state whichever of purchase and refund comes first', async () => {
    const created = createWorker()
    const paid = checkoutEvent({ created: nowSeconds - 60 })
    await deliver(created, paid)
    await deliver(created, refundEvent())
    const inOrder = await readState()
    expect(inOrder.purchases).toMatchObject([{ status: 'refunded', refundedAt: new Date(nowMs) }])

    await reset()
    await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
    await addPeopleAndContent()
    await deliver(created, refundEvent())
    expect(await readPurchases()).toEqual([])
    await deliver(created, paid)
    expect(await readState()).toEqual(inOrder)
    expect(await library.hasPurchased('buyer', 'item')).toBe(false)
  })

  it('gives the same end state when purchase and refund arrive at the same moment', async () => {
    const created = createWorker()
    await Promise.all([deliver(created, refundEvent()), deliver(created, checkoutEvent())])
    expect(await readPurchases()).toMatchObject([{ status: 'refunded' }])
  })

  it('keeps access when only a part is refunded, also when that news comes after the rest', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent())
    const part = { refunded: false, amount_refunded: 200 }
    await deliver(created, refundEvent({ id: 'evt_part', object: part }))
    expect(await library.hasPurchased('buyer', 'item')).toBe(true)
    await deliver(created, refundEvent())
    await deliver(created, refundEvent({ id: 'evt_part_again', object: part }))
    expect(await library.hasPurchased('buyer', 'item')).toBe(false)
  })

  it('of a charge that is no purchase of ours leaves access alone', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent())
    const other = { payment_intent: 'pi_other' }
    expect((await deliver(created, refundEvent({ object: other }))).status).toBe(200)
    const none = refundEvent({ id: 'evt_none', object: { payment_intent: null } })
    expect((await deliver(created, none)).body).toEqual({ received: true, ignored: true })
    expect(await library.hasPurchased('buyer', 'item')).toBe(true)
  })
})

describe('customer.updated', () => {
  const sessions = new SessionCacheClient(env.AUTH_SESSION_KV, { now: () => nowMs })
  const cacheSession = (token: string, id: string) =>
    sessions.set(token, {
      session: {
        id: `session-${token}`,
        userId: id,
        token,
        expiresAt: new Date(nowMs + 3_600_000).toISOString(),
      },
      user: {
        id,
        email: `${id}@codex.example`,
        name: `Name of ${id}`,
        role: 'customer',
        emailVerified: true,
      },
    })

  it('takes over the name, never the e-mail, and drops that user’s cached sessions', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent())
    await cacheSession('token-1', 'buyer')
    await cacheSession('token-2', 'buyer')
    await cacheSession('token-3', 'ada')
    expect((await deliver(created, customerEvent())).body).toEqual({ received: true })
    expect(await readBuyer()).toMatchObject({ name: 'New name', email: 'buyer@codex.example' })
    expect(await sessions.get('token-1')).toBeNull()
    expect(await sessions.get('token-2')).toBeNull()
    expect(await sessions.get('token-3')).not.toBeNull()
  })

  it('is not applied when a newer one was', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent())
    for (const age of [10, 0, 20]) {
      const object = { name: `Name ${age} s ago` }
      await deliver(created, customerEvent({ id: `evt_${age}`, created: nowSeconds - age, object }))
    }
    expect(await readBuyer()).toMatchObject({ name: 'Name 0 s ago' })
  })

  it('of a customer who is nobody here is ignored; one that names its user is mapped', async () => {
    const created = createWorker()
    const unknown = { id: 'cus_9' }
    expect((await deliver(created, customerEvent({ object: unknown }))).body).toEqual({
      received: true,
      ignored: true,
    })
    const nobody = { ...unknown, metadata: { userId: 'nobody' } }
    expect((await deliver(created, customerEvent({ object: nobody }))).status).toBe(409)
    const buyer = { ...unknown, metadata: { userId: 'buyer' } }
    expect((await deliver(created, customerEvent({ object: buyer }))).status).toBe(200)
    expect(await readBuyer()).toMatchObject({ stripeCustomerId: 'cus_9', name: 'New name' })
  })
})

describe('the same event again', () => {
  const events = { checkout: checkoutEvent(), refund: refundEvent(), customer: customerEvent() }

  it.each(['checkout', 'refund', 'customer'] as const)(
    '(%s) changes nothing and says so',
    async (kind) => {
      const created = createWorker()
      await deliver(created, checkoutEvent({ id: 'evt_before' }))
      expect((await deliver(created, events[kind])).body).toEqual({ received: true })
      const before = [await readState(), await readBuyer()]
      for (let time = 0; time < 3; time++) {
        const again = await deliver(created, events[kind])
        expect(again.status).toBe(200)
        expect(again.body).toEqual({ received: true, duplicate: true })
      }
      expect([await readState(), await readBuyer()]).toEqual(before)
    },
  )

  it('drops the caches again, because the first delivery may have ended before it did', async () => {
    expect(await library.listForUser('buyer')).toEqual([])
    // As a delivery that dies right after its commit leaves it.
    const failing = createFailing(env.CACHE_KV, 'KV DELETE failed: 500 Internal Server Error')
    await deliver(createWorker({ CACHE_KV: failing }), events.checkout)
    expect(await library.listForUser('buyer')).toEqual([])
    await deliver(createWorker(), events.checkout)
    expect(await library.listForUser('buyer')).toHaveLength(1)
  })

  it('ten times at the same moment makes one purchase', async () => {
    const created = createWorker()
    await deliver(created, checkoutEvent({ id: 'evt_before', type: 'invoice.paid' }))
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => deliver(created, events.checkout)),
    )
    expect(answers.every((answer) => answer.status === 200)).toBe(true)
    expect(answers.filter((answer) => answer.body.duplicate === true)).toHaveLength(9)
    expect(await readPurchases()).toHaveLength(1)
    // Each answer counts its own operations only.
    expect(new Set(answers.map((answer) => answer.operations))).toEqual(
      new Set(['kv.read=0 kv.write=0 kv.delete=1 kv.list=0 d1.query=3 do.request=0']),
    )
  })
})

describe('an outage', () => {
  it('of D1 is answered 500 and leaves nothing, and the next delivery does all', async () => {
    const d1 = createFailing(env.DB, 'D1_ERROR: Network connection lost.')
    for (const event of [checkoutEvent(), refundEvent(), customerEvent()]) {
      const down = createWorker({ DB: d1 })
      const answer = await deliver(down, event)
      expect(answer).toMatchObject({ status: 500, body: { error: 'processing_failed' } })
      expect(down.log[0]?.line).toMatchObject({
        eventId: event.id,
        outcome: 'processing_failed',
        detail: 'D1_ERROR: Network connection lost.',
      })
    }
    expect((await readState()).events).toEqual([])
    expect((await deliver(createWorker(), checkoutEvent())).body).toEqual({ received: true })
    expect(await readPurchases()).toHaveLength(1)
  })

  it('of KV does not fail an event; the log names the caches that may be stale', async () => {
    const failing = createFailing(env.CACHE_KV, 'KV DELETE failed: 500 Internal Server Error')
    const down = createWorker({ CACHE_KV: failing, AUTH_SESSION_KV: failing })
    for (const event of [checkoutEvent(), customerEvent(), refundEvent()]) {
      expect(await deliver(down, event)).toMatchObject({ status: 200, body: { received: true } })
    }
    expect(await readPurchases()).toMatchObject([{ status: 'refunded' }])
    const answered = down.log.map(({ line }) => line).filter((line) => line.event === 'operations')
    expect(answered.map((line) => [line.cacheInvalidated, line.detail])).toEqual([
      [false, 'not invalidated: purchases'],
      [false, 'not invalidated: purchases, sessions'],
      [false, 'not invalidated: purchases'],
    ])
    const stale = down.log.flatMap(({ line }) => (line.event === 'operations' ? [] : line.keys))
    expect(new Set(stale)).toEqual(new Set(['cache:library:buyer', 'session:user:buyer:']))
  })

  it('that leaves KV unbound is logged once, and every event is processed', async () => {
    const { worker, log } = createWorker({
      AUTH_SESSION_KV: undefined,
      CACHE_KV: undefined,
      CONFIG_KV: undefined,
    } as never)
    for (const event of [checkoutEvent(), customerEvent(), refundEvent()]) {
      expect(await deliver({ worker }, event)).toMatchObject({ status: 200 })
    }
    expect(log.map(({ line }) => line.event)).toEqual([
      'kv_not_bound',
      'kv_not_bound',
      'kv_not_bound',
      'operations',
      'operations',
      'operations',
    ])
    expect(await readPurchases()).toMatchObject([{ status: 'refunded' }])
  })
})
