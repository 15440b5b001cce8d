import { SessionError, type SessionStore } from '@codex/cloudflare-clients/session'
import { type Database, users } from '@codex/database'
import { eq } from 'drizzle-orm'
import { canonicalEmail, checkEmail, passwordLength } from './account-input.ts'
import type { Auth, SignInResult } from './auth.ts'
import { type Credential, isPasswordOf, readCredential } from './credentials.ts'
import type { DatabaseCalls } from './database-calls.ts'
import { callSessions, unlessAlone } from './session-calls.ts'
import type { AuthSessions, SessionData } from './signed-in-user.ts'

const invalidCredentials = { ok: false, reason: 'invalid_credentials' } as const

export function createSignIn(options: {
  calls: DatabaseCalls
  database: Database
  store: SessionStore<SessionData>
}): Pick<Auth, 'signIn' | 'signOut'> {
  const { calls, database, store } = options

  async function findUserId(email: string): Promise<string | undefined> {
    const [user] = await database.select({ id: users.id }).from(users).where(eq(users.email, email))
    return user?.id
  }

  /**
   * A role is written to the database first and to the user's sessions after. If the database still has the one that the session
   * was made with, a change that follows finds the session; otherwise the session is changed here.
   */
  async function takeRoleOf({ user }: Credential, sessions: AuthSessions): Promise<void> {
    const [current] = await calls.run('sign in', () =>
      database.select({ role: users.role }).from(users).where(eq(users.id, user.id)),
    )
    if (current === undefined || current.role === user.role) return
    await callSessions('sign in', () => sessions.update({ roles: [current.role] }))
  }

  async function begin(
    credential: Credential,
    {
      sessions,
      headers,
      remember,
      epoch,
    }: {
      sessions: AuthSessions
      headers: Headers
      remember: boolean
      epoch: number | undefined
    },
  ): Promise<SignInResult> {
    const { user } = credential
    const userAgent = headers.get('user-agent')
    const ip = headers.get('cf-connecting-ip')
    try {
      await callSessions('sign in', () =>
        sessions.signIn(user.id, {
          email: user.email,
          roles: [user.role],
          data: { name: user.name, emailVerified: user.emailVerified },
          remember,
          ...(userAgent !== null && { userAgent }),
          ...(ip !== null && { ip }),
          ...(epoch !== undefined && { epoch }),
        }),
      )
    } catch (error) {
      // The password was changed while it was checked, or the user may not have sessions.
      const isRefused =
        error instanceof SessionError && ['epoch_moved', 'banned'].includes(error.code)
      if (isRefused) return invalidCredentials
      throw error
    }
    try {
      await takeRoleOf(credential, sessions)
    } catch (error) {
      // Nobody is left with a role that they may have no more.
      await sessions.signOut({ clearSiteData: false }).catch(() => undefined)
      throw error
    }
    return { ok: true, userId: user.id }
  }

  return {
    async signIn(input, { sessions, headers }) {
      const email = canonicalEmail(input.email)
      const { password, remember = true } = input
      if (checkEmail(email) !== null || password.length > passwordLength.max) {
        return invalidCredentials
      }
      const userId = await calls.run('sign in', () => findUserId(email))
      // Before the password is read: one that is changed from here on ends what begins here. Nobody's epoch is asked for
      // too, so that time does not tell who has an account.
      const epoch = await callSessions('sign in', () =>
        unlessAlone(store.getEpoch(userId ?? `nobody:${email}`), undefined),
      )
      const credential = await calls.run('sign in', () => readCredential(database, { email }))
      if (!(await isPasswordOf(credential, password))) return invalidCredentials
      if (credential === undefined || credential.user.id !== userId) return invalidCredentials
      if (!credential.user.emailVerified) return { ok: false, reason: 'email_not_verified' }
      return begin(credential, { sessions, headers, remember, epoch })
    },

    signOut: (sessions) => callSessions('sign out', () => sessions.signOut()),
  }
}
