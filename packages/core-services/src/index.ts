export {
  createOperationCounts,
  formatOperations,
  type OperationCounts,
} from './operations/operation-counts.ts'
export { OperationMeter } from './operations/operation-meter.ts'
export {
  createAnalyticsService,
  type AnalyticsService,
  type AnalyticsServiceOptions,
  type DailyAnalytics,
} from './analytics/analytics-service.ts'
export {
  createContentService,
  type ContentChange,
  type ContentService,
  type ContentServiceOptions,
  type FeaturedChange,
  type FeaturedItem,
  type Page,
} from './content/content-service.ts'
export { featuredLimit } from './content/content-cache.ts'
export {
  platformCurrency,
  type ContentDraftInput,
  type ContentPatchInput,
} from './content/content-input.ts'
export type {
  Category,
  ContentSummary,
  CreatorContent,
  PublishedContent,
} from './content/content-shapes.ts'
export {
  defaultPageSize,
  maxPageSize,
  type ListPublishedInput,
  type PageInput,
} from './content/page.ts'
export {
  createCreatorService,
  type Creator,
  type CreatorBucket,
  type CreatorService,
  type CreatorServiceOptions,
  type NewCreatorInput,
} from './creators/creator-service.ts'
export {
  createMediaService,
  type MediaEvent,
  type MediaService,
  type MediaServiceOptions,
  type RetryResult,
  type UploadInput,
  type UploadRefusal,
  type UploadResult,
} from './media/media-service.ts'
export type { MediaStatusSummary } from './media/media-status.ts'
export type {
  InspectedMedia,
  MediaTransitions,
  ReadyMedia,
  TransitionCondition,
} from './media/media-transitions.ts'
export type { OpenMediaResult } from './media/open-media.ts'
export type { RequeueStuckOptions } from './media/requeue-stuck.ts'
export {
  parseTranscodingMessage,
  type ParseTranscodingMessageResult,
  type TranscodingMessage,
} from './media/transcoding-message.ts'
export {
  createPurchaseService,
  type LibraryItem,
  type PendingChange,
  type PurchaseService,
  type PurchaseServiceOptions,
} from './purchases/purchase-service.ts'
export type { CheckoutInput, CustomerUpdateInput, RefundInput } from './purchases/purchase-input.ts'
export {
  createSettingsService,
  type SettingsChange,
  type SettingsService,
  type SettingsServiceOptions,
} from './settings/settings-service.ts'
export {
  defaultPlatformSettings,
  type PlatformSettings,
  type PlatformSettingsPatch,
} from './settings/platform-settings.ts'
export type { ServiceCache } from './cache/service-cache.ts'
export {
  logServiceEvent,
  type ServiceEvent,
  type ServiceEventReporter,
} from './cache/service-event.ts'
export type { InputIssue, InvalidInput, NotFound } from './validation/parse-input.ts'
