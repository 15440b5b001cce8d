import { createDatabase, userRoles, users } from '@codex/database'
import { eq } from 'drizzle-orm'
import { createAccountMails } from './account-mails.ts'
import type { Auth, AuthOptions } from './auth.ts'
import { createAuthReporter } from './auth-event.ts'
import { createBetterAuth } from './better-auth.ts'
import { createDatabaseCalls } from './database-calls.ts'
import { createEmailVerification } from './email-verification.ts'
import { createPasswords, exceptOf } from './passwords.ts'
import { callSessions } from './session-calls.ts'
import { createSignIn } from './sign-in.ts'
import { createSignUp } from './sign-up.ts'

const minSecretLength = 32

/**
 * Creates the platform's authentication: better-auth on D1, and sessions in a
 * `SessionStore`.
 *
 * It keeps no state of its own, so one at module scope serves every request.
 *
 * @throws {RangeError} When the secret is shorter than 32 characters.
 * @throws {TypeError} When the origin is not an http(s) URL.
 *
 * @example
 * const auth = createAuth({
 *   d1: env.DB,
 *   secret: env.AUTH_SECRET,
 *   origin: 'https://codex.example',
 *   sessions: store, // a SessionStore
 *   mailer,
 *   waitUntil,
 * })
 * const sessions = createRequestSessions(store, request)
 * const result = await auth.signIn({ email, password }, { sessions, headers: request.headers })
 */
export function createAuth(options: AuthOptions): Auth {
  const { d1, secret, sessions: store, mailer, now = Date.now, waitUntil } = options
  if (secret.length < minSecretLength) {
    throw new RangeError(
      `Cannot create auth: secret must have at least ${minSecretLength} characters, received ${secret.length}`,
    )
  }
  const origin = parseOrigin(options.origin)
  const database = createDatabase(d1)
  const calls = createDatabaseCalls(database)
  const report = createAuthReporter(options.onEvent)
  const mails = createAccountMails({ origin, mailer, report, waitUntil })
  const verification = createEmailVerification({ database, now })
  const betterAuth = createBetterAuth({
    adapter: calls.adapter,
    secret,
    origin,
    mails,
    onUnverifiedUser: async ({ id, email }) => {
      try {
        const token = await calls.run('issue verification link', () => verification.issueToken(id))
        await mails.sendVerification(email, token)
      } catch (error) {
        // The account is there: its owner can ask for another link.
        report({ type: 'database_error', operation: 'issue verification link', error })
      }
    },
  })
  const shared = { betterAuth, calls, database, store, mails, verification }

  return {
    ...createSignUp(shared),
    ...createSignIn(shared),
    ...createPasswords(shared),

    verifyEmail: (token) => calls.run('verify e-mail', () => verification.verify(token)),

    async listSessions(userId, sessions) {
      const currentToken = sessions?.token
      const listed = await callSessions('list sessions', () =>
        store.list(userId, currentToken == null ? {} : { currentToken }),
      )
      return [...listed].sort((a, b) => b.createdAtMs - a.createdAtMs)
    },

    revokeSession: ({ userId, sessionId }) =>
      callSessions('revoke session', () => store.destroyById(userId, sessionId)),

    revokeOtherSessions: (userId, sessions) =>
      callSessions('revoke other sessions', () =>
        store.destroyAllForUser(userId, exceptOf(sessions)),
      ),

    signOutUser: (userId) => callSessions('sign out user', () => store.destroyAllForUser(userId)),

    signOutEveryone: () => callSessions('sign out everyone', () => store.destroyEveryone()),

    async setRole(userId, role) {
      if (!userRoles.includes(role)) {
        throw new TypeError(
          `Cannot set role: it must be one of ${userRoles.join(', ')}, received "${role as string}"`,
        )
      }
      const changed = await calls.run('set role', () =>
        database
          .update(users)
          .set({ role })
          .where(eq(users.id, userId))
          .returning({ id: users.id }),
      )
      if (changed.length === 0) return false
      await callSessions('set role', () => store.updateUser(userId, { roles: [role] }))
      return true
    },
  }
}

function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(`Cannot create auth: origin must be an http(s) origin, received "${text}"`)
  }
  return url.origin
}
