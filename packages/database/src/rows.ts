import type {
  categories,
  content,
  creators,
  mediaItems,
  platformSettings,
  purchases,
  refunds,
  users,
} from './schema.ts'

export type CategoryRow = typeof categories.$inferSelect
export type ContentRow = typeof content.$inferSelect
export type CreatorRow = typeof creators.$inferSelect
export type MediaItemRow = typeof mediaItems.$inferSelect
export type PlatformSettingRow = typeof platformSettings.$inferSelect
export type PurchaseRow = typeof purchases.$inferSelect
export type RefundRow = typeof refunds.$inferSelect
export type UserRow = typeof users.$inferSelect

export type NewContentRow = typeof content.$inferInsert
export type NewMediaItemRow = typeof mediaItems.$inferInsert
export type NewPurchaseRow = typeof purchases.$inferInsert
