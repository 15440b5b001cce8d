import type { PublishedContent } from '@codex/core-services'
import type { App } from './app.ts'

/**
 * Puts a free item into a library, recorded the way a paid one is but with nothing to pay.
 *
 * Its checkout has the one id that this user and item can have, so that adding it twice is adding it once.
 */
export async function addFreeItem(
  { database, purchases }: Pick<App, 'database' | 'purchases'>,
  { userId, item, now = Date.now }: { userId: string; item: PublishedContent; now?: () => number },
): Promise<void> {
  if (item.priceCents !== 0) {
    throw new RangeError(
      `Cannot add an item without payment: its price must be 0, received ${String(item.priceCents)}`,
    )
  }
  const id = `free:${userId}:${item.id}`
  const change = purchases.recordCheckout({
    stripeSessionId: id,
    stripePaymentIntentId: id,
    stripeCustomerId: null,
    userId,
    contentId: item.id,
    amountCents: 0,
    currency: item.currency,
    purchasedAtMs: now(),
  })
  if (!change.ok) throw new Error('A free item could not be recorded', { cause: change.issues })
  const [first, ...rest] = change.statements
  if (first) await database.batch([first, ...rest])
  await purchases.invalidateUser(userId)
}
