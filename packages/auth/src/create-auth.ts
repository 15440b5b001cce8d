import { createDatabase, sessions, userRoles, users } from '@codex/database'
import { and, eq } from 'drizzle-orm'
import { createAccountMails } from './account-mails.ts'
import type { Auth, AuthOptions } from './auth.ts'
import { createAuthReporter } from './auth-event.ts'
import { createBetterAuth } from './better-auth.ts'
import { createDatabaseCalls } from './database-calls.ts'
import { createEmailVerification } from './email-verification.ts'
import { createPasswords } from './passwords.ts'
import { createSessionLookup } from './session-lookup.ts'
import { createSessionRevocation } from './session-revocation.ts'
import { listSessionSummaries } from './session-rows.ts'
import { createSignIn } from './sign-in.ts'
import { createSignUp } from './sign-up.ts'

const minSecretLength = 32

/**
 * Creates the platform's authentication: better-auth on D1, behind the session cache.
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
 *   secureCookies: true,
 *   sessionCache: new SessionCacheClient(env.AUTH_SESSION_KV, { maxTtlSeconds: 900 }),
 *   mailer,
 *   waitUntil,
 * })
 * const session = await auth.getSession(request.headers)
 */
export function createAuth(options: AuthOptions): Auth {
  const { d1, secret, secureCookies, sessionCache, mailer, now = Date.now, waitUntil } = options
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
    secureCookies,
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
  const revocation = createSessionRevocation({ sessionCache, report, waitUntil })
  const lookup = createSessionLookup({
    betterAuth,
    calls,
    database,
    sessionCache,
    revocation,
    report,
    now,
  })
  const shared = { betterAuth, calls, database, lookup, revocation, mails, verification, now }

  return {
    async getSession(headers, { onSetCookie } = {}) {
      const token = await lookup.readToken(headers)
      if (token === null) return null
      return lookup.find(token, headers, (setCookies) => {
        for (const setCookie of setCookies) onSetCookie?.(setCookie)
      })
    },

    ...createSignUp(shared),
    ...createSignIn(shared),
    ...createPasswords(shared),

    verifyEmail: (token) => calls.run('verify e-mail', () => verification.verify(token)),

    listSessions: (userId) =>
      calls.run('list sessions', () => listSessionSummaries(database, userId, { nowMs: now() })),

    async revokeSession({ userId, sessionId }) {
      const [ended] = await calls.run('revoke session', () =>
        database
          .delete(sessions)
          .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)))
          .returning({ token: sessions.token }),
      )
      if (ended === undefined) return false
      await revocation.forgetSession(ended.token)
      return true
    },

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
      await revocation.forgetUser(userId)
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
