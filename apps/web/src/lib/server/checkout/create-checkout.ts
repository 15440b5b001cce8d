import Stripe from 'stripe'
import type { Checkout } from './checkout.ts'
import { createLocalCheckout } from './local-checkout.ts'
import { createStripeCheckout } from './stripe-checkout.ts'

/** Stripe where a key is set, otherwise in development a page that plays its part. */
export function createCheckout(env: Env): Checkout {
  if (env.STRIPE_SECRET_KEY) return createStripeCheckout(new Stripe(env.STRIPE_SECRET_KEY))
  if (env.ENVIRONMENT === 'development') return createLocalCheckout()
  return {
    start() {
      return Promise.reject(new Error('Nothing can be bought: STRIPE_SECRET_KEY is not set'))
    },
  }
}
