import { sessions } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ada,
  browser,
  cookieValue,
  createTestPlatform,
  database,
  secret,
  tokenOf,
} from './test-platform.ts'

const dayMs = 24 * 60 * 60 * 1000

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

function travelTo(timeMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: timeMs })
}

describe('getSession', () => {
  it('goes from sign-up to a second page view with 0 database queries', async () => {
    const { auth, cost, mailedToken } = createTestPlatform()
    expect(await auth.signUp(ada)).toEqual({ ok: true })
    expect(await auth.verifyEmail(mailedToken(ada.email))).toEqual({ ok: true })
    const client = { 'cf-connecting-ip': '203.0.113.9', 'user-agent': 'Firefox' }
    const result = await auth.signIn(ada, new Headers(client))
    if (!result.ok) throw new Error(result.reason)
    const headers = browser(result.setCookies)

    expect(await cost(() => auth.getSession(headers))).toEqual({
      queries: 2,
      kv: { read: 1, write: 2 },
    })
    let seen
    const second = await cost(async () => {
      seen = await auth.getSession(headers)
    })
    expect(second).toEqual({ queries: 0, kv: { read: 1 } })
    expect(seen).toEqual(result.session)
    expect(seen).toMatchObject({
      session: { token: tokenOf(headers), ipAddress: '203.0.113.9', userAgent: 'Firefox' },
      user: { email: ada.email, name: ada.name, role: 'customer', emailVerified: true },
    })
  })

  it('answers a cookie that is forged, cut, unsigned or signed by others without asking any store', async () => {
    const { auth, cost, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const value = cookieValue(headers)
    const token = tokenOf(headers)
    const foreign = await signedWith('another-secret-of-more-than-32-characters', token)
    const values = [
      '',
      'x',
      '.',
      token,
      `${token}.`,
      value.slice(0, -1),
      value.slice(0, -10),
      `${value}A`,
      `x${value}`,
      `${'A'.repeat(32)}${value.slice(32)}`,
      value.replace(/.$/, '!'),
      `${token}.${'A'.repeat(43)}=`,
      foreign,
      '%E0%A4%A',
      'a'.repeat(10_000),
    ]
    for (const forged of values) {
      const cookie = `__Host-codex_session=${encodeURIComponent(forged)}`
      const cost1 = await cost(async () => {
        expect(await auth.getSession(new Headers({ cookie })), forged).toBeNull()
      })
      expect(cost1, forged).toEqual({ queries: 0, kv: {} })
    }
    const none = await cost(async () => {
      expect(await auth.getSession(new Headers())).toBeNull()
      expect(await auth.getSession(new Headers({ cookie: 'theme=dark' }))).toBeNull()
      expect(await auth.getSession(new Headers({ cookie: `codex_session=${value}` }))).toBeNull()
      expect(await auth.getSession(new Headers({ authorization: `Bearer ${token}` }))).toBeNull()
    })
    expect(none).toEqual({ queries: 0, kv: {} })
    // The same way of signing with the right secret is accepted, so the above proves something.
    const own = await signedWith(secret, token)
    const cookie = `__Host-codex_session=${encodeURIComponent(own)}`
    expect(await auth.getSession(new Headers({ cookie }))).not.toBeNull()
  })

  it('refuses a session that has ended, and removes its cookie', async () => {
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await database.delete(sessions)
    const setCookies: string[] = []
    const onSetCookie = (setCookie: string) => setCookies.push(setCookie)
    expect(await auth.getSession(headers, { onSetCookie })).toBeNull()
    expect(setCookies).toEqual([expect.stringMatching(/^__Host-codex_session=; Max-Age=0/)])
  })

  it('asks the database again when the cached copy is 900 s old', async () => {
    const start = Date.now()
    travelTo(start)
    const { auth, cost, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    travelTo(start + 899_000)
    expect((await cost(() => auth.getSession(headers))).queries).toBe(0)
    travelTo(start + 901_000)
    expect((await cost(() => auth.getSession(headers))).queries).toBe(2)
  })

  it('prolongs a session that is seen a day later, and its cookie, and not before', async () => {
    const start = Date.now()
    travelTo(start)
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const setCookies: string[] = []
    const onSetCookie = (setCookie: string) => setCookies.push(setCookie)

    travelTo(start + dayMs - 60_000)
    const before = await auth.getSession(headers, { onSetCookie })
    expect(Date.parse(before?.session.expiresAt ?? '')).toBeLessThan(start + 30 * dayMs + 60_000)
    expect(setCookies).toEqual([])

    travelTo(start + dayMs + 900_000)
    const after = await auth.getSession(headers, { onSetCookie })
    expect(Date.parse(after?.session.expiresAt ?? '')).toBeGreaterThan(start + 31 * dayMs)
    expect(setCookies).toEqual([
      expect.stringMatching(/^__Host-codex_session=.+; Max-Age=2592000; Path=\/; HttpOnly; Secure/),
    ])
    expect(await auth.getSession(browser(setCookies))).toEqual(after)
  })

  it('refuses a session that nobody used for 30 days', async () => {
    const start = Date.now()
    travelTo(start)
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    travelTo(start + 30 * dayMs + 1000)
    expect(await auth.getSession(headers)).toBeNull()
  })

  it('reads past a cached value that is not a session', async () => {
    const { auth, cost, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const session = await auth.getSession(headers)
    for (const corrupt of ['', '{', 'null', '[]', '{"session":{},"user":{}}']) {
      for (const { name } of (await env.AUTH_SESSION_KV.list()).keys) {
        await env.AUTH_SESSION_KV.put(name, corrupt)
      }
      let seen
      const { queries } = await cost(async () => {
        seen = await auth.getSession(headers)
      })
      expect(seen, corrupt).toEqual(session)
      expect(queries, corrupt).toBe(2)
    }
  })
})

describe('the session cookie', () => {
  it('is __Host-, Secure, HttpOnly and Lax, with a path and no domain, over HTTPS', async () => {
    const { auth, register } = createTestPlatform()
    await register()
    const result = await auth.signIn(ada, new Headers())
    expect(result.ok && result.setCookies).toEqual([
      expect.stringMatching(
        /^__Host-codex_session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ])
    expect((await auth.signOut(new Headers())).setCookies).toEqual([
      '__Host-codex_session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
    ])
  })

  it('is the same without prefix and Secure in development', async () => {
    const { auth, register, signIn } = createTestPlatform({
      secureCookies: false,
      origin: 'http://localhost:8787',
    })
    await register()
    const result = await auth.signIn(ada, new Headers())
    expect(result.ok && result.setCookies).toEqual([
      expect.stringMatching(
        /^codex_session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ])
    expect(await auth.getSession(await signIn())).not.toBeNull()
    expect((await auth.signOut(new Headers())).setCookies).toEqual([
      'codex_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    ])
  })
})

describe('the session cache', () => {
  it('holds no bearer token in any key or value', async () => {
    const { auth, register, signIn } = createTestPlatform()
    await register()
    const tokens: string[] = []
    for (const headers of [await signIn(), await signIn()]) {
      await auth.getSession(headers)
      tokens.push(tokenOf(headers), cookieValue(headers))
    }
    const { keys } = await env.AUTH_SESSION_KV.list()
    expect(keys).toHaveLength(4)
    for (const { name, metadata } of keys) {
      const stored = `${name} ${JSON.stringify(metadata)} ${(await env.AUTH_SESSION_KV.get(name)) ?? ''}`
      for (const token of tokens) expect(stored).not.toContain(token)
    }
  })
})

async function signedWith(key: string, token: string): Promise<string> {
  const encoder = new TextEncoder()
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', encoder.encode(key), hmac, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', imported, encoder.encode(token))
  return `${token}.${btoa(String.fromCharCode(...new Uint8Array(signature)))}`
}
