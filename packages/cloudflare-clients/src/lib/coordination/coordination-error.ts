import { CloudflareClientError } from '../shared/client-error.ts'

export type CoordinationErrorCode =
  /** Others hold it, and nothing was waited for. */
  | 'busy'
  /** As many as may stand in line do already. */
  | 'line_full'
  /** It was not free within the time that was to be waited. */
  | 'timed_out'
  /** It ended before the work did: it was not renewed in time. Somebody else may hold it since. */
  | 'lost'
  /** The object failed. What was asked of it may have been done. */
  | 'unavailable'
  /** The object has too much to do. To try again at once makes it worse. */
  | 'overloaded'
  /** The object did not answer in time. What was asked of it may have been done. */
  | 'no_answer'

const retryableCodes: readonly CoordinationErrorCode[] = [
  'busy',
  'line_full',
  'timed_out',
  'unavailable',
  'no_answer',
]

/** A lock, a permit, work that runs once or a count could not be had. The `cause` is what the binding threw. */
export class CoordinationError extends CloudflareClientError {
  override readonly name = 'CoordinationError'
  declare readonly code: CoordinationErrorCode

  constructor(
    message: string,
    options: { code: CoordinationErrorCode; operation: string; cause?: unknown },
  ) {
    super(message, { ...options, retryable: retryableCodes.includes(options.code) })
  }
}
