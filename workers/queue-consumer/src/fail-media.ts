import type { ConsumerContext, Outcome } from './context.ts'

export interface MediaFailure {
  readonly mediaId: string
  /** In words for the creator. */
  readonly reason: string
  /** Fails the item only while this is its external job; `null`: only while it has none. */
  readonly ifJobId: string | null
}

/** Fails an item for good; `skipped` when it was settled, or passed to another job, in the meantime. */
export async function failMedia(
  { media, log }: Pick<ConsumerContext, 'media' | 'log'>,
  { mediaId, reason, ifJobId }: MediaFailure,
): Promise<Outcome> {
  if ((await media.markFailed(mediaId, reason, { ifJobId })) === null) return 'skipped'
  log({ level: 'info', event: 'media_failed', mediaId, reason })
  return 'failed'
}
