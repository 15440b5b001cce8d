import { CloudflareClientError } from '../shared/client-error.ts'

export type KVHttpErrorCode =
  /** The token or key is not valid (401). */
  | 'unauthorized'
  /** The token may not do this (403). */
  | 'forbidden'
  /** The account or the namespace does not exist, or has no such title (404). A missing key is `null`. */
  | 'not_found'
  /** Several namespaces have the title: use the id. */
  | 'ambiguous_title'
  /** A namespace of that title exists. */
  | 'already_exists'
  /** Too many requests of the account, or writes of the key (429). */
  | 'rate_limited'
  /** The account's free daily quota is used up. */
  | 'quota_exceeded'
  /** The API does not serve the call (5xx), cannot be reached, or answers what it should not. */
  | 'unavailable'
  /** No answer in `timeoutMs`, or none in `deadlineMs` over all tries. */
  | 'timed_out'
  /** The API refused the call as malformed. */
  | 'invalid_request'
  /** Value, metadata or request over its limit (413). */
  | 'too_large'

interface KVHttpErrorDetails {
  readonly code: KVHttpErrorCode
  readonly operation: string
  readonly retryable: boolean
  readonly status?: number | undefined
  readonly cloudflareCode?: number | undefined
  readonly rayId?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly attempts?: number | undefined
  readonly failedKeys?: readonly string[] | undefined
  readonly cause?: unknown
}

/**
 * A call of KV over HTTP failed. Neither it nor its `cause` holds a credential, a value or the API's own words; only
 * `failedKeys` has keys.
 */
export class KVHttpError extends CloudflareClientError {
  override readonly name = 'KVHttpError'
  declare readonly code: KVHttpErrorCode
  /** HTTP status of the last answer. */
  declare readonly status?: number
  /** Cloudflare's own number for the fault, such as 10013. */
  declare readonly cloudflareCode?: number
  /** What Cloudflare's support finds the request by. */
  declare readonly rayId?: string
  /** How long the API asks to stay away. */
  declare readonly retryAfterMs?: number
  /** How often the request was sent. 0: not at all. */
  declare readonly attempts?: number
  /** Of a bulk call: the keys that are not known to be written or deleted. All others are. */
  declare readonly failedKeys?: readonly string[]

  constructor(message: string, details: KVHttpErrorDetails) {
    const { code, operation, retryable, cause, ...more } = details
    super(message, { code, operation, retryable, cause })
    const known = Object.entries(more).filter(([, value]) => value !== undefined)
    Object.assign(this, Object.fromEntries(known))
  }
}

/** The same error, with the keys that it leaves in doubt. */
export function withFailedKeys(error: KVHttpError, failedKeys: readonly string[]): KVHttpError {
  const { message, code, operation, retryable, cause } = error
  const { status, cloudflareCode, rayId, retryAfterMs, attempts } = error
  const seen = { status, cloudflareCode, rayId, retryAfterMs, attempts }
  return new KVHttpError(message, { code, operation, retryable, cause, ...seen, failedKeys })
}
