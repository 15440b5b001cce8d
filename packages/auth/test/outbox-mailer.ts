import type { Mail, Mailer } from '../src/index.ts'

/** Delivers nothing and keeps the mails, where a test can list them. */
export class OutboxMailer implements Mailer {
  readonly #mails: Mail[] = []

  send(mail: Mail): Promise<void> {
    this.#mails.unshift(mail)
    return Promise.resolve()
  }

  /** The mails that are kept, newest first. */
  list({ to }: { to?: string } = {}): readonly Mail[] {
    return this.#mails.filter((mail) => to === undefined || mail.to === to)
  }

  clear(): void {
    this.#mails.length = 0
  }
}
