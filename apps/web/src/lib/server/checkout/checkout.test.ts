import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { createLocalCheckout } from './local-checkout.ts'
import { createPaidEvent } from './local-payment.ts'
import { createStripeCheckout } from './stripe-checkout.ts'

const user = { id: 'user-1', email: 'lin@codex.example' }
const item = {
  id: 'content-1',
  slug: 'north-light',
  title: 'North Light',
  summary: '',
  priceCents: 2400,
  currency: 'usd',
}
const origin = 'https://codex.example'

/** Keeps what would have been sent to Stripe. */
function recordingStripe() {
  const calls: {
    params: Stripe.Checkout.SessionCreateParams
    idempotencyKey: string | undefined
  }[] = []
  const create = (
    params: Stripe.Checkout.SessionCreateParams,
    options?: Stripe.RequestOptions,
  ): Promise<{ url: string }> => {
    calls.push({ params, idempotencyKey: options?.idempotencyKey })
    return Promise.resolve({ url: 'https://checkout.stripe.com/c/pay/cs_test_1' })
  }
  return { calls, stripe: { checkout: { sessions: { create } } } as unknown as Stripe }
}

describe('createStripeCheckout', () => {
  it('asks for one payment that names the user and the item', async () => {
    const { calls, stripe } = recordingStripe()
    const { url } = await createStripeCheckout(stripe, { now: () => 0 }).start({
      user,
      item,
      origin,
    })
    expect(url).toBe('https://checkout.stripe.com/c/pay/cs_test_1')
    expect(calls[0]?.params).toMatchObject({
      mode: 'payment',
      client_reference_id: 'user-1',
      metadata: { userId: 'user-1', contentId: 'content-1' },
      line_items: [{ quantity: 1, price_data: { unit_amount: 2400, currency: 'usd' } }],
      success_url: 'https://codex.example/library?bought=north-light',
      cancel_url: 'https://codex.example/item/north-light',
    })
  })

  it('leads to the same checkout when asked again soon, and to another later or at another price', async () => {
    const { calls, stripe } = recordingStripe()
    let nowMs = 0
    const checkout = createStripeCheckout(stripe, { now: () => nowMs })
    await checkout.start({ user, item, origin })
    nowMs = 599_999
    await checkout.start({ user, item, origin })
    nowMs = 600_000
    await checkout.start({ user, item, origin })
    await checkout.start({ user, item: { ...item, priceCents: 2500 }, origin })
    const [first, soon, later, dearer] = calls.map(({ idempotencyKey }) => idempotencyKey)
    expect(soon).toBe(first)
    expect(later).not.toBe(first)
    expect(dearer).not.toBe(later)
  })

  it('never sends one idempotency key with two sets of parameters, which Stripe refuses', async () => {
    const { calls, stripe } = recordingStripe()
    const checkout = createStripeCheckout(stripe, { now: () => 0 })
    const orders = [
      { user, item, origin },
      { user, item: { ...item, title: 'North Light, second edition' }, origin },
      { user, item: { ...item, summary: 'Now with a summary' }, origin },
      { user: { ...user, email: 'lin@other.example' }, item, origin },
      { user: { ...user, id: 'user-2' }, item, origin },
      { user, item, origin: 'https://staging.codex.example' },
    ]
    for (const order of orders) await checkout.start(order)
    expect(new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(orders.length)
    // Stripe's own limit.
    for (const { idempotencyKey } of calls) expect(idempotencyKey?.length).toBeLessThan(256)
  })
})

describe('createLocalCheckout', () => {
  it('leads to a checkout of its own on this site', async () => {
    const checkout = createLocalCheckout()
    const { url } = await checkout.start({ user, item, origin })
    expect(url).toMatch(
      /^https:\/\/codex\.example\/dev\/checkout\/cs_test_[0-9a-f]{32}\?item=north-light$/,
    )
    expect((await checkout.start({ user, item, origin })).url).not.toBe(url)
  })
})

describe('createPaidEvent', () => {
  const secret = 'whsec_test'

  it('is signed as Stripe signs', async () => {
    const { body, signature } = await createPaidEvent({
      checkoutId: 'cs_test_abc',
      user,
      item,
      secret,
    })
    const event = await Stripe.webhooks.constructEventAsync(body, signature, secret)
    expect(event).toMatchObject({
      id: 'evt_test_abc',
      type: 'checkout.session.completed',
      data: {
        object: {
          id: 'cs_test_abc',
          payment_status: 'paid',
          payment_intent: 'pi_test_abc',
          amount_total: 2400,
          metadata: { userId: 'user-1', contentId: 'content-1' },
        },
      },
    })
    await expect(
      Stripe.webhooks.constructEventAsync(body, signature, 'whsec_other'),
    ).rejects.toThrow()
  })

  it('has the same ids for the same checkout, so that paying twice is paying once', async () => {
    const order = { checkoutId: 'cs_test_abc', user, item, secret, now: () => 1_000 }
    expect(await createPaidEvent(order)).toEqual(await createPaidEvent(order))
  })
})
