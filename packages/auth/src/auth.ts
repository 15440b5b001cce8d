import type { CachedSession, SessionCacheClient, UserRole } from '@codex/cloudflare-clients'
import type { AuthEventReporter } from './auth-event.ts'
import type { VerifyEmailResult } from './email-verification.ts'
import type { Mailer } from './mailer.ts'
import type { SessionSummary } from './session-rows.ts'

export interface AuthOptions {
  /** The database with the users and sessions in it. */
  readonly d1: D1Database
  /** Signs session cookies. At least 32 characters, random, the same for all workers of an environment. */
  readonly secret: string
  /** Where the site is, such as `https://codex.example`. Links in mails begin with it. */
  readonly origin: string
  /** Whether the session cookie is `__Host-` and Secure. `false` only for development over plain HTTP. */
  readonly secureCookies: boolean
  /**
   * Keeps copies of sessions in front of the database. Its `maxTtlSeconds` bounds how long an ended session may
   * be served from a copy that could not be deleted, and how old a copy's user may be: give it one, such as 900.
   * Where no KV is bound, pass one on `createEmptyKV()`.
   */
  readonly sessionCache: Pick<SessionCacheClient, 'get' | 'set' | 'delete' | 'deleteUserSessions'>
  readonly mailer: Mailer
  /** Clock of verification links and session lists, epoch ms. better-auth itself uses `Date`. Default `Date.now`. */
  readonly now?: () => number
  /** Told of failures that the answer does not show. Default: a JSON line on `console.warn`. */
  readonly onEvent?: AuthEventReporter
  /**
   * Keeps a promise running after the response. With it, nobody waits for mails and a failed cache deletion is
   * tried again. Without it, mails are awaited and the deletion is not tried again.
   */
  readonly waitUntil?: (promise: Promise<unknown>) => void
}

/** What to add to the response: raw `Set-Cookie` header values. */
export interface AuthResponse {
  readonly setCookies: string[]
}

export type SignUpResult =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: 'invalid_input'
      readonly field: 'name' | 'email' | 'password'
      /** In words for the person who filled in the form, as every `message` here. */
      readonly message: string
    }

export type SignInResult =
  | ({ readonly ok: true; readonly session: CachedSession } & AuthResponse)
  | { readonly ok: false; readonly reason: 'invalid_credentials' | 'email_not_verified' }

export type ResetPasswordResult =
  /** `email`: whose password it was, so that the application can let them try to sign in anew. */
  | { readonly ok: true; readonly email: string }
  | {
      readonly ok: false
      readonly reason: 'invalid_token' | 'weak_password'
      readonly message: string
    }

export type ChangePasswordResult =
  | ({ readonly ok: true } & AuthResponse)
  | {
      readonly ok: false
      readonly reason: 'wrong_password' | 'weak_password' | 'not_signed_in'
      readonly message: string
    }

/**
 * Accounts and sessions. It limits no rates: the application does, before it calls.
 *
 * Every method rejects with an `AuthError` when the database fails: answer 503, and never "signed out".
 * A failing session cache changes no answer; it is reported.
 *
 * **How soon a session ends.** Sign-out, a new password, a new role and `revokeSession` change the database first
 * and then delete the cached copies, so on a strongly consistent store the very next `getSession` sees it. On
 * Workers KV other locations may serve a copy for about a minute longer. A copy that could not be deleted, or that
 * KV's list did not show yet, lives on for at most the cache's `maxTtlSeconds`. The same holds when a worker is
 * stopped between writing a copy and looking again whether the session has ended meanwhile.
 */
export interface Auth {
  /**
   * The session of a request.
   *
   * A forged, truncated or missing cookie costs no KV and no database operation. A hit costs one KV read and no
   * query. A miss costs a KV read, a query, two KV writes and one more query, which makes sure that the session did
   * not end while its copy was written. A session that is seen by the database and has used up a day of its
   * 30 days gets its 30 days again.
   *
   * @param options.onSetCookie Called with a `Set-Cookie` value to put on the response: the cookie of a prolonged
   * session, or the removal of a dead one. Without it the browser forgets the cookie 30 days after the sign-in.
   * @returns `null` when nobody is signed in.
   */
  getSession(
    headers: Headers,
    options?: { onSetCookie?: (setCookie: string) => void },
  ): Promise<CachedSession | null>

  /**
   * Registers an address and mails it a link to `${origin}/verify-email?token=…`. If the address has an account,
   * the answer is the same and its owner is mailed a notice instead. Nobody is signed in by this.
   */
  signUp(input: { name: string; email: string; password: string }): Promise<SignUpResult>

  /** Mails another verification link, if the address has an unverified account. The answer never tells. */
  resendVerification(email: string): Promise<void>

  /** Spends the token of a verification link, which works once and for 24 hours. */
  verifyEmail(token: string): Promise<VerifyEmailResult>

  /**
   * @param headers The request's: the session records its `cf-connecting-ip` and `user-agent`.
   * @returns `email_not_verified` only to somebody who knows the password.
   */
  signIn(input: { email: string; password: string }, headers: Headers): Promise<SignInResult>

  /** Ends the request's session, if it has one, and removes the cookie in any case. */
  signOut(headers: Headers): Promise<AuthResponse>

  /** Mails a link to `${origin}/reset-password?token=…`, if the address has an account. The answer never tells. */
  requestPasswordReset(email: string): Promise<void>

  /**
   * Spends the token of a reset link, which works once and for one hour. Ends every session of the user and every
   * other link mailed to them, and confirms their address: the link proves that they read its mail.
   * A weak password spends nothing.
   */
  resetPassword(input: { token: string; password: string }): Promise<ResetPasswordResult>

  /**
   * Ends every older session of the user, this one too, and every link mailed to them, and begins a new session.
   * It is several queries: where it rejects, the password may be the new one while older sessions live. Changing it
   * again ends them.
   */
  changePassword(
    input: { currentPassword: string; newPassword: string },
    headers: Headers,
  ): Promise<ChangePasswordResult>

  /** The user's sessions that have not expired, newest first. */
  listSessions(userId: string): Promise<SessionSummary[]>

  /** @returns Whether the user had that session. */
  revokeSession(session: { userId: string; sessionId: string }): Promise<boolean>

  /**
   * Gives a user a role. Sessions stay, with the new role from the next request on.
   *
   * @returns Whether there is such a user.
   */
  setRole(userId: string, role: UserRole): Promise<boolean>
}
