import { schemaFormat } from '@codex/cloudflare-clients/cache'
import { categories, content, purchases, users, type Database } from '@codex/database'
import { and, desc, eq } from 'drizzle-orm'
import * as v from 'valibot'
import { invalidate, staleEntry } from '../cache/invalidate.ts'
import type { ServiceCache } from '../cache/service-cache.ts'
import { logServiceEvent, type ServiceEventReporter } from '../cache/service-event.ts'
import { parseInput, type InvalidInput } from '../validation/parse-input.ts'
import {
  checkoutSchema,
  customerUpdateSchema,
  refundSchema,
  type CheckoutInput,
  type CustomerUpdateInput,
  type RefundInput,
} from './purchase-input.ts'
import {
  checkoutStatements,
  customerUpdateStatements,
  refundStatements,
  type Statements,
} from './purchase-statements.ts'

const librarySchema = v.array(
  v.object({
    contentId: v.string(),
    slug: v.string(),
    title: v.string(),
    summary: v.string(),
    categorySlug: v.string(),
    mediaItemId: v.nullable(v.string()),
    /** `false` once its creator has unpublished it. It stays in the library. */
    published: v.boolean(),
    amountCents: v.number(),
    currency: v.string(),
    /** ISO 8601. */
    purchasedAt: v.string(),
  }),
)
/** Something that a user has paid for and that was not refunded in full. */
export type LibraryItem = v.InferOutput<typeof librarySchema>[number]

/** Changes to be committed by the caller, together with what makes them happen once. */
export interface PendingChange {
  readonly ok: true
  readonly statements: Statements
}

export interface PurchaseServiceOptions {
  readonly database: Database
  /** Takes the definition of this service, so each client makes one of it. */
  readonly cache: ServiceCache
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Hears of a cache entry that could not be deleted. Default: one line on the console. */
  readonly onEvent?: ServiceEventReporter
}

/**
 * Who has bought what.
 *
 * Access is decided on the database's word alone, so that a purchase and a refund count at once everywhere. A user's
 * library is what they are shown: it is cached for 5 min and deleted when a payment or refund is committed; other
 * locations of KV may show the older one for 60 s or more, and all of them for a day while the database fails.
 *
 * The `record…` and `apply…` calls change nothing themselves. They give the statements that their caller commits in one
 * batch with the row that says the event was processed, and after the commit it calls `invalidateUser`.
 */
export interface PurchaseService {
  /**
   * What the user has, the latest purchase first, each item once.
   *
   * @param options.with The slug of what was just bought: a cached library without it is read again.
   */
  listForUser(
    userId: string,
    options?: { readonly with?: string | null },
  ): Promise<readonly LibraryItem[]>
  /** From the database, each time. */
  hasPurchased(userId: string, contentId: string): Promise<boolean>

  /** A paid checkout. It may come before or after its refund. */
  recordCheckout(checkout: CheckoutInput): PendingChange | InvalidInput
  /** A refund. It may come before or after its checkout. Partial refunds keep access: no statements. */
  recordRefund(refund: RefundInput): PendingChange | InvalidInput
  /** A customer's new name, unless a newer one was applied. The e-mail is never taken over. */
  applyCustomerUpdate(update: CustomerUpdateInput): PendingChange | InvalidInput

  /** Which of the two do not exist, so that a checkout cannot be recorded. */
  findMissing(reference: {
    readonly userId: string
    readonly contentId: string
  }): Promise<readonly ('user' | 'content')[]>
  /** `null` while no purchase with this payment is recorded. */
  findPayer(
    stripePaymentIntentId: string,
  ): Promise<{ userId: string; purchasedAtMs: number } | null>
  /** The user that this customer is, or could be: the one who has the id, else `userId` if it exists. */
  findCustomer(customer: {
    readonly stripeCustomerId: string
    readonly userId: string | null
  }): Promise<string | null>

  /** @returns Whether no stale entry is left. */
  invalidateUser(userId: string): Promise<boolean>
}

