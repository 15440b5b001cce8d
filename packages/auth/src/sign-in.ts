import { type Database, sessions } from '@codex/database'
import { isAPIError } from 'better-auth/api'
import { eq } from 'drizzle-orm'
import { canonicalEmail, checkEmail, passwordLength } from './account-input.ts'
import type { Auth } from './auth.ts'
import { AuthError } from './auth-error.ts'
import type { BetterAuth } from './better-auth.ts'
import type { DatabaseCalls } from './database-calls.ts'
import { authHeaders } from './request-headers.ts'
import { sessionSetCookies } from './session-cookie.ts'
import type { SessionLookup } from './session-lookup.ts'
import type { SessionRevocation } from './session-revocation.ts'
import { readSession } from './session-rows.ts'

export function createSignIn(options: {
  betterAuth: BetterAuth
  calls: DatabaseCalls
  database: Database
  lookup: SessionLookup
  revocation: SessionRevocation
  now: () => number
}): Pick<Auth, 'signIn' | 'signOut'> {
  const { betterAuth, calls, database, lookup, revocation, now } = options
  return {
    async signIn(input, headers) {
      const email = canonicalEmail(input.email)
      const { password } = input
      if (checkEmail(email) !== null || password.length > passwordLength.max) {
        return { ok: false, reason: 'invalid_credentials' }
      }
      try {
        return await calls.run('sign in', async () => {
          const result = await betterAuth.api.signInEmail({
            body: { email, password },
            headers: authHeaders(headers, { cookie: false }),
            returnHeaders: true,
          })
          const session = await readSession(database, result.response.token, { nowMs: now() })
          // Only a password change, at this very moment, ends a session that has just begun.
          if (session === null) return { ok: false, reason: 'invalid_credentials' }
          return { ok: true, session, setCookies: sessionSetCookies(result.headers) }
        })
      } catch (error) {
        if (!isAPIError(error)) throw error
        if (error.body?.code === 'EMAIL_NOT_VERIFIED') {
          return { ok: false, reason: 'email_not_verified' }
        }
        if (error.statusCode === 401 || error.body?.code === 'INVALID_EMAIL') {
          return { ok: false, reason: 'invalid_credentials' }
        }
        throw new AuthError('sign in', { cause: error })
      }
    },

    async signOut(headers) {
      const token = await lookup.readToken(headers)
      if (token !== null) {
        // Not better-auth's sign-out, which answers "signed out" also when the database failed.
        await calls.run('sign out', () =>
          database.delete(sessions).where(eq(sessions.token, token)),
        )
        await revocation.forgetSession(token)
      }
      const cleared = await betterAuth.api.clearSessionCookie({ returnHeaders: true })
      return { setCookies: sessionSetCookies(cleared.headers) }
    },
  }
}
