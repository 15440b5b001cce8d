/** A paid checkout, as far as this platform looks at it. */
export interface PaidCheckout {
  readonly userId: string
  readonly contentId: string
  readonly amountCents: number
}

/** The event that Stripe sends when a checkout is paid. Every call makes a new one. */
export function paidCheckoutEvent(checkout: PaidCheckout): Readonly<Record<string, unknown>> {
  const { userId, contentId, amountCents } = checkout
  const name = crypto.randomUUID().replaceAll('-', '')
  const createdSeconds = Math.floor(Date.now() / 1000)
  return {
    id: `evt_test_${name}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: createdSeconds,
    livemode: false,
    type: 'checkout.session.completed',
    data: {
      object: {
        id: `cs_test_${name}`,
        object: 'checkout.session',
        mode: 'payment',
        status: 'complete',
        payment_status: 'paid',
        payment_intent: `pi_test_${name}`,
        customer: `cus_test_${userId}`,
        client_reference_id: userId,
        amount_total: amountCents,
        currency: 'usd',
        metadata: { userId, contentId },
        created: createdSeconds,
      },
    },
  }
}
