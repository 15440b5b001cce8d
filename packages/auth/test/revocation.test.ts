import type { SessionAuthorityNamespace } from '@codex/cloudflare-clients/session'
import { createMemorySessionAuthority } from '@codex/cloudflare-clients/testing'
import { users, verifications } from '@codex/database'
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
  it('ends the session at once, also elsewhere, and no other', async () => {
    const platform = createTestPlatform()
    const { auth, getSession, register, request, signIn } = platform
    await register()
    const [here, there] = [await signIn(), await signIn()]
    const elsewhere = platform.otherIsolate()
    expect(await elsewhere.getSession(here)).not.toBeNull()
    const sessions = request(here)
    await auth.signOut(sessions)
    expect(sessions.setCookies[0]).toMatch(/^__Host-codex_session=; .*Max-Age=0/)
    for (const isolate of [platform, elsewhere]) {
      expect(await isolate.getSession(here)).toBeNull()
    }
    expect(await getSession(there)).not.toBeNull()
  })

  it('clears the cookie of somebody who is not signed in, and asks no store', async () => {
    const { auth, cost, request } = createTestPlatform()
    const sessions = request(new Headers({ cookie: '__Host-codex_session=forged.signature' }))
    const spent = await cost(() => auth.signOut(sessions))
    expect(sessions.setCookies.length).toBeGreaterThan(0)
    expect(spent).toEqual({ queries: 0, kv: {}, authority: [] })
  })
})

describe('changePassword', () => {
  it('ends every other session of that user at once, and gives this one a new token', async () => {
    const platform = createTestPlatform()
    const { auth, cost, getSession, register, request, signIn } = platform
    await register()
    await register(sam)
    const older = [await signIn(), await signIn(), await signIn()]
    const stranger = await signIn(sam)
    const [own] = older
    if (own === undefined) throw new Error('unreachable')
    const id = (await getSession(own))?.id

    const sessions = request(own)
    const input = { currentPassword: ada.password, newPassword }
    expect(await auth.changePassword(input, sessions)).toEqual({ ok: true })
    const renewed = browser(sessions.setCookies)
    const others = older.slice(1)
    for (const isolate of [platform, platform.otherIsolate()]) {
      for (const headers of others) expect(await isolate.getSession(headers)).toBeNull()
      expect(await isolate.getSession(renewed)).toMatchObject({ id, email: ada.email })
    }
    expect(await getSession(own)).toBeNull()
    const viewOfStranger = () => getSession(stranger, { freshness: { boundedSeconds: 60 } })
    expect((await cost(viewOfStranger)).queries).toBe(0)

    await expect(signIn()).rejects.toThrow('invalid_credentials')
    expect(await getSession(await signIn({ ...ada, password: newPassword }))).not.toBeNull()
  })

  it('counts as proof of who the user is', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    vi.setSystemTime(start + 1_000_000)
    expect((await getSession(headers))?.authenticatedAtMs).toBe(start)
    const sessions = request(headers)
    await auth.changePassword({ currentPassword: ada.password, newPassword }, sessions)
    const session = await getSession(browser(sessions.setCookies))
    expect(session?.authenticatedAtMs).toBe(start + 1_000_000)
  })

  it('changes nothing for a wrong or a weak password, or without a session', async () => {
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    await register()
    const [headers, other] = [await signIn(), await signIn()]
    const attempt = (currentPassword: string, password: string, of = headers) =>
      auth.changePassword({ currentPassword, newPassword: password }, request(of))

    expect(await attempt('wrong password', newPassword)).toMatchObject({ reason: 'wrong_password' })
    expect(await attempt('x'.repeat(200), newPassword)).toMatchObject({ reason: 'wrong_password' })
    expect(await attempt(ada.password, 'short')).toMatchObject({ reason: 'weak_password' })
    expect(await attempt(ada.password, 'x'.repeat(129))).toMatchObject({ reason: 'weak_password' })
    expect(await attempt(ada.password, newPassword, new Headers())).toMatchObject({
      reason: 'not_signed_in',
    })
    expect(await getSession(other)).not.toBeNull()
    expect(await getSession(await signIn())).not.toBeNull()
  })

  it('refuses a session that has ended elsewhere', async () => {
    const platform = createTestPlatform()
    const { auth, register, request, signIn } = platform
    await register()
    const headers = await signIn()
    const elsewhere = platform.otherIsolate()
    await elsewhere.auth.signOut(elsewhere.request(headers))
    expect(
      await auth.changePassword({ currentPassword: ada.password, newPassword }, request(headers)),
    ).toMatchObject({ reason: 'not_signed_in' })
  })

  it('of two at the same time succeeds once', async () => {
    const { auth, register, request, signIn } = createTestPlatform()
    await register()
    const browsers = [await signIn(), await signIn()]
    const results = await Promise.all(
      browsers.map((headers, index) =>
        auth.changePassword(
          { currentPassword: ada.password, newPassword: `${newPassword} ${index}` },
          request(headers),
        ),
      ),
    )
    expect(results.filter(({ ok }) => ok).length).toBeLessThanOrEqual(1)
  })

  it('ends the links that were mailed before', async () => {
    const { auth, mailedToken, register, request, signIn } = createTestPlatform()
    await register()
    await auth.requestPasswordReset(ada.email)
    const sessions = request(await signIn())
    await auth.changePassword({ currentPassword: ada.password, newPassword }, sessions)
    const reset = { token: mailedToken(ada.email), password: 'the password of a thief' }
    expect(await auth.resetPassword(reset)).toMatchObject({ reason: 'invalid_token' })
  })
})

