import Stripe from 'stripe'
import type { CheckoutItem, CheckoutUser } from './checkout.ts'

/** What Stripe would send when this checkout is paid, signed with the webhook secret. */
export interface SignedEvent {
  readonly body: string
  readonly signature: string
}

/** The part of a checkout.session.completed event that matters here. Its ids follow from the checkout session's. */
export async function createPaidEvent({
  checkoutId,
  user,
  item,
  secret,
  now = Date.now,
}: {
  checkoutId: string
  user: CheckoutUser
  item: CheckoutItem
  secret: string
  now?: () => number
}): Promise<SignedEvent> {
  const createdSeconds = Math.floor(now() / 1000)
  const name = checkoutId.replace(/^cs_test_/, '')
  const body = JSON.stringify({
    id: `evt_test_${name}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: createdSeconds,
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: 'checkout.session.completed',
    data: {
      object: {
        id: checkoutId,
        object: 'checkout.session',
        mode: 'payment',
        status: 'complete',
        payment_status: 'paid',
        amount_subtotal: item.priceCents,
        amount_total: item.priceCents,
        currency: item.currency,
        client_reference_id: user.id,
        customer: `cus_test_${user.id}`,
        customer_email: user.email,
        customer_details: { email: user.email },
        metadata: { userId: user.id, contentId: item.id },
        payment_intent: `pi_test_${name}`,
        created: createdSeconds,
        livemode: false,
      },
    },
  })
  const signature = await Stripe.webhooks.generateTestHeaderStringAsync({
    payload: body,
    secret,
    timestamp: createdSeconds,
  })
  return { body, signature }
}
