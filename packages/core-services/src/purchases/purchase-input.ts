import * as v from 'valibot'

const id = v.pipe(v.string('Give an id'), v.minLength(1, 'Give an id'))
const epochMs = v.pipe(v.number('Give a time in epoch ms'), v.integer(), v.minValue(0))
const cents = v.pipe(v.number('Give an amount in cents'), v.integer(), v.minValue(0))

export const checkoutSchema = v.strictObject({
  stripeSessionId: id,
  stripePaymentIntentId: id,
  stripeCustomerId: v.nullable(id),
  userId: id,
  contentId: id,
  amountCents: cents,
  currency: v.pipe(v.string(), v.regex(/^[a-z]{3}$/, 'Give a currency as Stripe writes it')),
  purchasedAtMs: epochMs,
})
export type CheckoutInput = v.InferInput<typeof checkoutSchema>

export const refundSchema = v.strictObject({
  stripePaymentIntentId: id,
  amountCents: cents,
  refundedAtMs: epochMs,
  /** Whether nothing is left of the payment. A partial refund keeps access and changes nothing here. */
  full: v.boolean(),
})
export type RefundInput = v.InferInput<typeof refundSchema>

export const customerUpdateSchema = v.strictObject({
  stripeCustomerId: id,
  /** The user that our own checkout wrote on the customer. Only used while the customer belongs to nobody. */
  userId: v.nullable(id),
  /** `null` and blank keep the name that the user has. */
  name: v.nullable(v.pipe(v.string(), v.trim(), v.maxLength(200))),
  updatedAtMs: epochMs,
})
export type CustomerUpdateInput = v.InferInput<typeof customerUpdateSchema>
