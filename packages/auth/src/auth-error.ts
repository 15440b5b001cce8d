export type AuthErrorCode =
  /** A query failed. */
  | 'database_unavailable'
  /** Sessions could not be judged, made or ended. */
  | 'sessions_unavailable'

const failures: Readonly<Record<AuthErrorCode, string>> = {
  database_unavailable: 'the database failed',
  sessions_unavailable: 'sessions cannot be reached',
}

/**
 * The database or the session store did not do what authentication asked of it. Answer 503, never "signed out".
 *
 * Its message names the operation and nothing else, and `cause` is the platform's own error: a driver's error that
 * quotes the query's parameters, and so perhaps a secret, is never passed on.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: AuthErrorCode
  /** What was being done, such as `sign in`. */
  readonly operation: string
  /** Whether the same call may succeed later. */
  readonly retryable = true

  constructor(
    operation: string,
    { cause, code = 'database_unavailable' }: { cause: unknown; code?: AuthErrorCode },
  ) {
    super(`Cannot ${operation}: ${failures[code]}`, { cause: withoutParameters(cause) })
    this.operation = operation
    this.code = code
  }
}

/** drizzle's errors carry the query's parameters in their message. The error of D1 below them does not. */
function withoutParameters(error: unknown): unknown {
  let innermost = error
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause
  return innermost instanceof Error && 'params' in innermost ? undefined : innermost
}
