import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { purchases, refunds, users } from '@codex/database'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../test/commit.ts'
import {
  addCategory,
  addCreator,
  addItem,
  addUser,
  createCache,
  database,
} from '../../test/fixtures.ts'
import { createPurchaseService } from './purchase-service.ts'

const start = Date.UTC(2026, 5, 1)

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  await addCreator('ada')
  await addUser('buyer')
  await addCategory('audio')
  await addItem({ id: 'one', creatorId: 'ada', categoryId: 'category-audio', publishedAtMs: 1 })
})
afterEach(() => reset())

const service = createPurchaseService({ database, cache: createCache(), now: () => start })

const checkout = (payment: string, purchasedAtMs: number) =>
  service.recordCheckout({
    stripeSessionId: `cs_${payment}`,
    stripePaymentIntentId: `pi_${payment}`,
    stripeCustomerId: 'cus_1',
    userId: 'buyer',
    contentId: 'one',
    amountCents: 500,
    currency: 'usd',
    purchasedAtMs,
  })

const refund = (payment: string, options: { full: boolean; refundedAtMs: number }) =>
  service.recordRefund({
    stripePaymentIntentId: `pi_${payment}`,
    amountCents: options.full ? 500 : 200,
    ...options,
  })

/** Everything that can be said of two payments: one refunded in full, after a part; one refunded in part only. */
const events = {
  'a is paid': () => checkout('a', start),
  'a is reported paid again': () => checkout('a', start + 5),
  'a is refunded in part': () => refund('a', { full: false, refundedAtMs: start + 10 }),
  'a is refunded in full': () => refund('a', { full: true, refundedAtMs: start + 20 }),
  'a is reported refunded again': () => refund('a', { full: true, refundedAtMs: start + 30 }),
  'b is paid': () => checkout('b', start + 1),
  'b is refunded in part': () => refund('b', { full: false, refundedAtMs: start + 10 }),
  'the customer is renamed': () =>
    service.applyCustomerUpdate({
      stripeCustomerId: 'cus_1',
      userId: 'buyer',
      name: 'First name',
      updatedAtMs: start + 1000,
    }),
  'the customer is renamed again': () =>
    service.applyCustomerUpdate({
      stripeCustomerId: 'cus_1',
      userId: 'buyer',
      name: 'Second name',
      updatedAtMs: start + 2000,
    }),
} as const
const names = Object.keys(events) as (keyof typeof events)[]

async function readState() {
  return {
    purchases: await database
      .select({
        session: purchases.stripeSessionId,
        status: purchases.status,
        refundedAt: purchases.refundedAt,
        purchasedAt: purchases.purchasedAt,
      })
      .from(purchases)
      .orderBy(purchases.stripeSessionId),
    refunds: await database.select().from(refunds),
    names: await database.select({ name: users.name }).from(users).orderBy(users.id),
  }
}

describe('events of the same payments', () => {
  it('end in the same state in every order and with every repetition', async () => {
    const orders = fc
      .array(fc.constantFrom(...names), { maxLength: 5 })
      .chain((repeated) =>
        fc.shuffledSubarray([...names, ...repeated], { minLength: names.length + repeated.length }),
      )
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        await database.batch([
          database.delete(purchases),
          database.delete(refunds),
          database
            .update(users)
            .set({ name: 'Before', stripeCustomerId: null, stripeUpdatedAt: null }),
        ])
        for (const name of order) await commit(events[name]())
        expect(await readState()).toEqual({
          purchases: [
            {
              session: 'cs_a',
              status: 'refunded',
              refundedAt: new Date(start + 20),
              purchasedAt: new Date(start),
            },
            {
              session: 'cs_b',
              status: 'paid',
              refundedAt: null,
              purchasedAt: new Date(start + 1),
            },
          ],
          refunds: [
            {
              stripePaymentIntentId: 'pi_a',
              amountCents: 500,
              refundedAt: new Date(start + 20),
            },
          ],
          names: [{ name: 'Before' }, { name: 'Second name' }],
        })
        expect(await service.hasPurchased('buyer', 'one')).toBe(true)
      }),
      { seed: 3, numRuns: 60 },
    )
  })
})
