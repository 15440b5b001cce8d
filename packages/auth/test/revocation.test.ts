import { SessionCacheClient } from '@codex/cloudflare-clients'
import { sessions, users, verifications } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { intercept } from './faulty-bindings.ts'
import { ada, browser, createTestPlatform, database, tokenOf } from './test-platform.ts'

const sam = { name: 'Sam Whitaker', email: 'sam@codex.example', password: 'another long one' }
const newPassword = 'a brand new password'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

describe('signOut', () => {
  it('ends the session at once, in the database and in the cache, and no other', async () => {
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const [here, there] = [await signIn(), await signIn()]
    await auth.getSession(here)
    await auth.getSession(there)
    expect((await auth.signOut(here)).setCookies).toEqual([
      expect.stringMatching(/^__Host-codex_session=; Max-Age=0;/),
    ])
    expect(await auth.getSession(here)).toBeNull()
    expect(await auth.getSession(there)).not.toBeNull()
    expect(await database.select().from(sessions)).toHaveLength(1)
  })

  it('removes the cookie of somebody who is not signed in, and asks no store', async () => {
    const { auth, cost } = createTestPlatform()
    const forged = new Headers({ cookie: '__Host-codex_session=forged.signature' })
    const spent = await cost(async () => {
      expect((await auth.signOut(forged)).setCookies).toHaveLength(1)
    })
    expect(spent).toEqual({ queries: 0, kv: {} })
  })
})

