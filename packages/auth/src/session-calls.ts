import { SessionError } from '@codex/cloudflare-clients/session'
import { AuthError } from './auth-error.ts'

/** What a `SessionStore` says of itself, and not of a user. */
const faults: readonly string[] = ['unavailable', 'overloaded', 'no_answer']

/**
 * Runs a call of the session store under a name.
 *
 * @throws {AuthError} When it could not be done, which is not "signed out". Other errors pass through.
 */
export async function callSessions<T>(operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof SessionError) || !faults.includes(error.code)) throw error
    throw new AuthError(operation, { cause: error, code: 'sessions_unavailable' })
  }
}

/** `fallback` where the store works on KV alone, which cannot do what was asked. */
export async function unlessAlone<T, Fallback>(
  call: Promise<T>,
  fallback: Fallback,
): Promise<T | Fallback> {
  try {
    return await call
  } catch (error) {
    if (error instanceof SessionError && error.code === 'no_authority') return fallback
    throw error
  }
}
