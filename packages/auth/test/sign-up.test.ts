import { users, verifications } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ada, createTestPlatform, database, origin } from './test-platform.ts'

const hourMs = 60 * 60 * 1000

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

describe('signUp', () => {
  it('creates an unverified customer under the canonical address and mails a link', async () => {
    const { auth, outbox } = createTestPlatform()
    const input = { ...ada, name: '  Ada Okafor ', email: '  Ada@Codex.Example ' }
    expect(await auth.signUp(input)).toEqual({ ok: true })
    const rows = await database.select().from(users)
    expect(rows).toEqual([
      expect.objectContaining({
        name: ada.name,
        email: ada.email,
        emailVerified: false,
        role: 'customer',
      }),
    ])
    expect(outbox.list()).toEqual([
      expect.objectContaining({
        to: ada.email,
        text: expect.stringContaining(`${origin}/verify-email?token=`) as unknown,
      }),
    ])
  })

  it.each([
    ['name', { name: '   ' }],
    ['name', { name: 'x'.repeat(81) }],
    ['name', { name: 'Ada\r\nBcc: all@codex.example' }],
    ['email', { email: 'ada' }],
    ['email', { email: 'ada@codex' }],
    ['email', { email: 'a b@codex.example' }],
    ['email', { email: 'ada@codex.example\nBcc: all@codex.example' }],
    ['email', { email: `${'a'.repeat(250)}@codex.example` }],
    ['email', { email: 'ää@codex.example' }],
    ['password', { password: 'nine char' }],
    ['password', { password: 'x'.repeat(129) }],
  ])('refuses a bad %s: %o', async (field, bad) => {
    const { auth, outbox } = createTestPlatform()
    expect(await auth.signUp({ ...ada, ...bad })).toEqual({
      ok: false,
      reason: 'invalid_input',
      field,
      message: expect.any(String) as unknown,
    })
    expect(await database.select().from(users)).toEqual([])
    expect(outbox.list()).toEqual([])
  })

  it.each([
    ['the shortest', { name: 'A', password: 'ten chars!' }],
    ['the longest', { name: 'x'.repeat(80), password: 'x'.repeat(128) }],
  ])('accepts %s name and password', async (_, input) => {
    const { attempt, register } = createTestPlatform()
    await register({ ...ada, ...input })
    expect((await attempt({ ...ada, ...input })).ok).toBe(true)
  })

  it('never takes a role or a verified address from the form', async () => {
    const { auth } = createTestPlatform()
    const form = { ...ada, role: 'owner', emailVerified: true }
    await auth.signUp(form)
    expect(await database.select().from(users)).toEqual([
      expect.objectContaining({ role: 'customer', emailVerified: false }),
    ])
  })

  it.each(['verified', 'unverified'])(
    'answers the same for an address whose account is %s, changes nothing and mails its owner a notice',
    async (state) => {
      const { attempt, auth, outbox, register } = createTestPlatform()
      if (state === 'verified') await register()
      else await auth.signUp(ada)
      const before = await database.query.users.findFirst()
      outbox.clear()

      const again = { name: 'Mallory', email: 'ADA@codex.example', password: 'another password' }
      expect(await auth.signUp(again)).toEqual({ ok: true })
      expect(await database.select().from(users)).toEqual([before])
      expect(outbox.list()).toEqual([
        expect.objectContaining({ to: ada.email, subject: 'You already have an account' }),
      ])
      expect(outbox.list()[0]?.text).not.toMatch(/Mallory|token=/)
      expect((await attempt(again)).ok).toBe(false)
    },
  )

  it('makes one account of two sign-ups at the same time, and answers both the same', async () => {
    const { auth, outbox } = createTestPlatform()
    const results = await Promise.all([auth.signUp(ada), auth.signUp(ada)])
    expect(results).toEqual([{ ok: true }, { ok: true }])
    expect(await database.select().from(users)).toHaveLength(1)
    expect(outbox.list().map((mail) => mail.subject)).toEqual(
      expect.arrayContaining(['Confirm your e-mail address', 'You already have an account']),
    )
  })

  it('creates the account also when the mail cannot be sent, and reports it', async () => {
    const mailer = { send: () => Promise.reject(new Error('SMTP down')) }
    const { auth, events } = createTestPlatform({ mailer })
    expect(await auth.signUp(ada)).toEqual({ ok: true })
    expect(await database.select().from(users)).toHaveLength(1)
    expect(events).toEqual([expect.objectContaining({ type: 'mail_error', mail: 'verification' })])
  })

  it('waits for no mail when it can leave it to waitUntil', async () => {
    const background: Promise<unknown>[] = []
    let sent = 0
    const mailer = {
      async send() {
        await scheduler.wait(1)
        sent++
      },
    }
    const { auth } = createTestPlatform({
      mailer,
      waitUntil: (promise) => background.push(promise),
    })
    await auth.signUp(ada)
    expect(background).toHaveLength(1)
    await Promise.all(background)
    expect(sent).toBe(1)
  })
})

