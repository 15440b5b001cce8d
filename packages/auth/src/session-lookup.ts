import type { CachedSession, SessionCacheClient } from '@codex/cloudflare-clients'
import { type Database, userRoles, type UserRole } from '@codex/database'
import { isAPIError } from 'better-auth/api'
import { AuthError } from './auth-error.ts'
import type { AuthEventReporter } from './auth-event.ts'
import type { BetterAuth } from './better-auth.ts'
import type { DatabaseCalls } from './database-calls.ts'
import { authHeaders } from './request-headers.ts'
import { sessionSetCookies } from './session-cookie.ts'
import type { SessionRevocation } from './session-revocation.ts'
import { readSession, toCachedSession } from './session-rows.ts'

export interface SessionLookup {
  /** The token in a request's session cookie, or `null` where its signature does not fit. Asks no store. */
  readToken(headers: Headers): Promise<string | null>
  /** The live session of a token that {@link SessionLookup.readToken} returned for these headers. */
  find(
    token: string,
    headers: Headers,
    onSetCookies: (setCookies: string[]) => void,
  ): Promise<CachedSession | null>
}

/** Signed cookie, then cache, then database. What it guarantees is said at `Auth.getSession`. */
export function createSessionLookup(options: {
  betterAuth: BetterAuth
  calls: DatabaseCalls
  database: Database
  sessionCache: Pick<SessionCacheClient, 'get' | 'set'>
  revocation: SessionRevocation
  report: AuthEventReporter
  now: () => number
}): SessionLookup {
  const { betterAuth, calls, database, sessionCache, revocation, report, now } = options

  /** `undefined`: the cache failed, and is not asked again for this request. */
  async function readCache(token: string): Promise<CachedSession | null | undefined> {
    try {
      return await sessionCache.get(token)
    } catch (error) {
      report({ type: 'session_cache_error', operation: 'get', attempt: 1, error })
      return undefined
    }
  }

  async function readDatabase(
    headers: Headers,
    onSetCookies: (setCookies: string[]) => void,
  ): Promise<CachedSession | null> {
    return calls.run('get session', async () => {
      try {
        const result = await betterAuth.api.getSession({
          headers: authHeaders(headers, { cookie: true }),
          returnHeaders: true,
        })
        onSetCookies(sessionSetCookies(result.headers))
        if (result.response === null) return null
        const { session, user } = result.response
        return toCachedSession({ session, user: { ...user, role: parseRole(user.role) } })
      } catch (error) {
        // Another request ended the session while this one was about to prolong it.
        if (isAPIError(error) && error.statusCode === 401) return null
        throw error
      }
    })
  }

  /**
   * Caches what the database said a moment ago, and then asks the database whether it still says so.
   *
   * Whoever ends a session does that in the database first and in the cache after. If the database still has
   * it after `set`, then its end in the cache comes later than `set` and takes this copy along; if it has not,
   * the copy is taken out here. Without the second look, a copy written between the two would live on.
   */
  async function fillCache(token: string, found: CachedSession): Promise<CachedSession | null> {
    try {
      await sessionCache.set(token, found)
    } catch (error) {
      report({ type: 'session_cache_error', operation: 'set', attempt: 1, error })
      return found
    }
    let current: CachedSession | null
    try {
      current = await calls.run('check session', () =>
        readSession(database, token, { nowMs: now() }),
      )
    } catch (error) {
      report({ type: 'database_error', operation: 'check session', error })
      return found
    }
    if (JSON.stringify(current) !== JSON.stringify(found)) await revocation.forgetSession(token)
    return current
  }

  return {
    readToken: (headers) =>
      betterAuth.api.readSessionToken({ headers: authHeaders(headers, { cookie: true }) }),

    async find(token, headers, onSetCookies) {
      const cached = await readCache(token)
      if (cached) return cached
      const found = await readDatabase(headers, onSetCookies)
      return found === null || cached === undefined ? found : fillCache(token, found)
    },
  }
}

function parseRole(role: unknown): UserRole {
  const known = userRoles.find((each) => each === role)
  if (known === undefined) {
    throw new AuthError('get session', { cause: new TypeError('The user has an unknown role') })
  }
  return known
}
