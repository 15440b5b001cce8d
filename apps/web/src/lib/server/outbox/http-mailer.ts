import type { Mailer } from '@codex/auth'

const timeoutMs = 10_000

/** Sends mail by posting `{ to, subject, text }` as JSON to a provider's or an own relay's address. */
export function createHttpMailer({
  url,
  fetch: send = fetch,
}: {
  url: string | undefined
  fetch?: typeof fetch
}): Mailer {
  return {
    async send(mail) {
      if (!url) throw new Error('No mail is sent: MAIL_WEBHOOK_URL is not set')
      // Checked here, because fetch quotes the address in its error, and this one may hold a key.
      if (!URL.canParse(url)) throw new Error('No mail is sent: MAIL_WEBHOOK_URL is not a URL')
      const response = await send(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ to: mail.to, subject: mail.subject, text: mail.text }),
        // A redirect would carry the mail, and the link in it, to wherever it points.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      if (!response.ok) throw new Error(`The mail relay answered ${String(response.status)}`)
    },
  }
}