export function createPurchaseService({
  database,
  cache,
  now = Date.now,
  onEvent = logServiceEvent,
}: PurchaseServiceOptions): PurchaseService {
  const loadLibrary = async (userId: string): Promise<LibraryItem[]> => {
    const rows = await database
      .select({
        contentId: content.id,
        slug: content.slug,
        title: content.title,
        summary: content.summary,
        categorySlug: categories.slug,
        mediaItemId: content.mediaItemId,
        status: content.status,
        amountCents: purchases.amountCents,
        currency: purchases.currency,
        purchasedAt: purchases.purchasedAt,
      })
      .from(purchases)
      .innerJoin(content, eq(content.id, purchases.contentId))
      .innerJoin(categories, eq(categories.id, content.categoryId))
      .where(and(eq(purchases.userId, userId), eq(purchases.status, 'paid')))
      .orderBy(desc(purchases.purchasedAt), desc(purchases.id))
    const items = new Map<string, LibraryItem>()
    for (const { status, purchasedAt, ...row } of rows) {
      if (items.has(row.contentId)) continue
      items.set(row.contentId, {
        ...row,
        published: status === 'published',
        purchasedAt: purchasedAt.toISOString(),
      })
    }
    return [...items.values()]
  }

  const libraryKey = (userId: string): [string] => [userId]
  const libraries = cache.define<string, readonly LibraryItem[]>('library', {
    key: libraryKey,
    load: loadLibrary,
    format: schemaFormat(librarySchema),
    fresh: '5m',
    staleIfError: '1d',
    // Another worker ends it when a payment arrives, and the buyer looks at once.
    memory: false,
  })
  const invalidateUser = (id: string): Promise<boolean> =>
    invalidate([staleEntry(libraries, { id, key: libraryKey })], { onEvent })

  const pending = <Input>(
    parsed: { readonly ok: true; readonly value: Input } | InvalidInput,
    toStatements: (input: Input) => Statements,
  ): PendingChange | InvalidInput =>
    parsed.ok ? { ok: true, statements: toStatements(parsed.value) } : parsed

  return {
    async listForUser(userId, { with: slug = null } = {}) {
      const library = (await libraries.get(userId)) ?? []
      if (slug === null || library.some((item) => item.slug === slug)) return library
      // It may be from before the purchase.
      await invalidateUser(userId)
      return (await libraries.get(userId)) ?? []
    },

    async hasPurchased(userId, contentId) {
      const [paid] = await database
        .select({ id: purchases.id })
        .from(purchases)
        .where(
          and(
            eq(purchases.userId, userId),
            eq(purchases.contentId, contentId),
            eq(purchases.status, 'paid'),
          ),
        )
        .limit(1)
      return paid !== undefined
    },

    recordCheckout(checkout) {
      return pending(parseInput(checkoutSchema, checkout), (input) =>
        checkoutStatements(database, input, { nowMs: now() }),
      )
    },

    recordRefund(refund) {
      return pending(parseInput(refundSchema, refund), (input) => refundStatements(database, input))
    },

    applyCustomerUpdate(update) {
      return pending(parseInput(customerUpdateSchema, update), (input) =>
        customerUpdateStatements(database, input, { nowMs: now() }),
      )
    },

    async findMissing({ userId, contentId }) {
      const [[user], [item]] = await database.batch([
        database.select({ id: users.id }).from(users).where(eq(users.id, userId)),
        database.select({ id: content.id }).from(content).where(eq(content.id, contentId)),
      ])
      return [
        ...(user === undefined ? (['user'] as const) : []),
        ...(item === undefined ? (['content'] as const) : []),
      ]
    },

    async findPayer(stripePaymentIntentId) {
      const [row] = await database
        .select({ userId: purchases.userId, purchasedAt: purchases.purchasedAt })
        .from(purchases)
        .where(eq(purchases.stripePaymentIntentId, stripePaymentIntentId))
      return row ? { userId: row.userId, purchasedAtMs: row.purchasedAt.getTime() } : null
    },

    async findCustomer({ stripeCustomerId, userId }) {
      const [mapped] = await database
        .select({ id: users.id })
        .from(users)
        .where(eq(users.stripeCustomerId, stripeCustomerId))
      if (mapped !== undefined || userId === null) return mapped?.id ?? null
      const [named] = await database
        .select({ id: users.id })
        .from(users)
        .where(eq(users.id, userId))
      return named?.id ?? null
    },

    invalidateUser,
  }
}
