import type { MediaService, TranscodingMessage } from '@codex/core-services'
import type { LogEntry } from './log.ts'
import type { QueueConsumerSettings } from './settings.ts'
import type { Transcoder } from './transcoder.ts'

/** What processing one message works with. */
export interface ConsumerContext {
  readonly media: MediaService
  readonly bucket: R2Bucket
  readonly queue: Queue<TranscodingMessage>
  /** `null`: audio and video are served as they were uploaded. */
  readonly transcoder: Transcoder | null
  /** The same ones until the end of the batch. */
  readonly settings: QueueConsumerSettings
  /** Epoch ms. */
  readonly now: () => number
  readonly log: (entry: LogEntry) => void
}

/**
 * How a message ended.
 *
 * `ready` and `failed`: the item got that status. `waiting`: an external job runs, and a later message asks after
 * it. `skipped`: nothing was left to do. `malformed`: it could never succeed. `retried`: it comes again.
 */
export type Outcome = 'ready' | 'failed' | 'waiting' | 'skipped' | 'malformed' | 'retried'
