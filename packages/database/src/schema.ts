import { relations, sql } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'

/** What a user may do: buy (`customer`), also publish (`creator`), also run the platform (`owner`). */
export const userRoles = ['customer', 'owner', 'creator'] as const
export type UserRole = (typeof userRoles)[number]

export const contentStatuses = ['draft', 'published'] as const
export type ContentStatus = (typeof contentStatuses)[number]

/** `uploaded` → `processing` → `ready` or `failed`. Only the queue consumer moves it past `uploaded`. */
export const mediaStatuses = ['uploaded', 'processing', 'ready', 'failed'] as const
export type MediaStatus = (typeof mediaStatuses)[number]

export const purchaseStatuses = ['paid', 'refunded'] as const
export type PurchaseStatus = (typeof purchaseStatuses)[number]

const id = () =>
  text('id')
    .primaryKey()
    .$defaultFn(() => crypto.randomUUID())
const timestamp = (name: string) => integer(name, { mode: 'timestamp_ms' })
const createdAt = () =>
  timestamp('created_at')
    .notNull()
    .default(sql`(unixepoch() * 1000)`)
const updatedAt = () =>
  timestamp('updated_at')
    .notNull()
    .default(sql`(unixepoch() * 1000)`)
    .$onUpdateFn(() => new Date())

// Users, accounts and verifications have the columns that better-auth expects of them.

export const users = sqliteTable('users', {
  id: id(),
  name: text('name').notNull(),
  email: text('email').notNull().unique(),
  emailVerified: integer('email_verified', { mode: 'boolean' }).notNull().default(false),
  image: text('image'),
  role: text('role', { enum: userRoles }).notNull().default('customer'),
  stripeCustomerId: text('stripe_customer_id').unique(),
  /** `created` of the newest customer.updated event that was applied, so that an older one that arrives late is not. */
  stripeUpdatedAt: timestamp('stripe_updated_at'),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})

export const accounts = sqliteTable(
  'accounts',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    accountId: text('account_id').notNull(),
    providerId: text('provider_id').notNull(),
    accessToken: text('access_token'),
    refreshToken: text('refresh_token'),
    idToken: text('id_token'),
    accessTokenExpiresAt: timestamp('access_token_expires_at'),
    refreshTokenExpiresAt: timestamp('refresh_token_expires_at'),
    scope: text('scope'),
    password: text('password'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('accounts_user').on(table.userId),
    uniqueIndex('accounts_provider_account').on(table.providerId, table.accountId),
  ],
)

export const verifications = sqliteTable(
  'verifications',
  {
    id: id(),
    identifier: text('identifier').notNull(),
    value: text('value').notNull(),
    expiresAt: timestamp('expires_at').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('verifications_identifier').on(table.identifier)],
)

/** A creator's public face, and where in the media bucket their uploads live. */
export const creators = sqliteTable('creators', {
  userId: text('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  handle: text('handle').notNull().unique(),
  displayName: text('display_name').notNull(),
  bio: text('bio').notNull().default(''),
  storagePrefix: text('storage_prefix').notNull().unique(),
  createdAt: createdAt(),
})

export const categories = sqliteTable('categories', {
  id: id(),
  slug: text('slug').notNull().unique(),
  name: text('name').notNull(),
  description: text('description').notNull().default(''),
  position: integer('position').notNull().default(0),
})

export const mediaItems = sqliteTable(
  'media_items',
  {
    id: id(),
    creatorId: text('creator_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    filename: text('filename').notNull(),
    objectKey: text('object_key').notNull().unique(),
    declaredType: text('declared_type').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    status: text('status', { enum: mediaStatuses }).notNull().default('uploaded'),
    /** Why it failed, in words for the creator. Set exactly when the status is `failed`. */
    failureReason: text('failure_reason'),
    detectedType: text('detected_type'),
    sha256: text('sha256'),
    widthPx: integer('width_px'),
    heightPx: integer('height_px'),
    manifestKey: text('manifest_key'),
    /** The job's id at an external transcoder while it works on this item. */
    externalJobId: text('external_job_id'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [index('media_items_creator').on(table.creatorId, table.createdAt)],
)

export const content = sqliteTable(
  'content',
  {
    id: id(),
    slug: text('slug').notNull().unique(),
    creatorId: text('creator_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    categoryId: text('category_id')
      .notNull()
      .references(() => categories.id),
    mediaItemId: text('media_item_id').references(() => mediaItems.id, { onDelete: 'set null' }),
    title: text('title').notNull(),
    summary: text('summary').notNull().default(''),
    body: text('body').notNull().default(''),
    /** In the currency's minor unit (cents). 0 is free. */
    priceCents: integer('price_cents').notNull(),
    currency: text('currency').notNull().default('usd'),
    featured: integer('featured', { mode: 'boolean' }).notNull().default(false),
    status: text('status', { enum: contentStatuses }).notNull().default('draft'),
    publishedAt: timestamp('published_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('content_published').on(table.status, table.categoryId, table.publishedAt),
    index('content_newest').on(table.status, table.publishedAt),
    index('content_creator').on(table.creatorId, table.createdAt),
    check('content_price', sql`${table.priceCents} >= 0`),
  ],
)

export const purchases = sqliteTable(
  'purchases',
  {
    id: id(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    contentId: text('content_id')
      .notNull()
      .references(() => content.id),
    status: text('status', { enum: purchaseStatuses }).notNull(),
    amountCents: integer('amount_cents').notNull(),
    currency: text('currency').notNull(),
    stripeSessionId: text('stripe_session_id').notNull().unique(),
    stripePaymentIntentId: text('stripe_payment_intent_id').unique(),
    purchasedAt: timestamp('purchased_at').notNull(),
    refundedAt: timestamp('refunded_at'),
  },
  (table) => [
    index('purchases_user').on(table.userId, table.purchasedAt),
    index('purchases_content').on(table.contentId),
    index('purchases_day').on(table.purchasedAt),
  ],
)

/** Full refunds by payment, kept apart from `purchases` because a refund's event may arrive before its purchase's. */
export const refunds = sqliteTable('refunds', {
  stripePaymentIntentId: text('stripe_payment_intent_id').primaryKey(),
  amountCents: integer('amount_cents').notNull(),
  refundedAt: timestamp('refunded_at').notNull(),
})

export const platformSettings = sqliteTable('platform_settings', {
  key: text('key').primaryKey(),
  /** Any JSON value. Nullable because drizzle writes the JSON value `null` as SQL's NULL. */
  value: text('value', { mode: 'json' }),
  updatedBy: text('updated_by').references(() => users.id, { onDelete: 'set null' }),
  updatedAt: updatedAt(),
})

/** One row for each webhook event whose effects are in the database: the unique insert is what makes it exactly once. */
export const processedWebhookEvents = sqliteTable(
  'processed_webhook_events',
  {
    provider: text('provider').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    eventCreatedAt: timestamp('event_created_at').notNull(),
    processedAt: timestamp('processed_at')
      .notNull()
      .default(sql`(unixepoch() * 1000)`),
  },
  (table) => [primaryKey({ columns: [table.provider, table.eventId] })],
)

// better-auth reads a user with their accounts in one query through these.

export const usersRelations = relations(users, ({ many }) => ({
  accounts: many(accounts),
}))

export const accountsRelations = relations(accounts, ({ one }) => ({
  user: one(users, { fields: [accounts.userId], references: [users.id] }),
}))
