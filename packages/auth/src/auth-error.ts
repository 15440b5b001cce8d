/**
 * The database did not do what authentication asked of it.
 *
 * Its message names the operation and nothing else, and `cause` is D1's own error: a driver's error that
 * quotes the query's parameters, and so a session token, is never passed on.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code = 'database_unavailable'
  /** What was being done, such as `get session`. */
  readonly operation: string
  /** Whether the same call may succeed later. */
  readonly retryable = true

  constructor(operation: string, options: { cause: unknown }) {
    super(`Cannot ${operation}: the database failed`, { cause: withoutParameters(options.cause) })
    this.operation = operation
  }
}

/** drizzle's errors carry the query's parameters in their message. The error of D1 below them does not. */
function withoutParameters(error: unknown): unknown {
  let innermost = error
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause
  return innermost instanceof Error && 'params' in innermost ? undefined : innermost
}
