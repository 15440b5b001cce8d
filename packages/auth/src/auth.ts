import type { SessionStore, SessionSummary } from '@codex/cloudflare-clients/session'
import type { UserRole } from '@codex/database'
import type { AuthEventReporter } from './auth-event.ts'
import type { VerifyEmailResult } from './email-verification.ts'
import type { Mailer } from './mailer.ts'
import type { AuthSessions, SessionData } from './signed-in-user.ts'

export interface AuthOptions {
  /** The database with the users in it. */
  readonly d1: D1Database
  /** Signs what better-auth signs. At least 32 characters, random, the same for all workers of an environment. */
  readonly secret: string
  /** Where the site is, such as `https://codex.example`. Links in mails begin with it. */
  readonly origin: string
  /** Keeps all sessions. Give it an authority: on KV alone a session that ended may be served for a minute or more. */
  readonly sessions: SessionStore<SessionData>
  readonly mailer: Mailer
  /** Clock of verification links, epoch ms. better-auth itself uses `Date`. Default `Date.now`. */
  readonly now?: () => number
  /** Told of failures that the answer does not show. Default: a JSON line on `console.warn`. */
  readonly onEvent?: AuthEventReporter
  /**
   * Keeps a promise running after the response. With it, nobody waits for mails.
   */
  readonly waitUntil?: (promise: Promise<unknown>) => void
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
  | { readonly ok: true; readonly userId: string }
  | { readonly ok: false; readonly reason: 'invalid_credentials' | 'email_not_verified' }

export type ResetPasswordResult =
  /** `email`: whose password it was, so that the application can let them try to sign in anew. */
  | { readonly ok: true; readonly email: string }
  | {
      readonly ok: false
      readonly reason: 'invalid_token' | 'weak_password'
      readonly message: string
    }

export type ConfirmPasswordResult =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: 'wrong_password' | 'not_signed_in'
      readonly message: string
    }

export type ChangePasswordResult =
  | ConfirmPasswordResult
  | { readonly ok: false; readonly reason: 'weak_password'; readonly message: string }

/** The request that somebody signs in with. */
export interface SignInRequest {
  /** Gets the session. Where it holds one so far, that one ends in the same step. */
  readonly sessions: AuthSessions
  /** The session keeps the `user-agent`, and the network of `cf-connecting-ip`. */
  readonly headers: Headers
}

/**
 * Accounts, and what they do to sessions. Sessions themselves are read through the `SessionStore`, see `toSignedInUser`. It limits
 * no rates: the application does, before it calls.
 *
 * Every method rejects with an `AuthError` when the database fails or sessions cannot be reached: answer 503, and never
 * "signed out".
 *
 * **How soon a session ends.** Once sign-out, a new password, a reset, `revokeSession` and the like have returned, a `strict` check
 * refuses what they ended, and every other within the bound that it names. Nothing brings an ended session back: no late copy and no
 * sign-in that began before with the old password. A new role is seen by `strict` checks at once too. On a store without an
 * authority all of this takes a minute or more, and a sign-in with the old password that began before may come through.
 */
export interface Auth {
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
   * Checks the password and begins a session. Refused as `invalid_credentials` where all sessions of the user were ended
   * meanwhile, as by a new password.
   *
   * @param input.remember Whether the session outlives the browser, and has the longer timeouts. Default `true`.
   * @returns `email_not_verified` only to somebody who knows the password.
   */
  signIn(
    input: { email: string; password: string; remember?: boolean },
    request: SignInRequest,
  ): Promise<SignInResult>

  /** Ends the request's session, if it has one, and clears its cookies in any case but a failure. */
  signOut(sessions: AuthSessions): Promise<void>

  /** Mails a link to `${origin}/reset-password?token=…`, if the address has an account. The answer never tells. */
  requestPasswordReset(email: string): Promise<void>

  /**
   * Spends the token of a reset link, which works once and for one hour. Ends every session of the user and every
   * other link mailed to them, and confirms their address: the link proves that they read its mail.
   * A weak password spends nothing, and neither does a failure to end the sessions. Where it rejects later, the password may be the
   * new one, and sessions that were begun with the old one within that moment may live: another reset ends them.
   */
  resetPassword(input: { token: string; password: string }): Promise<ResetPasswordResult>

  /**
   * Ends every other session of the user and every link mailed to them, and gives this session a new token: the older one is
   * refused at once, and whoever still uses it ends the session, as for any stolen token. Where sessions cannot be ended, the password stays. Where it rejects later, the password may be the new
   * one, as for {@link resetPassword}.
   */
  changePassword(
    input: { currentPassword: string; newPassword: string },
    sessions: AuthSessions,
  ): Promise<ChangePasswordResult>

  /** Notes that the user has just proved who they are, and gives the session a new token. */
  confirmPassword(password: string, sessions: AuthSessions): Promise<ConfirmPasswordResult>

  /** The user's sessions, newest first. */
  listSessions(userId: string, sessions?: AuthSessions): Promise<readonly SessionSummary[]>

  /** @returns Whether the user had that session. */
  revokeSession(session: { userId: string; sessionId: string }): Promise<boolean>

  /**
   * Ends every session of the user but that of the request, and refuses sign-ins that began before.
   *
   * @returns How many ended.
   */
  revokeOtherSessions(userId: string, sessions: AuthSessions): Promise<number>

  /**
   * Ends every session of the user, and refuses sign-ins that began before.
   *
   * @returns How many ended.
   */
  signOutUser(userId: string): Promise<number>

  /**
   * Ends every session of every user. It takes some seconds.
   *
   * @throws {SessionError} `no_authority` on a store without one, which cannot do this.
   */
  signOutEveryone(): Promise<void>

  /**
   * Gives a user a role. Sessions stay, with the new role. Where it rejects, sessions may still have the old one: try again.
   *
   * @returns Whether there is such a user.
   */
  setRole(userId: string, role: UserRole): Promise<boolean>
}
