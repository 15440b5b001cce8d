import { describe, expect, it, vi } from 'vitest'
import { describeError } from '../log.ts'
import { createHttpMailer } from './http-mailer.ts'
import { createLoggingMailer } from './logging-mailer.ts'

const mail = {
  to: 'lin@codex.example',
  subject: 'Confirm',
  text: 'https://codex.example/?token=t1',
}

describe('createHttpMailer', () => {
  it('posts the mail as JSON', async () => {
    const sent: Request[] = []
    const send: typeof fetch = (input, init) => {
      sent.push(new Request(input, init))
      return Promise.resolve(new Response(null, { status: 202 }))
    }
    await createHttpMailer({ url: 'https://mail.example/send', fetch: send }).send(mail)
    expect(sent[0]?.url).toBe('https://mail.example/send')
    expect(await sent[0]?.json()).toEqual(mail)
  })

  it('rejects when the relay refuses and when none is set', async () => {
    const refuse: typeof fetch = () => Promise.resolve(new Response('no', { status: 500 }))
    const mailer = createHttpMailer({ url: 'https://mail.example/send', fetch: refuse })
    await expect(mailer.send(mail)).rejects.toThrow('The mail relay answered 500')
    await expect(createHttpMailer({ url: '' }).send(mail)).rejects.toThrow(
      'MAIL_WEBHOOK_URL is not set',
    )
  })

  it('follows no redirect', async () => {
    const answered: RequestInit[] = []
    const moved: typeof fetch = (_input, init) => {
      if (init) answered.push(init)
      return Promise.resolve(
        new Response(null, { status: 307, headers: { location: 'https://evil.example' } }),
      )
    }
    const mailer = createHttpMailer({ url: 'https://mail.example/send', fetch: moved })
    await expect(mailer.send(mail)).rejects.toThrow('The mail relay answered 307')
    expect(answered.map(({ redirect }) => redirect)).toEqual(['manual'])
  })

  it('never quotes its address, which may hold a key', async () => {
    const error: unknown = await createHttpMailer({ url: 'mail.example/send?key=k1' })
      .send(mail)
      .catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('is not a URL')
    expect(JSON.stringify(describeError(error))).not.toContain('k1')
  })
})

describe('createLoggingMailer', () => {
  it('lets the request go on and logs neither the address nor the link', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await createLoggingMailer(createHttpMailer({ url: '' })).send(mail)
    const line = String(logged.mock.calls[0]?.[0])
    expect(line).toContain('MAIL_WEBHOOK_URL is not set')
    expect(line).not.toMatch(/token=|lin@codex/)
    logged.mockRestore()
  })
})
