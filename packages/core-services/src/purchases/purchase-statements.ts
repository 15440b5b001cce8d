import { purchases, refunds, users, type Database } from '@codex/database'
import { and, eq, isNull, lte, or, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import type { CheckoutInput, CustomerUpdateInput, RefundInput } from './purchase-input.ts'

/** Statements for one `database.batch`, which is one transaction. None when there is nothing to change. */
export type Statements = readonly BatchItem<'sqlite'>[]

// Stripe delivers in any order, and more than once. Each event's statements therefore give the same end state whichever
// came first: a refund is kept in its own table, and a purchase's status follows from whether its payment is there.

export function checkoutStatements(
  database: Database,
  checkout: CheckoutInput,
  { nowMs }: { readonly nowMs: number },
): Statements {
  const { stripePaymentIntentId, stripeCustomerId, userId } = checkout
  const refundedAt = sql`(select ${refunds.refundedAt} from ${refunds} where ${refunds.stripePaymentIntentId} = ${stripePaymentIntentId})`
  const purchase = database
    .insert(purchases)
    .values({
      userId,
      contentId: checkout.contentId,
      status: sql`case when ${refundedAt} is null then 'paid' else 'refunded' end`,
      refundedAt,
      amountCents: checkout.amountCents,
      currency: checkout.currency,
      stripeSessionId: checkout.stripeSessionId,
      stripePaymentIntentId,
      purchasedAt: new Date(checkout.purchasedAtMs),
    })
    // One session can be reported paid by two events. Its purchase dates from the first, whichever arrives first.
    .onConflictDoUpdate({
      target: purchases.stripeSessionId,
      set: { purchasedAt: sql`min(${purchases.purchasedAt}, excluded.purchased_at)` },
    })
  if (stripeCustomerId === null) return [purchase]

  const customer = database
    .update(users)
    .set({ stripeCustomerId, updatedAt: new Date(nowMs) })
    .where(
      and(eq(users.id, userId), isNull(users.stripeCustomerId), belongsToNobody(stripeCustomerId)),
    )
  return [purchase, customer]
}

export function refundStatements(database: Database, refund: RefundInput): Statements {
  if (!refund.full) return []
  const { stripePaymentIntentId, amountCents } = refund
  const insert = database
    .insert(refunds)
    .values({ stripePaymentIntentId, amountCents, refundedAt: new Date(refund.refundedAtMs) })
    .onConflictDoUpdate({
      target: refunds.stripePaymentIntentId,
      set: {
        amountCents: sql`max(${refunds.amountCents}, excluded.amount_cents)`,
        refundedAt: sql`min(${refunds.refundedAt}, excluded.refunded_at)`,
      },
    })
  const end = database
    .update(purchases)
    .set({
      status: 'refunded',
      refundedAt: sql`(select ${refunds.refundedAt} from ${refunds} where ${refunds.stripePaymentIntentId} = ${stripePaymentIntentId})`,
    })
    .where(eq(purchases.stripePaymentIntentId, stripePaymentIntentId))
  return [insert, end]
}

export function customerUpdateStatements(
  database: Database,
  update: CustomerUpdateInput,
  { nowMs }: { readonly nowMs: number },
): Statements {
  const { stripeCustomerId, userId, name } = update
  const updatedAt = new Date(update.updatedAtMs)
  const unmapped =
    userId === null
      ? undefined
      : and(eq(users.id, userId), isNull(users.stripeCustomerId), belongsToNobody(stripeCustomerId))
  const apply = database
    .update(users)
    .set({
      stripeCustomerId,
      stripeUpdatedAt: updatedAt,
      updatedAt: new Date(nowMs),
      // The e-mail is the sign-in and has to be verified by its owner, so Stripe's is never taken over.
      ...(name ? { name } : {}),
    })
    .where(
      and(
        or(eq(users.stripeCustomerId, stripeCustomerId), unmapped),
        // Stripe's times are whole seconds. Of two updates within one, the later to arrive is taken.
        or(isNull(users.stripeUpdatedAt), lte(users.stripeUpdatedAt, updatedAt)),
      ),
    )
  return [apply]
}

/** A customer is one user's: a second one would break the unique index and, with it, the whole batch. */
function belongsToNobody(stripeCustomerId: string) {
  return sql`not exists (select 1 from ${users} as other where other.stripe_customer_id = ${stripeCustomerId})`
}
