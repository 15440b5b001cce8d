import type Stripe from 'stripe'
import { sha256Hex } from '../sha256-hex.ts'
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
      const params: Stripe.Checkout.SessionCreateParams = {
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
      }
      // All of them are part of the key, because Stripe refuses one that comes again with any other parameter: a new
      // title within these minutes would leave nobody able to buy.
      const paramsDigest = await sha256Hex(JSON.stringify(params))
      const interval = String(Math.floor(now() / sameCheckoutMs))
      const session = await stripe.checkout.sessions.create(params, {
        idempotencyKey: `checkout:${interval}:${paramsDigest}`,
      })
      if (!session.url) throw new Error('Stripe gave a checkout session without an address')
      return { url: session.url }
    },
  }
}
