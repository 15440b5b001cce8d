export type {
  Auth,
  AuthOptions,
  ChangePasswordResult,
  ConfirmPasswordResult,
  ResetPasswordResult,
  SignInRequest,
  SignInResult,
  SignUpResult,
} from './auth.ts'
export { AuthError, type AuthErrorCode } from './auth-error.ts'
export type { AuthEvent, AuthEventReporter } from './auth-event.ts'
export { nameLength, passwordLength } from './account-input.ts'
export { createAuth } from './create-auth.ts'
export type { VerifyEmailResult } from './email-verification.ts'
export type { Mail, Mailer } from './mailer.ts'
export { hashPassword } from './password-hash.ts'
export {
  type AuthSessions,
  type SessionData,
  type SignedInUser,
  toSignedInUser,
} from './signed-in-user.ts'
