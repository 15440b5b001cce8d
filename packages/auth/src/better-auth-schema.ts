import * as schema from '@codex/database/schema'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * What better-auth wants to see before it does anything, and never asks: the database has no such table. All sessions are the
 * session store's.
 */
const sessions = sqliteTable('sessions', {
  id: text('id').primaryKey(),
  userId: text('user_id').notNull(),
  token: text('token').notNull(),
  expiresAt: integer('expires_at', { mode: 'timestamp_ms' }).notNull(),
  ipAddress: text('ip_address'),
  userAgent: text('user_agent'),
  createdAt: integer('created_at', { mode: 'timestamp_ms' }).notNull(),
  updatedAt: integer('updated_at', { mode: 'timestamp_ms' }).notNull(),
})

export const betterAuthSchema = { ...schema, sessions }
