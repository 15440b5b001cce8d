import { betterAuth } from 'better-auth/minimal'
import { passwordLength } from './account-input.ts'
import type { AccountMails } from './account-mails.ts'
import type { DatabaseCalls } from './database-calls.ts'
export interface BetterAuthSettings {
  readonly adapter: DatabaseCalls['adapter']
  readonly secret: string
  readonly origin: string
  readonly mails: AccountMails
  /** Called with a user who has just been created and owns an unconfirmed address. */
  readonly onUnverifiedUser: (user: { id: string; email: string }) => Promise<void>
}

/** The part of better-auth that the rest of this package calls: `auth.api`, never its HTTP handler. */
export type BetterAuth = ReturnType<typeof createBetterAuth>

/** better-auth as this platform uses it: for accounts, and never for sessions. What is not set here has better-auth's default on purpose. */
export function createBetterAuth(settings: BetterAuthSettings) {
  const { adapter, secret, origin, mails, onUnverifiedUser } = settings
  return betterAuth({
    appName: 'Codex',
    baseURL: origin,
    secret,
    database: adapter,
    user: {
      // `input: false`: nobody signs up as an owner.
      additionalFields: { role: { type: 'string', defaultValue: 'customer', input: false } },
    },
    emailAndPassword: {
      enabled: true,
      autoSignIn: false,
      requireEmailVerification: true,
      minPasswordLength: passwordLength.min,
      maxPasswordLength: passwordLength.max,
      resetPasswordTokenExpiresIn: 60 * 60,
      // It has none: all sessions are the session store's.
      revokeSessionsOnPasswordReset: false,
      sendResetPassword: ({ user, token }) => mails.sendPasswordReset(user.email, token),
      onExistingUserSignUp: ({ user }) => mails.sendExistingAccount(user.email),
    },
    emailVerification: {
      sendOnSignUp: true,
      // better-auth's own token is a JWT that could be used again, so it is not sent.
      sendVerificationEmail: ({ user }) => onUnverifiedUser(user),
    },
    // Expired ones stay a while, so that the answer to an old link can be "expired".
    verification: { storeIdentifier: 'hashed', disableCleanup: true },
    // A session of its own could not be written either, see better-auth-schema.ts.
    databaseHooks: { session: { create: { before: () => Promise.resolve(false) } } },
    advanced: {
      // A user and their accounts in one query. Without it, better-auth also writes failed queries to the console.
      database: { joins: true },
    },
    // The router is not mounted, and limits are the application's.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Its messages quote addresses, and errors with query parameters. What matters reaches the caller.
    logger: { disabled: true },
  })
}
