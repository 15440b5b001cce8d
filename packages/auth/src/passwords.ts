import { type Database, users, verifications } from '@codex/database'
import { isAPIError } from 'better-auth/api'
import { eq } from 'drizzle-orm'
import { canonicalEmail, checkEmail, checkPassword } from './account-input.ts'
import type { Auth } from './auth.ts'
import type { BetterAuth } from './better-auth.ts'
import type { DatabaseCalls } from './database-calls.ts'
import { authHeaders } from './request-headers.ts'
import { sessionSetCookies } from './session-cookie.ts'
import type { SessionLookup } from './session-lookup.ts'
import type { SessionRevocation } from './session-revocation.ts'
import { readSession } from './session-rows.ts'

const invalidToken = {
  ok: false,
  reason: 'invalid_token',
  message: 'This link was used already, or it is too old. Ask for a new one',
} as const

const wrongPassword = {
  ok: false,
  reason: 'wrong_password',
  message: 'This is not your current password',
} as const

const notSignedIn = {
  ok: false,
  reason: 'not_signed_in',
  message: 'You are not signed in any more. Sign in and try again',
} as const

export function createPasswords(options: {
  betterAuth: BetterAuth
  calls: DatabaseCalls
  database: Database
  lookup: SessionLookup
  revocation: SessionRevocation
  now: () => number
}): Pick<Auth, 'requestPasswordReset' | 'resetPassword' | 'changePassword'> {
  const { betterAuth, calls, database, lookup, revocation, now } = options

  /** Whose reset link this is, without spending it. */
  async function ownerOfResetToken(token: string): Promise<string | null> {
    const { internalAdapter } = await betterAuth.$context
    const found = await internalAdapter.findVerificationValue(`reset-password:${token}`)
    return found === null || found.expiresAt.getTime() <= Date.now() ? null : found.value
  }

  return {
    async requestPasswordReset(input) {
      const email = canonicalEmail(input)
      if (checkEmail(email) !== null) return
      await calls.run('request password reset', async () => {
        try {
          await betterAuth.api.requestPasswordReset({ body: { email } })
        } catch (error) {
          // An address that better-auth does not take for one has no account either.
          if (!isAPIError(error) || error.statusCode !== 400) throw error
        }
      })
    },

    async resetPassword({ token, password }) {
      const weakness = checkPassword(password)
      if (weakness !== null) return { ok: false, reason: 'weak_password', message: weakness }
      const userId = await calls.run('reset password', () => ownerOfResetToken(token))
      if (userId === null) return invalidToken
      try {
        return await calls.run('reset password', async () => {
          await betterAuth.api.resetPassword({ body: { token, newPassword: password } })
          const [[user]] = await database.batch([
            database
              .update(users)
              .set({ emailVerified: true })
              .where(eq(users.id, userId))
              .returning({ email: users.email }),
            database.delete(verifications).where(eq(verifications.value, userId)),
          ])
          return user === undefined ? invalidToken : { ok: true, email: user.email }
        })
      } catch (error) {
        if (isAPIError(error) && error.statusCode === 400) return invalidToken
        throw error
      } finally {
        // Also after a failure halfway: the sessions may be gone from the database already.
        await revocation.forgetUser(userId)
      }
    },

    async changePassword({ currentPassword, newPassword }, headers) {
      const token = await lookup.readToken(headers)
      if (token === null) return notSignedIn
      const weakness = checkPassword(newPassword)
      if (weakness !== null) return { ok: false, reason: 'weak_password', message: weakness }
      // From the database and not from the cache: a session that has ended changes no password.
      const current = await calls.run('change password', () =>
        readSession(database, token, { nowMs: now() }),
      )
      if (current === null) return notSignedIn
      const { userId } = current.session
      let refused = false
      try {
        return await calls.run('change password', async () => {
          const changed = await betterAuth.api.changePassword({
            body: { currentPassword, newPassword, revokeOtherSessions: true },
            headers: authHeaders(headers, { cookie: true }),
            returnHeaders: true,
          })
          await database.delete(verifications).where(eq(verifications.value, userId))
          return { ok: true, setCookies: sessionSetCookies(changed.headers) }
        })
      } catch (error) {
        if (!isAPIError(error) || ![400, 401].includes(error.statusCode)) throw error
        refused = true
        return error.statusCode === 401 ? notSignedIn : wrongPassword
      } finally {
        // Also after a failure halfway: the password and the sessions may have changed already.
        if (!refused) await revocation.forgetUser(userId)
      }
    },
  }
}
