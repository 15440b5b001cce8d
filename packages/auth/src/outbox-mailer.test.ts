import { describe, expect, it } from 'vitest'
import { OutboxMailer } from './outbox-mailer.ts'

const mail = (to: string, subject: string) => ({ to, subject, text: 'Hello' })

describe('OutboxMailer', () => {
  it('lists mails newest first, also those to one address only', async () => {
    const outbox = new OutboxMailer({ now: () => Date.UTC(2026, 10, 21) })
    await outbox.send(mail('ada@codex.example', 'One'))
    await outbox.send(mail('sam@codex.example', 'Two'))
    await outbox.send(mail('ada@codex.example', 'Three'))
    expect(outbox.list().map((each) => each.subject)).toEqual(['Three', 'Two', 'One'])
    expect(outbox.list({ to: 'ada@codex.example' })).toEqual([
      { id: 3, sentAt: '2026-11-21T00:00:00.000Z', ...mail('ada@codex.example', 'Three') },
      { id: 1, sentAt: '2026-11-21T00:00:00.000Z', ...mail('ada@codex.example', 'One') },
    ])
  })

  it('keeps the newest mails up to its capacity, and none after clear', async () => {
    const outbox = new OutboxMailer({ capacity: 2 })
    for (const subject of ['One', 'Two', 'Three'])
      await outbox.send(mail('a@codex.example', subject))
    expect(outbox.list().map((each) => each.id)).toEqual([3, 2])
    outbox.clear()
    expect(outbox.list()).toEqual([])
  })

  it.each([0, -1, 1.5, NaN])('refuses a capacity of %d', (capacity) => {
    expect(() => new OutboxMailer({ capacity })).toThrow(RangeError)
  })
})