describe('changePassword', () => {
  it('ends every older session of that user at once, and begins a new one', async () => {
    const { auth, cost, register, signIn } = createTestPlatform()
    await register()
    await register(sam)
    const older = [await signIn(), await signIn(), await signIn()]
    const stranger = await signIn(sam)
    for (const headers of [...older, stranger]) await auth.getSession(headers)
    const [own] = older
    if (own === undefined) throw new Error('unreachable')

    const input = { currentPassword: ada.password, newPassword }
    const result = await auth.changePassword(input, own)
    if (!result.ok) throw new Error(result.reason)
    for (const headers of older) expect(await auth.getSession(headers)).toBeNull()
    expect(result.setCookies).toHaveLength(1)
    expect(await auth.getSession(browser(result.setCookies))).toMatchObject({
      user: { email: ada.email },
    })
    expect((await cost(() => auth.getSession(stranger))).queries).toBe(0)

    expect((await auth.signIn(ada, new Headers())).ok).toBe(false)
    expect((await auth.signIn({ ...ada, password: newPassword }, new Headers())).ok).toBe(true)
  })

  it('records the client of the new session', async () => {
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    headers.set('user-agent', 'Firefox')
    headers.set('cf-connecting-ip', '203.0.113.9')
    const result = await auth.changePassword(
      { currentPassword: ada.password, newPassword },
      headers,
    )
    const session = result.ok ? await auth.getSession(browser(result.setCookies)) : null
    expect(session?.session).toMatchObject({ userAgent: 'Firefox', ipAddress: '203.0.113.9' })
  })

  it('changes nothing for a wrong or a weak password, or without a session', async () => {
    const { auth, cost, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    const attempt = (currentPassword: string, password: string, request = headers) =>
      auth.changePassword({ currentPassword, newPassword: password }, request)

    expect(await attempt('wrong password', newPassword)).toMatchObject({ reason: 'wrong_password' })
    expect(await attempt('x'.repeat(200), newPassword)).toMatchObject({ reason: 'wrong_password' })
    expect(await attempt(ada.password, 'short')).toMatchObject({ reason: 'weak_password' })
    expect(await attempt(ada.password, 'x'.repeat(129))).toMatchObject({ reason: 'weak_password' })
    expect(await attempt(ada.password, newPassword, new Headers())).toMatchObject({
      reason: 'not_signed_in',
    })
    expect((await cost(() => auth.getSession(headers))).queries).toBe(0)
    expect((await auth.signIn(ada, new Headers())).ok).toBe(true)
  })

  it('refuses a session that has ended, although it is still cached', async () => {
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    await database.delete(sessions)
    expect(
      await auth.changePassword({ currentPassword: ada.password, newPassword }, headers),
    ).toMatchObject({ reason: 'not_signed_in' })
  })

  it('ends the links that were mailed before', async () => {
    const { auth, mailedToken, register, signIn } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const headers = await signIn()
    await auth.changePassword({ currentPassword: ada.password, newPassword }, headers)
    const reset = { token: mailedToken(ada.email), password: 'the password of a thief' }
    expect(await auth.resetPassword(reset)).toMatchObject({ reason: 'invalid_token' })
  })
})

describe('resetPassword', () => {
  it('accepts a link once, ends every session and lets the new password in', async () => {
    const { auth, mailedToken, register, signIn } = createTestPlatform()
    await register()
    const older = [await signIn(), await signIn()]
    for (const headers of older) await auth.getSession(headers)
    await auth.requestPasswordReset(' ADA@codex.example ')
    const token = mailedToken(ada.email)

    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
    for (const headers of older) expect(await auth.getSession(headers)).toBeNull()
    expect(await auth.resetPassword({ token, password: 'yet another one' })).toMatchObject({
      reason: 'invalid_token',
    })
    expect((await auth.signIn(ada, new Headers())).ok).toBe(false)
    expect((await auth.signIn({ ...ada, password: newPassword }, new Headers())).ok).toBe(true)
  })

  it('accepts a link that is used twice at the same time once', async () => {
    const { auth, mailedToken, register } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    const results = await Promise.all(
      ['first password', 'second password'].map((password) =>
        auth.resetPassword({ token, password }),
      ),
    )
    expect(results.filter((result) => result.ok)).toHaveLength(1)
  })

  it('ends the other links that were mailed', async () => {
    const { auth, mailedToken, register } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const first = mailedToken(ada.email)
    await auth.requestPasswordReset(ada.email)
    const second = mailedToken(ada.email)
    await auth.resetPassword({ token: second, password: newPassword })
    expect(await auth.resetPassword({ token: first, password: newPassword })).toMatchObject({
      reason: 'invalid_token',
    })
    expect(await database.select().from(verifications)).toEqual([])
  })

  it('spends nothing on a weak password', async () => {
    const { auth, mailedToken, register } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    expect(await auth.resetPassword({ token, password: 'short' })).toMatchObject({
      reason: 'weak_password',
    })
    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
  })

  it('accepts the link just before an hour has passed and not after', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, mailedToken, register } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    vi.setSystemTime(start + 60 * 60 * 1000 + 1)
    expect(await auth.resetPassword({ token, password: newPassword })).toMatchObject({
      reason: 'invalid_token',
    })
    vi.setSystemTime(start + 60 * 60 * 1000 - 1)
    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
  })

  it('confirms the address, and so takes an account back from who registered it first', async () => {
    const { auth, mailedToken, outbox } = createTestPlatform()
    const thief = { name: 'Mallory', email: ada.email, password: 'the password of a thief' }
    await auth.signUp(thief)
    const link = mailedToken(ada.email)
    outbox.clear()
    await auth.requestPasswordReset(ada.email)
    await auth.resetPassword({ token: mailedToken(ada.email), password: newPassword })
    expect((await auth.signIn(thief, new Headers())).ok).toBe(false)
    expect((await auth.signIn({ ...ada, password: newPassword }, new Headers())).ok).toBe(true)
    expect(await auth.verifyEmail(link)).toMatchObject({ reason: 'invalid_token' })
  })

  it('answers the same for an address without an account, and mails nobody', async () => {
    const { auth, outbox } = createTestPlatform()
    for (const email of ['nobody@codex.example', 'ää@codex.example', 'not an address', '']) {
      await expect(auth.requestPasswordReset(email)).resolves.toBeUndefined()
    }
    expect(outbox.list()).toEqual([])
    for (const token of ['', 'x', 'a'.repeat(5000)]) {
      expect(await auth.resetPassword({ token, password: newPassword })).toMatchObject({
        reason: 'invalid_token',
      })
    }
  })
})

describe('setRole', () => {
  it('shows the new role on the next view of every session', async () => {
    const { auth, register, signIn } = createTestPlatform()
    const id = await register()
    const browsers = [await signIn(), await signIn()]
    for (const headers of browsers) await auth.getSession(headers)
    expect(await auth.setRole(id, 'creator')).toBe(true)
    for (const headers of browsers) {
      expect((await auth.getSession(headers))?.user.role).toBe('creator')
    }
  })

  it('refuses an unknown user and an unknown role', async () => {
    const { auth, register } = createTestPlatform()
    const id = await register()
    expect(await auth.setRole('nobody', 'owner')).toBe(false)
    await expect(auth.setRole(id, 'king' as 'owner')).rejects.toThrow(TypeError)
  })
})

