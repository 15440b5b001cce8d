import type { Mailer } from '@codex/auth'
import { describeError, log } from '../log.ts'

/**
 * Reports a mail that could not be sent and lets the request go on: the answer to a sign-up must not depend on
 * whether a mail went out (it would tell whether the address is known), and the visitor can ask for another.
 */
export function createLoggingMailer(mailer: Mailer): Mailer {
  return {
    async send(mail) {
      try {
        await mailer.send(mail)
      } catch (error) {
        log('error', 'mail_not_sent', { subject: mail.subject, error: describeError(error) })
      }
    },
  }
}
