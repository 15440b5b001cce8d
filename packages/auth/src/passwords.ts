import type { SessionStore } from '@codex/cloudflare-clients/session'
import { accounts, type Database, users, verifications } from '@codex/database'
import { isAPIError } from 'better-auth/api'
import { hashPassword } from 'better-auth/crypto'
import { and, eq } from 'drizzle-orm'
import { canonicalEmail, checkEmail, checkPassword } from './account-input.ts'
import type { Auth } from './auth.ts'
import type { BetterAuth } from './better-auth.ts'
import { type Credential, credentialProvider, isPasswordOf, readCredential } from './credentials.ts'
import type { DatabaseCalls } from './database-calls.ts'
import { callSessions } from './session-calls.ts'
import type { AuthSessions, SessionData } from './signed-in-user.ts'

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
  store: SessionStore<SessionData>
}): Pick<Auth, 'requestPasswordReset' | 'resetPassword' | 'changePassword' | 'confirmPassword'> {
  const { betterAuth, calls, database, store } = options

  /** Whose reset link this is, without spending it. */
  async function ownerOfResetToken(token: string): Promise<string | null> {
    const { internalAdapter } = await betterAuth.$context
    const found = await internalAdapter.findVerificationValue(`reset-password:${token}`)
    return found === null || found.expiresAt.getTime() <= Date.now() ? null : found.value
  }

  /** @returns Whether the password was still the one that was checked. */
  async function replacePassword({ user, hash }: Credential, password: string): Promise<boolean> {
    const newHash = await hashPassword(password)
    const [changed] = await database.batch([
      database
        .update(accounts)
        .set({ password: newHash })
        .where(
          and(
            eq(accounts.userId, user.id),
            eq(accounts.providerId, credentialProvider),
            eq(accounts.password, hash),
          ),
        )
        .returning({ id: accounts.id }),
      database.delete(verifications).where(eq(verifications.value, user.id)),
    ])
    return changed.length > 0
  }

  /** The credential of who is signed in, if they gave their password. */
  async function checkOwnPassword(
    operation: string,
    { sessions, password }: { sessions: AuthSessions; password: string },
  ): Promise<Credential | 'wrong_password' | 'not_signed_in'> {
    const session = await callSessions(operation, () => sessions.get())
    if (session === null) return 'not_signed_in'
    const { userId } = session
    const credential = await calls.run(operation, () => readCredential(database, { userId }))
    const isRight = await isPasswordOf(credential, password)
    return credential !== undefined && isRight ? credential : 'wrong_password'
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
      const operation = 'reset password'
      const weakness = checkPassword(password)
      if (weakness !== null) return { ok: false, reason: 'weak_password', message: weakness }
      const userId = await calls.run(operation, () => ownerOfResetToken(token))
      if (userId === null) return invalidToken
      const endSessions = () => callSessions(operation, () => store.destroyAllForUser(userId))
      // Before the link is spent, which then stays good where sessions cannot be ended.
      await endSessions()
      let email: string | undefined
      try {
        email = await calls.run(operation, async () => {
          await betterAuth.api.resetPassword({ body: { token, newPassword: password } })
          const [[user]] = await database.batch([
            database
              .update(users)
              .set({ emailVerified: true })
              .where(eq(users.id, userId))
              .returning({ email: users.email }),
            database.delete(verifications).where(eq(verifications.value, userId)),
          ])
          return user?.email
        })
      } catch (error) {
        if (isAPIError(error) && error.statusCode === 400) return invalidToken
        throw error
      }
      // And after: nobody who gave the old password in between comes in with it.
      await endSessions()
      return email === undefined ? invalidToken : { ok: true, email }
    },

    async changePassword({ currentPassword, newPassword }, sessions) {
      const operation = 'change password'
      if (sessions.token === null) return notSignedIn
      const weakness = checkPassword(newPassword)
      if (weakness !== null) return { ok: false, reason: 'weak_password', message: weakness }
      const own = await checkOwnPassword(operation, { sessions, password: currentPassword })
      if (own === 'not_signed_in') return notSignedIn
      if (own === 'wrong_password') return wrongPassword
      const endOthers = () =>
        callSessions(operation, () => store.destroyAllForUser(own.user.id, exceptOf(sessions)))
      // Before and after, as for a reset: where they cannot be ended, the password stays.
      await endOthers()
      if (!(await calls.run(operation, () => replacePassword(own, newPassword)))) {
        return wrongPassword
      }
      await endOthers()
      // The older token ends at once: it may be what the password is changed for.
      const isSignedIn = await callSessions(operation, () =>
        sessions.rotate({ reauthenticated: true, graceSeconds: 0 }),
      )
      return isSignedIn ? { ok: true } : notSignedIn
    },

    async confirmPassword(password, sessions) {
      const operation = 'confirm password'
      if (sessions.token === null) return notSignedIn
      const own = await checkOwnPassword(operation, { sessions, password })
      if (own === 'not_signed_in') return notSignedIn
      if (own === 'wrong_password') return wrongPassword
      const isSignedIn = await callSessions(operation, () =>
        sessions.rotate({ reauthenticated: true }),
      )
      return isSignedIn ? { ok: true } : notSignedIn
    },
  }
}

/** Spares the session of a request. */
export function exceptOf({ token }: AuthSessions): { readonly exceptToken?: string } {
  return token === null ? {} : { exceptToken: token }
}
