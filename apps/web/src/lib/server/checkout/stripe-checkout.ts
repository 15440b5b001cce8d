import type Stripe from 'stripe'
import type { Checkout } from './checkout.ts'

/** How long pressing Buy again leads to the same checkout instead of a second one. */
const sameCheckoutMs = 10 * 60 * 1000

/** Payment on Stripe's own page. */
export function createStripeCheckout(
  stripe: Pick<Stripe, 'checkout'>,
  { now = Date.now }: { now?: () => number } = {},
): Checkout {
  return {
    async start({ user, item, origin }) {
      const session = await stripe.checkout.sessions.create(
        {
          mode: 'payment',
          client_reference_id: user.id,
          customer_email: user.email,
          metadata: { userId: user.id, contentId: item.id },
          // On the payment too, so that a refund can be told from its own metadata.
          payment_intent_data: { metadata: { userId: user.id, contentId: item.id } },
          line_items: [
            {
              quantity: 1,
              price_data: {
                currency: item.currency,
                unit_amount: item.priceCents,
                product_data: {
                  name: item.title,
                  ...(item.summary && { description: item.summary }),
                },
              },
            },
          ],
          success_url: `${origin}/library?bought=${encodeURIComponent(item.slug)}`,
          cancel_url: `${origin}/item/${encodeURIComponent(item.slug)}`,
        },
        {
          // The price is part of it: Stripe refuses a key that comes again with other parameters.
          idempotencyKey: [
            'checkout',
            user.id,
            item.id,
            String(item.priceCents),
            String(Math.floor(now() / sameCheckoutMs)),
          ].join(':'),
        },
      )
      if (!session.url) throw new Error('Stripe gave a checkout session without an address')
      return { url: session.url }
    },
  }
}
