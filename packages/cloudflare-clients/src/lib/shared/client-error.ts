interface ClientErrorOptions {
  readonly code: string
  readonly operation: string
  readonly retryable: boolean
  readonly cause?: unknown
}

/**
 * The base of every infrastructure fault that a client of this package reports or throws.
 *
 * A caller's mistake is a `TypeError` or a `RangeError` instead, and an expected outcome is a value. The message,
 * the `code` and the `operation` hold no key, token or value.
 */
export class CloudflareClientError extends Error {
  override readonly name: string = 'CloudflareClientError'
  /** Stable, for programs: compare this, not the message. */
  declare readonly code: string
  /** What was being done, such as `read` or `write`. */
  declare readonly operation: string
  /** Whether the same call may succeed later. */
  declare readonly retryable: boolean

  constructor(message: string, { cause, ...fault }: ClientErrorOptions) {
    super(message, { cause })
    Object.assign(this, fault)
  }
}
