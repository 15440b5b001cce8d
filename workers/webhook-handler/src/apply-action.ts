import { keys, type SessionCacheClient } from '@codex/cloudflare-clients'
import type {
  AnalyticsService,
  InvalidInput,
  PendingChange,
  PurchaseService,
  ServiceEventReporter,
} from '@codex/core-services'
import type { Database } from '@codex/database'
import { accept, refuse, type Answer } from './answer.ts'
import { commitOnce } from './commit-once.ts'
import type { EventAction, StripeEvent } from './stripe-event.ts'

export interface ApplyActionOptions {
  readonly database: Database
  readonly purchases: PurchaseService
  readonly analytics: AnalyticsService
  readonly sessions: SessionCacheClient
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Hears of cache entries that could not be deleted. */
  readonly onEvent: ServiceEventReporter
}

type Action = Extract<EventAction, { readonly kind: 'checkout' | 'refund' | 'customer' }>

/** Commits what the event asks for, once, and then drops every cache entry from before it. */
export async function applyAction(
  event: StripeEvent,
  action: Action,
  options: ApplyActionOptions,
): Promise<Answer> {
  const { database, purchases, now } = options
  if (action.kind === 'customer' && (await purchases.findCustomer(action.customer)) === null) {
    // A customer of something else in the same Stripe account, unless it says that it is one of ours.
    return action.customer.userId === null
      ? accept('ignored', { detail: 'unmapped_customer' })
      : refuse('unknown_reference', { detail: 'user' })
  }
  const change = toChange(action, purchases)
  if (!change.ok) {
    const fields = change.issues.map((issue) => issue.path).join(', ')
    return refuse('unexpected_shape', { detail: fields })
  }

  const { statements } = change
  const result = await commitOnce(database, event, { statements, processedAt: new Date(now()) })
  if (result === 'broken_reference') {
    // Paid, and nobody or nothing to give it to. A replica that lags or a restored backup heals by itself, and the
    // event is sent again; a deleted account needs a person, who finds the log line and the event in the dashboard.
    const missing = action.kind === 'checkout' ? await purchases.findMissing(action.checkout) : []
    return refuse('unknown_reference', { detail: missing.join(', ') })
  }
  // A duplicate too: the delivery that committed it may have ended before it came here.
  const failures = await invalidateFor(action, options)
  const outcome = result === 'duplicate' ? 'duplicate' : 'processed'
  return accept(outcome, {
    cacheInvalidated: failures.length === 0,
    ...(failures.length === 0 ? {} : { detail: `not invalidated: ${failures.join(', ')}` }),
  })
}

function toChange(action: Action, purchases: PurchaseService): PendingChange | InvalidInput {
  switch (action.kind) {
    case 'checkout':
      return purchases.recordCheckout(action.checkout)
    case 'refund':
      return purchases.recordRefund(action.refund)
    case 'customer':
      return purchases.applyCustomerUpdate(action.customer)
  }
}

/**
 * A cache that cannot be reached does not fail the event: its effects stand, the entries end with their TTL, and
 * Stripe's next delivery would come later than that.
 *
 * @returns The names of the caches that may be stale.
 */
async function invalidateFor(
  action: Action,
  { purchases, analytics, sessions, onEvent }: ApplyActionOptions,
): Promise<readonly string[]> {
  switch (action.kind) {
    case 'checkout': {
      const { userId, purchasedAtMs } = action.checkout
      return namesOfFailures({
        purchases: purchases.invalidateUser(userId),
        analytics: analytics.invalidateAt(purchasedAtMs),
      })
    }
    case 'refund': {
      const { stripePaymentIntentId, refundedAtMs } = action.refund
      const payer = await purchases.findPayer(stripePaymentIntentId)
      return namesOfFailures({
        purchases: payer === null ? true : purchases.invalidateUser(payer.userId),
        analytics: analytics.invalidateAt(refundedAtMs),
      })
    }
    case 'customer': {
      const userId = await purchases.findCustomer(action.customer)
      if (userId === null) return []
      return namesOfFailures({
        purchases: purchases.invalidateUser(userId),
        // Sessions carry the name.
        sessions: sessions.deleteUserSessions(userId).then(
          () => true,
          (error: unknown) => {
            const stale = [keys.userSessionPrefix(userId)]
            onEvent({ type: 'cache_invalidation_failed', keys: stale, error })
            return false
          },
        ),
      })
    }
  }
}

async function namesOfFailures(
  work: Readonly<Record<string, boolean | Promise<boolean>>>,
): Promise<readonly string[]> {
  const results = await Promise.all(
    Object.entries(work).map(async ([name, done]) => ({ name, done: await done })),
  )
  return results.filter(({ done }) => !done).map(({ name }) => name)
}
