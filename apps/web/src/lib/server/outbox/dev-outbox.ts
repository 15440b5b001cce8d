import type { Mailer } from '@codex/auth'

/** A mail that development kept instead of sending. */
export interface OutboxMail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly sentAt: string
}

const prefix = 'dev-outbox/'
/** The last moment a Date can hold, in milliseconds: subtracting from it makes the newest mail sort first. */
const latestMs = 8_640_000_000_000_000

/**
 * The mails of development, newest first.
 *
 * They are in R2 and not in memory because the local runtime restarts isolates whenever code changes and a test may
 * ask another isolate; and not in KV because a mail's link is a bearer token, and no KV value may ever hold one.
 */
export class DevOutbox implements Mailer {
  readonly #bucket: R2Bucket
  readonly #now: () => number

  constructor(bucket: R2Bucket, { now = Date.now }: { now?: () => number } = {}) {
    this.#bucket = bucket
    this.#now = now
  }

  async send(mail: { to: string; subject: string; text: string }): Promise<void> {
    const sentAtMs = this.#now()
    const order = String(latestMs - sentAtMs).padStart(16, '0')
    const kept: OutboxMail = {
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      sentAt: new Date(sentAtMs).toISOString(),
    }
    await this.#bucket.put(`${prefix}${order}-${crypto.randomUUID()}.json`, JSON.stringify(kept))
  }

  async list({ limit = 50 }: { limit?: number } = {}): Promise<OutboxMail[]> {
    const { objects } = await this.#bucket.list({ prefix, limit })
    const mails = await Promise.all(
      objects.map(async ({ key }) => {
        const object = await this.#bucket.get(key)
        return object ? await object.json<OutboxMail>() : null
      }),
    )
    return mails.filter((mail) => mail !== null)
  }
}
