import { pollUntil } from './poll-until.ts'
import type { SiteClient } from './site-client.ts'

/** A mail in the dev outbox. */
export interface OutboxMail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** The mails that the site sent, newest first. */
export async function readOutbox(client: SiteClient): Promise<readonly OutboxMail[]> {
  const response = await client.get('/dev/outbox/json')
  const mails: unknown = JSON.parse(response.text)
  if (!Array.isArray(mails)) throw new Error(`Expected a list of mails, received ${response.text}`)
  return mails as OutboxMail[]
}

/**
 * Waits for a mail to an address whose text holds a link to a page of the site.
 *
 * @returns The path of the link with its query, as in `/verify-email?token=…`.
 */
export async function linkFromMail(
  client: SiteClient,
  mail: { readonly to: string; readonly page: string },
): Promise<string> {
  return pollUntil(`a mail to ${mail.to} links to ${mail.page}`, async () => {
    for (const { to, text } of await readOutbox(client)) {
      if (to !== mail.to) continue
      const links = text.match(/https?:\/\/\S+/g) ?? []
      const link = links.find((candidate) => new URL(candidate).pathname === mail.page)
      if (link === undefined) continue
      const { pathname, search, searchParams } = new URL(link)
      client.noteSecret(searchParams.get('token') ?? '')
      return pathname + search
    }
    return null
  })
}
