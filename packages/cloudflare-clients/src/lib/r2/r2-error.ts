import { CloudflareClientError } from '../shared/client-error.ts'

export type R2ErrorCode =
  /** The credentials are wrong, or expired (401). */
  | 'unauthorized'
  /** The credentials do not reach so far (403). */
  | 'forbidden'
  | 'no_such_bucket'
  /** The multipart upload was completed, aborted or never begun. */
  | 'no_such_upload'
  /** The body is not what its checksum says. */
  | 'checksum_mismatch'
  /** Object, part or metadata over its limit. */
  | 'too_large'
  /** The range lies outside the object. */
  | 'invalid_range'
  | 'invalid_request'
  /** More than one write to a key within a second, or too many requests (429, 503 SlowDown). */
  | 'rate_limited'
  /** The store does not implement it. */
  | 'unsupported'
  /** The store did not serve the call: a 5xx, a reset connection. */
  | 'unavailable'
  /** No answer in time. */
  | 'timed_out'
  /** Some of the keys could not be deleted: see `keys`. */
  | 'partly_deleted'
  /** The source of a resumed upload is not what it was. */
  | 'source_changed'
  /** What was stored is not what was sent. */
  | 'corrupt_upload'

/** The store failed. The message holds no key, no credential and no signed address. */
export class R2Error extends CloudflareClientError {
  override readonly name = 'R2Error'
  declare readonly code: R2ErrorCode
  /** The store's own code, such as `10048` or `NoSuchUpload`. */
  declare readonly storeCode?: string
  /** The keys that were not deleted, where some were. */
  declare readonly keys?: readonly string[]
  /** How long the store asks to be left alone, in ms. */
  declare readonly retryAfterMs?: number
}

interface R2ErrorDetails {
  readonly cause?: unknown
  readonly storeCode?: string | undefined
  readonly keys?: readonly string[]
  readonly retryAfterMs?: number | undefined
}

const retryableCodes: ReadonlySet<R2ErrorCode> = new Set([
  'rate_limited',
  'unavailable',
  'timed_out',
])

export function createR2Error(
  operation: string,
  code: R2ErrorCode,
  { cause, ...details }: R2ErrorDetails = {},
): R2Error {
  const { storeCode } = details
  const detail = storeCode === undefined ? '' : ` (${storeCode})`
  return new R2Error(`Cannot ${operation}: ${code.replaceAll('_', ' ')}${detail}`, {
    code,
    operation,
    retryable: retryableCodes.has(code),
    cause,
    ...details,
  })
}
