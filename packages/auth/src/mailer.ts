export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Hands mails over to whoever delivers them. `send` rejects when the mail was not accepted. */
export interface Mailer {
  send(mail: Mail): Promise<void>
}
