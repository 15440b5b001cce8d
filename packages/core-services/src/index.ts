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
