import type { Mail, Mailer } from './mailer.ts'

export interface OutboxMail extends Mail {
  /** Counts up from 1 within this outbox. */
  readonly id: number
  /** ISO 8601. */
  readonly sentAt: string
}

export interface OutboxMailerOptions {
  /** How many mails are kept, the newest. Default 100. */
  readonly capacity?: number
  /** Clock, epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

/**
 * Delivers nothing and keeps the newest mails, where a development page or a test can list them.
 *
 * In memory only, on purpose: mails hold links that sign people in, which belong in no store. They are gone when
 * the isolate is.
 *
 * @example
 * const outbox = new OutboxMailer()
 * const auth = createAuth({ ...options, mailer: outbox })
 * outbox.list({ to: 'ada@codex.example' })[0]?.text
 */
export class OutboxMailer implements Mailer {
  readonly #mails: OutboxMail[] = []
  readonly #capacity: number
  readonly #now: () => number
  #nextId = 1

  constructor(options: OutboxMailerOptions = {}) {
    const { capacity = 100, now = Date.now } = options
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot create outbox: capacity must be a whole number above 0, received ${capacity}`,
      )
    }
    this.#capacity = capacity
    this.#now = now
  }

  send(mail: Mail): Promise<void> {
    const { to, subject, text } = mail
    const sentAt = new Date(this.#now()).toISOString()
    this.#mails.unshift({ id: this.#nextId++, sentAt, to, subject, text })
    this.#mails.length = Math.min(this.#mails.length, this.#capacity)
    return Promise.resolve()
  }

  /** The mails that are kept, newest first. */
  list({ to }: { to?: string } = {}): readonly OutboxMail[] {
    return this.#mails.filter((mail) => to === undefined || mail.to === to)
  }

  clear(): void {
    this.#mails.length = 0
  }
}