describe('verifyEmail', () => {
  it('lets nobody sign in before, and accepts the link once', async () => {
    const { attempt, auth, mailedToken } = createTestPlatform()
    await auth.signUp(ada)
    expect(await attempt(ada)).toEqual({
      ok: false,
      reason: 'email_not_verified',
    })
    const token = mailedToken(ada.email)
    expect(await auth.verifyEmail(token)).toEqual({ ok: true })
    expect(await auth.verifyEmail(token)).toEqual({ ok: false, reason: 'invalid_token' })
    expect((await attempt(ada)).ok).toBe(true)
  })

  it('accepts a link that is used twice at the same time once', async () => {
    const { auth, mailedToken } = createTestPlatform()
    await auth.signUp(ada)
    const token = mailedToken(ada.email)
    const results = await Promise.all([auth.verifyEmail(token), auth.verifyEmail(token)])
    expect(results.filter((result) => result.ok)).toHaveLength(1)
  })

  it('refuses tokens that were never issued', async () => {
    const { auth } = createTestPlatform()
    await auth.signUp(ada)
    for (const token of ['', 'x', 'a'.repeat(5000), "' OR 1=1 --"]) {
      expect(await auth.verifyEmail(token)).toEqual({ ok: false, reason: 'invalid_token' })
    }
  })

  it('accepts the link just before 24 h have passed, and says "expired" from then on', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, mailedToken } = createTestPlatform()
    await auth.signUp(ada)
    const late = mailedToken(ada.email)
    vi.setSystemTime(start + 24 * hourMs)
    expect(await auth.verifyEmail(late)).toEqual({ ok: false, reason: 'expired_token' })
    expect(await auth.verifyEmail(late)).toEqual({ ok: false, reason: 'expired_token' })
    vi.setSystemTime(start + 24 * hourMs - 1)
    expect(await auth.verifyEmail(late)).toEqual({ ok: true })
  })

  it('stores no token that could be used', async () => {
    const { auth, mailedToken } = createTestPlatform()
    await auth.signUp(ada)
    await auth.verifyEmail(mailedToken(ada.email))
    await auth.requestPasswordReset(ada.email)
    await auth.signUp({ ...ada, email: 'sam@codex.example' })
    const stored = JSON.stringify(await database.select().from(verifications))
    for (const email of [ada.email, 'sam@codex.example']) {
      const token = mailedToken(email)
      expect(token).not.toBe('')
      expect(stored).not.toContain(token)
    }
  })

  it('forgets links a week after they expired', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth } = createTestPlatform()
    await auth.signUp(ada)
    vi.setSystemTime(start + 8 * 24 * hourMs + 1)
    await auth.resendVerification(ada.email)
    expect(await database.select().from(verifications)).toHaveLength(1)
  })
})

describe('resendVerification', () => {
  it('mails a link that works, to an unverified account', async () => {
    const { auth, mailedToken, outbox } = createTestPlatform()
    await auth.signUp(ada)
    outbox.clear()
    await auth.resendVerification(' ADA@codex.example ')
    expect(await auth.verifyEmail(mailedToken(ada.email))).toEqual({ ok: true })
  })

  it('says nothing and mails nothing to anybody else', async () => {
    const { auth, outbox, register } = createTestPlatform()
    await register()
    outbox.clear()
    for (const email of [ada.email, 'nobody@codex.example', 'not an address', '']) {
      await expect(auth.resendVerification(email)).resolves.toBeUndefined()
    }
    expect(outbox.list()).toEqual([])
  })
})

describe('signIn', () => {
  it('refuses a wrong password and an unknown address in the same way', async () => {
    const { attempt, register } = createTestPlatform()
    await register()
    const refused = { ok: false, reason: 'invalid_credentials' }
    const attempts = [
      { email: ada.email, password: 'wrong password' },
      { email: ada.email, password: '' },
      { email: ada.email, password: 'x'.repeat(10_000) },
      { email: 'nobody@codex.example', password: ada.password },
      { email: 'not an address', password: ada.password },
    ]
    for (const user of attempts) {
      expect(await attempt(user)).toEqual(refused)
    }
  })

  it('does not tell somebody who has not the password that the address is unverified', async () => {
    const { attempt, auth } = createTestPlatform()
    await auth.signUp(ada)
    expect(await attempt({ ...ada, password: 'wrong password' })).toEqual({
      ok: false,
      reason: 'invalid_credentials',
    })
  })

  it('accepts the address in any case and with spaces around it', async () => {
    const { getSession, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn({ ...ada, email: ' Ada@CODEX.example ' })
    expect((await getSession(headers))?.email).toBe(ada.email)
  })

  it('refuses a user who has no password', async () => {
    const { attempt } = createTestPlatform()
    await database.insert(users).values({ name: 'Sam', email: 'sam@codex.example' })
    const result = await attempt({ email: 'sam@codex.example', password: ada.password })
    expect(result).toEqual({ ok: false, reason: 'invalid_credentials' })
  })

  it('hashes the password also for an address without an account, so that time does not tell', async () => {
    const { attempt, register } = createTestPlatform()
    await register()
    const wrong = await fastestMs(() => attempt({ ...ada, password: 'wrong password' }))
    const unknown = await fastestMs(() => attempt({ ...ada, email: 'nobody@codex.example' }))
    // Without the hash the second would take a few milliseconds, against more than fifty.
    expect(unknown).toBeGreaterThan(wrong / 2)
  })

  it('creates a session of its own every time', async () => {
    const { attempt, auth, register } = createTestPlatform()
    const id = await register()
    await attempt(ada)
    await attempt(ada)
    expect(await auth.listSessions(id)).toHaveLength(2)
  })

  it('asks the stores as often for an address without an account', async () => {
    const { attempt, cost, register } = createTestPlatform()
    await register()
    const wrong = await cost(() => attempt({ ...ada, password: 'wrong password' }))
    expect(wrong).toEqual({ queries: 2, kv: {}, authority: ['getEpoch'] })
    expect(await cost(() => attempt({ ...ada, email: 'nobody@codex.example' }))).toEqual(wrong)
  })
})

async function fastestMs(run: () => Promise<unknown>): Promise<number> {
  let fastest = Infinity
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    await run()
    fastest = Math.min(fastest, performance.now() - start)
  }
  return fastest
}
