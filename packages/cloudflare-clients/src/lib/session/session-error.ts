import { CloudflareClientError } from '../shared/client-error.ts'

export type SessionErrorCode =
  /** The authority failed. What was asked of it may have been done. Answer 503, never "signed out". */
  | 'unavailable'
  /** The authority has too much to do. To try again at once makes it worse. */
  | 'overloaded'
  /** The authority did not answer in time. What was asked of it may have been done. */
  | 'no_answer'
  /** All sessions of the user were ended while their credentials were checked: sign in again. */
  | 'epoch_moved'
  /** The user may not have sessions. */
  | 'banned'
  /** Only an authority can do this, and the store has none. */
  | 'no_authority'

const retryableCodes: readonly SessionErrorCode[] = ['unavailable', 'no_answer']

/** A session could not be made, judged or ended. The `cause` is what the binding threw. */
export class SessionError extends CloudflareClientError {
  override readonly name = 'SessionError'
  declare readonly code: SessionErrorCode

  constructor(
    message: string,
    options: { code: SessionErrorCode; operation: string; cause?: unknown },
  ) {
    super(message, { ...options, retryable: retryableCodes.includes(options.code) })
  }
}