describe('confirmPassword', () => {
  it('notes when the user proved who they are, in a session of the same id with a new token', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const before = await getSession(headers)
    vi.setSystemTime(start + 1_000_000)
    const sessions = request(headers)
    expect(await auth.confirmPassword(ada.password, sessions)).toEqual({ ok: true })
    const renewed = browser(sessions.setCookies)
    expect(tokenOf(renewed)).not.toBe(tokenOf(headers))
    expect(await getSession(renewed)).toMatchObject({
      id: before?.id,
      authenticatedAtMs: start + 1_000_000,
    })
  })

  it('notes nothing for a wrong password, or without a session', async () => {
    const { auth, register, request, signIn } = createTestPlatform()
    await register()
    const sessions = request(await signIn())
    expect(await auth.confirmPassword('not it at all', sessions)).toMatchObject({
      reason: 'wrong_password',
    })
    expect(sessions.setCookies).toEqual([])
    expect(await auth.confirmPassword(ada.password, request(new Headers()))).toMatchObject({
      reason: 'not_signed_in',
    })
  })
})

describe('resetPassword', () => {
  it('accepts a link once, ends every session and lets the new password in', async () => {
    const { auth, getSession, mailedToken, register, signIn } = createTestPlatform()
    await register()
    const older = [await signIn(), await signIn()]
    await auth.requestPasswordReset(' ADA@codex.example ')
    const token = mailedToken(ada.email)

    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
    for (const headers of older) expect(await getSession(headers)).toBeNull()
    expect(await auth.resetPassword({ token, password: 'yet another one' })).toMatchObject({
      reason: 'invalid_token',
    })
    await expect(signIn()).rejects.toThrow('invalid_credentials')
    expect(await getSession(await signIn({ ...ada, password: newPassword }))).not.toBeNull()
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

  it('spends nothing on a weak password, and ends no session', async () => {
    const { auth, getSession, mailedToken, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    expect(await auth.resetPassword({ token, password: 'short' })).toMatchObject({
      reason: 'weak_password',
    })
    expect(await getSession(headers)).not.toBeNull()
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
    const { auth, getSession, mailedToken, outbox, signIn } = createTestPlatform()
    const thief = { name: 'Mallory', email: ada.email, password: 'the password of a thief' }
    await auth.signUp(thief)
    const link = mailedToken(ada.email)
    outbox.clear()
    await auth.requestPasswordReset(ada.email)
    await auth.resetPassword({ token: mailedToken(ada.email), password: newPassword })
    await expect(signIn(thief)).rejects.toThrow('invalid_credentials')
    expect(await getSession(await signIn({ ...ada, password: newPassword }))).not.toBeNull()
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
  it('is seen by the next strict check of every session, everywhere', async () => {
    const platform = createTestPlatform()
    const { auth, register, signIn } = platform
    const id = await register()
    const browsers = [await signIn(), await signIn()]
    const elsewhere = platform.otherIsolate()
    for (const headers of browsers) await elsewhere.getSession(headers)
    expect(await auth.setRole(id, 'creator')).toBe(true)
    for (const headers of browsers) {
      for (const isolate of [platform, elsewhere]) {
        expect((await isolate.getSession(headers))?.roles).toEqual(['creator'])
      }
    }
  })

  it('changes the role of somebody who is not signed in', async () => {
    const { auth, getSession, register, signIn } = createTestPlatform()
    expect(await auth.setRole(await register(), 'creator')).toBe(true)
    expect((await getSession(await signIn()))?.roles).toEqual(['creator'])
  })

  it('refuses an unknown user and an unknown role', async () => {
    const { auth, register } = createTestPlatform()
    const id = await register()
    expect(await auth.setRole('nobody', 'owner')).toBe(false)
    await expect(auth.setRole(id, 'king' as 'owner')).rejects.toThrow(TypeError)
  })
})

describe('listSessions and what ends them', () => {
  it('lists live sessions of that user, newest first and without tokens', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    const id = await register()
    await register(sam)
    await signIn(sam)
    const [first, second, third] = [
      await signIn(),
      await (vi.setSystemTime(start + 1000), signIn()),
      await (vi.setSystemTime(start + 2000), signIn()),
    ]
    const idOf = async (headers: Headers) => (await getSession(headers))?.id
    const listed = await auth.listSessions(id, request(second))
    expect(listed.map((session) => session.id)).toEqual([
      await idOf(third),
      await idOf(second),
      await idOf(first),
    ])
    expect(listed.map(({ current }) => current)).toEqual([false, true, false])
    expect(listed[0]).toMatchObject({ device: 'Test', createdAtMs: start + 2000 })
    for (const headers of [first, second, third]) {
      expect(JSON.stringify(listed)).not.toContain(tokenOf(headers).split('.')[3])
    }
    vi.setSystemTime(start + 7 * 24 * 60 * 60 * 1000 + 1500)
    expect(await auth.listSessions(id)).toHaveLength(1)
  })

  it('ends one session at once, and only for its own user', async () => {
    const { auth, getSession, register, signIn } = createTestPlatform()
    const userId = await register()
    const samId = await register(sam)
    const [here, there] = [await signIn(), await signIn()]
    const sessionId = (await getSession(there))?.id ?? ''

    expect(await auth.revokeSession({ userId: samId, sessionId })).toBe(false)
    expect(await auth.revokeSession({ userId, sessionId: 'none' })).toBe(false)
    expect(await getSession(there)).not.toBeNull()
    expect(await auth.revokeSession({ userId, sessionId })).toBe(true)
    expect(await getSession(there)).toBeNull()
    expect(await getSession(here)).not.toBeNull()
    expect(await auth.revokeSession({ userId, sessionId })).toBe(false)
  })

  it('ends all others, or all', async () => {
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    const userId = await register()
    const [here, there, away] = [await signIn(), await signIn(), await signIn()]
    expect(await auth.revokeOtherSessions(userId, request(here))).toBe(2)
    for (const headers of [there, away]) expect(await getSession(headers)).toBeNull()
    expect(await getSession(here)).not.toBeNull()
    expect(await auth.signOutUser(userId)).toBe(1)
    expect(await getSession(here)).toBeNull()
  })

  it('ends the sessions of everyone, and lets them sign in anew', async () => {
    const { auth, getSession, register, signIn } = createTestPlatform({
      // How long it takes.
      store: { everyoneSeconds: 1 },
    })
    await register()
    await register(sam)
    const browsers = [await signIn(), await signIn(sam)]
    await auth.signOutEveryone()
    for (const headers of browsers) expect(await getSession(headers)).toBeNull()
    expect(await getSession(await signIn())).not.toBeNull()
  })
})

describe('a sign-in while something changes', () => {
  /** `meanwhile` runs right before the session is made, when the password was found to be right. */
  async function race(meanwhile: (platform: ReturnType<typeof createTestPlatform>) => unknown) {
    let isArmed = false
    const memory = createMemorySessionAuthority()
    const other = createTestPlatform({ authority: memory })
    const authority: SessionAuthorityNamespace = {
      getByName: (name) =>
        intercept(memory.getByName(name), async (method, call) => {
          if (method === 'create' && isArmed) {
            isArmed = false
            await meanwhile(other)
          }
          return call()
        }),
    }
    const platform = createTestPlatform({ authority })
    await other.register()
    isArmed = true
    const sessions = platform.request(new Headers())
    const result = await platform.auth.signIn(ada, { sessions, headers: new Headers() })
    expect(isArmed).toBe(false)
    return { platform, result, sessions }
  }

  it('with the old password does not survive a change of it', async () => {
    const { result, sessions } = await race(async (other) => {
      const own = other.request(await other.signIn())
      const input = { currentPassword: ada.password, newPassword }
      expect(await other.auth.changePassword(input, own)).toEqual({ ok: true })
    })
    expect(result).toEqual({ ok: false, reason: 'invalid_credentials' })
    expect(sessions.setCookies).toEqual([])
  })

  it('with the old password does not survive a reset', async () => {
    const { result } = await race(async (other) => {
      await other.auth.requestPasswordReset(ada.email)
      const token = other.mailedToken(ada.email)
      await other.auth.resetPassword({ token, password: newPassword })
    })
    expect(result).toEqual({ ok: false, reason: 'invalid_credentials' })
  })

  it('has the new role', async () => {
    const { platform, result, sessions } = await race(async (other) => {
      const user = await database.query.users.findFirst()
      await other.auth.setRole(user?.id ?? '', 'creator')
    })
    expect(result.ok).toBe(true)
    const session = await platform.getSession(browser(sessions.setCookies))
    expect(session?.roles).toEqual(['creator'])
  })

  it('goes through where nothing that matters changes', async () => {
    const { platform, result, sessions } = await race(() =>
      database.update(users).set({ image: 'x' }).where(eq(users.email, ada.email)),
    )
    expect(result.ok).toBe(true)
    expect(await platform.getSession(browser(sessions.setCookies))).not.toBeNull()
  })

  it('of a banned user is refused like a wrong password', async () => {
    const { result } = await race(async (other) => {
      const user = await database.query.users.findFirst()
      await other.store.ban(user?.id ?? '')
    })
    expect(result).toEqual({ ok: false, reason: 'invalid_credentials' })
  })
})

it('a late copy in KV does not bring an ended session back', async () => {
  const platform = createTestPlatform()
  await platform.register()
  const headers = await platform.signIn()
  const copies = await Promise.all(
    (await env.AUTH_SESSION_KV.list()).keys.map(
      async ({ name, metadata }) => [name, await env.AUTH_SESSION_KV.get(name), metadata] as const,
    ),
  )
  await platform.auth.signOut(platform.request(headers))
  for (const [name, value, metadata] of copies) {
    await env.AUTH_SESSION_KV.put(name, value ?? '', { metadata })
  }
  expect(await platform.otherIsolate().getSession(headers)).toBeNull()
})
