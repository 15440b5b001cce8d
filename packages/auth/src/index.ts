export type {
  Auth,
  AuthOptions,
  AuthResponse,
  ChangePasswordResult,
  ResetPasswordResult,
  SignInResult,
  SignUpResult,
} from './auth.ts'
export { AuthError } from './auth-error.ts'
export type { AuthEvent, AuthEventReporter } from './auth-event.ts'
export { nameLength, passwordLength } from './account-input.ts'
export { createAuth } from './create-auth.ts'
export type { VerifyEmailResult } from './email-verification.ts'
export type { Mail, Mailer } from './mailer.ts'
export { hashPassword } from './password-hash.ts'
export { secureSessionCookieName, sessionCookieName } from './session-cookie.ts'
export type { SessionSummary } from './session-rows.ts'