describe('listSessions and revokeSession', () => {
  it('lists live sessions of that user, newest first and without tokens', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, register, signIn } = createTestPlatform()
    const id = await register()
    await register(sam)
    await signIn(sam)
    const [first, second, third] = [
      await signIn(),
      await (vi.setSystemTime(start + 1000), signIn()),
      await (vi.setSystemTime(start + 2000), signIn()),
    ]
    const ids = async (headers: Headers) => (await auth.getSession(headers))?.session.id
    const listed = await auth.listSessions(id)
    expect(listed.map((session) => session.id)).toEqual([
      await ids(third),
      await ids(second),
      await ids(first),
    ])
    expect(listed[0]).toMatchObject({ userAgent: 'Test', createdAt: new Date(start + 2000) })
    for (const headers of [first, second, third]) {
      expect(JSON.stringify(listed)).not.toContain(tokenOf(headers))
    }
    vi.setSystemTime(start + 30 * 24 * 60 * 60 * 1000 + 1500)
    expect(await auth.listSessions(id)).toHaveLength(1)
  })

  it('ends one session at once, and only for its own user', async () => {
    const { auth, register, signIn } = createTestPlatform()
    const userId = await register()
    const samId = await register(sam)
    const [here, there] = [await signIn(), await signIn()]
    const sessionId = (await auth.getSession(there))?.session.id ?? ''
    await auth.getSession(here)

    expect(await auth.revokeSession({ userId: samId, sessionId })).toBe(false)
    expect(await auth.revokeSession({ userId, sessionId: 'none' })).toBe(false)
    expect(await auth.getSession(there)).not.toBeNull()
    expect(await auth.revokeSession({ userId, sessionId })).toBe(true)
    expect(await auth.getSession(there)).toBeNull()
    expect(await auth.getSession(here)).not.toBeNull()
    expect(await auth.revokeSession({ userId, sessionId })).toBe(false)
  })
})

describe('a request that caches a session while it ends', () => {
  /** A platform on which `meanwhile` runs after a session was read from the database and before it is cached. */
  async function race(meanwhile: (userId: string) => Promise<unknown>) {
    let interrupt: (() => Promise<unknown>) | undefined
    const kv = intercept(env.AUTH_SESSION_KV, async (name, call) => {
      const run = interrupt
      if (name === 'put' && run !== undefined) {
        interrupt = undefined
        await run()
      }
      return call()
    })
    const platform = createTestPlatform({
      sessionCache: new SessionCacheClient(kv, { maxTtlSeconds: 900 }),
    })
    const userId = await platform.register()
    const headers = await platform.signIn()
    interrupt = () => meanwhile(userId)
    return { auth: platform.auth, headers, during: await platform.auth.getSession(headers) }
  }

  it('does not bring a revoked session back', async () => {
    const other = createTestPlatform()
    const { auth, headers, during } = await race(async (userId) => {
      const [session] = await other.auth.listSessions(userId)
      await other.auth.revokeSession({ userId, sessionId: session?.id ?? '' })
    })
    expect(during).toBeNull()
    expect(await auth.getSession(headers)).toBeNull()
  })

  it('does not bring an old role back', async () => {
    const other = createTestPlatform()
    const { auth, headers, during } = await race((userId) => other.auth.setRole(userId, 'creator'))
    expect(during?.user.role).toBe('creator')
    expect((await auth.getSession(headers))?.user.role).toBe('creator')
  })

  it('does not bring sessions back after a password reset', async () => {
    const other = createTestPlatform()
    const { auth, headers, during } = await race(async () => {
      await other.auth.requestPasswordReset(ada.email)
      const token = other.mailedToken(ada.email)
      expect(await other.auth.resetPassword({ token, password: newPassword })).toEqual({
        ok: true,
        email: ada.email,
      })
    })
    expect(during).toBeNull()
    expect(await auth.getSession(headers)).toBeNull()
  })

  it('caches what did not change', async () => {
    const { auth, headers, during } = await race(() =>
      database.update(users).set({ image: 'x' }).where(eq(users.email, ada.email)),
    )
    expect(await auth.getSession(headers)).toEqual(during)
  })
})
