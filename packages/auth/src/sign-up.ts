import { type Database, users } from '@codex/database'
import { isAPIError } from 'better-auth/api'
import { and, eq } from 'drizzle-orm'
import {
  canonicalEmail,
  checkEmail,
  checkName,
  checkPassword,
  invalidEmailMessage,
} from './account-input.ts'
import type { AccountMails } from './account-mails.ts'
import type { Auth } from './auth.ts'
import { AuthError } from './auth-error.ts'
import type { BetterAuth } from './better-auth.ts'
import type { DatabaseCalls } from './database-calls.ts'
import type { EmailVerification } from './email-verification.ts'

export function createSignUp(options: {
  betterAuth: BetterAuth
  calls: DatabaseCalls
  database: Database
  mails: AccountMails
  verification: EmailVerification
}): Pick<Auth, 'signUp' | 'resendVerification'> {
  const { betterAuth, calls, database, mails, verification } = options
  return {
    async signUp(input) {
      const { password } = input
      const name = input.name.trim()
      const email = canonicalEmail(input.email)
      const problems = {
        name: checkName(name),
        email: checkEmail(email),
        password: checkPassword(password),
      }
      for (const field of ['name', 'email', 'password'] as const) {
        const message = problems[field]
        if (message !== null) return { ok: false, reason: 'invalid_input', field, message }
      }
      try {
        await calls.run('sign up', () =>
          betterAuth.api.signUpEmail({ body: { name, email, password } }),
        )
      } catch (error) {
        if (isAPIError(error) && isInvalidEmail(error.body?.code)) {
          return {
            ok: false,
            reason: 'invalid_input',
            field: 'email',
            message: invalidEmailMessage,
          }
        }
        if (!isTakenEmail(error)) throw error
        // Somebody registered the same address between better-auth's look and its insert.
        await mails.sendExistingAccount(email)
      }
      return { ok: true }
    },

    async resendVerification(input) {
      const email = canonicalEmail(input)
      if (checkEmail(email) !== null) return
      await calls.run('resend verification', async () => {
        const [user] = await database
          .select({ id: users.id })
          .from(users)
          .where(and(eq(users.email, email), eq(users.emailVerified, false)))
        if (user === undefined) return
        await mails.sendVerification(email, await verification.issueToken(user.id))
      })
    },
  }
}

/** Names and passwords were checked before, so what better-auth still refuses is the address. */
function isInvalidEmail(code: string | undefined): boolean {
  return code === 'INVALID_EMAIL' || code === 'VALIDATION_ERROR'
}

function isTakenEmail(error: unknown): boolean {
  return (
    error instanceof AuthError &&
    error.cause instanceof Error &&
    error.cause.message.includes('UNIQUE constraint failed: users.email')
  )
}
