import type { CheckoutInput, CustomerUpdateInput, RefundInput } from '@codex/core-services'
import * as v from 'valibot'

const eventSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^evt_\w{1,250}$/)),
  type: v.pipe(v.string(), v.regex(/^[\w.]{1,100}$/)),
  /** Epoch seconds. */
  created: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e11)),
  data: v.object({ object: v.record(v.string(), v.unknown()) }),
})
export type StripeEvent = v.InferOutput<typeof eventSchema>

export function parseEvent(value: unknown): StripeEvent | null {
  const result = v.safeParse(eventSchema, value)
  return result.success ? result.output : null
}

/** What an event asks for. */
export type EventAction =
  | { readonly kind: 'checkout'; readonly checkout: CheckoutInput }
  | { readonly kind: 'refund'; readonly refund: RefundInput }
  | { readonly kind: 'customer'; readonly customer: CustomerUpdateInput }
  | { readonly kind: 'ignored'; readonly why: string }
  /** An event of a known type that is not as Stripe documents it, or that our checkout did not make. */
  | { readonly kind: 'unexpected'; readonly fields: readonly string[] }

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(255))
const cents = v.pipe(v.number(), v.integer(), v.minValue(0))

const paidCheckoutSchema = v.object({
  id,
  payment_intent: id,
  customer: v.nullish(id, null),
  client_reference_id: v.nullish(id, null),
  amount_total: cents,
  currency: v.pipe(v.string(), v.regex(/^[a-z]{3}$/)),
  metadata: v.object({ userId: id, contentId: id }),
})

const chargeSchema = v.object({
  payment_intent: v.nullable(id),
  amount: cents,
  amount_refunded: cents,
  refunded: v.boolean(),
})

const customerSchema = v.object({
  id,
  name: v.nullish(v.pipe(v.string(), v.maxLength(200)), null),
  metadata: v.nullish(v.object({ userId: v.optional(id) }), {}),
})

export function toAction(event: StripeEvent): EventAction {
  const atMs = event.created * 1000
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded':
      return toCheckout(event.data.object, atMs)
    case 'charge.refunded':
      return toRefund(event.data.object, atMs)
    case 'customer.updated':
      return toCustomerUpdate(event.data.object, atMs)
    default:
      return { kind: 'ignored', why: 'event_type' }
  }
}

function toCheckout(object: unknown, purchasedAtMs: number): EventAction {
  const status = v.safeParse(v.object({ payment_status: v.string() }), object)
  if (!status.success) return unexpected(status.issues)
  // Money that is under way comes later as async_payment_succeeded, or not at all.
  if (status.output.payment_status !== 'paid') return { kind: 'ignored', why: 'not_paid' }

  const parsed = v.safeParse(paidCheckoutSchema, object)
  if (!parsed.success) return unexpected(parsed.issues)
  const session = parsed.output
  const { userId, contentId } = session.metadata
  if (session.client_reference_id !== null && session.client_reference_id !== userId) {
    return { kind: 'unexpected', fields: ['client_reference_id'] }
  }
  return {
    kind: 'checkout',
    checkout: {
      stripeSessionId: session.id,
      stripePaymentIntentId: session.payment_intent,
      stripeCustomerId: session.customer,
      userId,
      contentId,
      amountCents: session.amount_total,
      currency: session.currency,
      purchasedAtMs,
    },
  }
}

function toRefund(object: unknown, refundedAtMs: number): EventAction {
  const parsed = v.safeParse(chargeSchema, object)
  if (!parsed.success) return unexpected(parsed.issues)
  const charge = parsed.output
  // Every purchase has a payment intent, so a charge without one is not of a purchase.
  if (charge.payment_intent === null) return { kind: 'ignored', why: 'no_payment_intent' }
  if (!charge.refunded) return { kind: 'ignored', why: 'partial_refund' }
  return {
    kind: 'refund',
    refund: {
      stripePaymentIntentId: charge.payment_intent,
      amountCents: charge.amount_refunded,
      refundedAtMs,
      full: true,
    },
  }
}

function toCustomerUpdate(object: unknown, updatedAtMs: number): EventAction {
  const parsed = v.safeParse(customerSchema, object)
  if (!parsed.success) return unexpected(parsed.issues)
  const { id: stripeCustomerId, name, metadata } = parsed.output
  return {
    kind: 'customer',
    customer: { stripeCustomerId, userId: metadata.userId ?? null, name, updatedAtMs },
  }
}

function unexpected(issues: readonly v.BaseIssue<unknown>[]): EventAction {
  return { kind: 'unexpected', fields: issues.map((issue) => v.getDotPath(issue) ?? '') }
}
