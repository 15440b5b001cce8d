import type { AuthEvent, AuthEventReporter } from './auth-event.ts'
import type { Mail, Mailer } from './mailer.ts'

// No mail holds anything that somebody typed into the sign-up form: with a name in it, the form would send
// a stranger's words to any address.

export interface AccountMails {
  sendVerification(to: string, token: string): Promise<void>
  sendExistingAccount(to: string): Promise<void>
  sendPasswordReset(to: string, token: string): Promise<void>
}

/**
 * Writes and sends the account's mails. Sending never rejects: a failure is reported.
 *
 * With `waitUntil` nobody waits for the mail, so that how long it takes does not tell whether an address has an
 * account.
 */
export function createAccountMails(options: {
  origin: string
  mailer: Mailer
  report: AuthEventReporter
  waitUntil: ((promise: Promise<unknown>) => void) | undefined
}): AccountMails {
  const { origin, mailer, report, waitUntil } = options

  async function send(mail: Extract<AuthEvent, { type: 'mail_error' }>['mail'], content: Mail) {
    const sent = (async () => {
      try {
        await mailer.send(content)
      } catch (error) {
        report({ type: 'mail_error', mail, error })
      }
    })()
    if (waitUntil === undefined) await sent
    else waitUntil(sent)
  }

  return {
    sendVerification: (to, token) =>
      send('verification', {
        to,
        subject: 'Confirm your e-mail address',
        text: lines(
          'Welcome. Open this link to confirm that this is your address:',
          `${origin}/verify-email?token=${encodeURIComponent(token)}`,
          'The link works once and for 24 hours. If you did not sign up, ignore this mail.',
        ),
      }),
    sendExistingAccount: (to) =>
      send('existing_account', {
        to,
        subject: 'You already have an account',
        text: lines(
          `Somebody, perhaps you, just tried to sign up at ${origin} with this address.`,
          'There is an account for it already, and nothing about it was changed. If it was you, sign in, or ask for a new password if you do not know yours. A new password also confirms your address.',
          'If it was not you, ignore this mail.',
        ),
      }),
    sendPasswordReset: (to, token) =>
      send('password_reset', {
        to,
        subject: 'Choose a new password',
        text: lines(
          'Open this link to choose a new password:',
          `${origin}/reset-password?token=${encodeURIComponent(token)}`,
          'The link works once and for one hour. A new password signs you out everywhere. If you did not ask for this, ignore this mail: your password stays as it is.',
        ),
      }),
  }
}

function lines(...paragraphs: string[]): string {
  return paragraphs.join('\n\n') + '\n'
}
