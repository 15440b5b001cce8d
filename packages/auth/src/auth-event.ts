/** What authentication did that its answer does not show. It never holds a token, an address or a password. */
export type AuthEvent =
  | {
      /** A mail could not be handed over. The person can ask for it again. */
      readonly type: 'mail_error'
      readonly mail: 'verification' | 'existing_account' | 'password_reset'
      readonly error: unknown
    }
  | {
      /** A query that the answer did not depend on failed. */
      readonly type: 'database_error'
      readonly operation: string
      readonly error: unknown
    }

export type AuthEventReporter = (event: AuthEvent) => void

/** Makes a reporter that cannot fail: an observer that throws must not turn a sign-in into an error. */
export function createAuthReporter(report: AuthEventReporter = logEvent): AuthEventReporter {
  return (event) => {
    try {
      report(event)
    } catch (error) {
      console.error('The onEvent option threw', error)
    }
  }
}

function logEvent({ error, type, ...detail }: AuthEvent): void {
  const message = error instanceof Error ? error.message : 'unknown'
  console.warn(JSON.stringify({ event: type, ...detail, message }))
}
