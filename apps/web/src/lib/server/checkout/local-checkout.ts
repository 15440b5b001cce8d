import type { Checkout } from './checkout.ts'

/** Payment in development: a page of this site that asks for no card and sends the webhook Stripe would send. */
export function createLocalCheckout(): Checkout {
  return {
    start({ item, origin }) {
      const url = new URL(
        `/dev/checkout/cs_test_${crypto.randomUUID().replaceAll('-', '')}`,
        origin,
      )
      url.searchParams.set('item', item.slug)
      return Promise.resolve({ url: url.href })
    },
  }
}
