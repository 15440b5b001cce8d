import { users } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toSignedInUser } from '../src/index.ts'
import { ada, browser, createTestPlatform, database, tokenOf } from './test-platform.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
const nothing = { queries: 0, kv: {}, authority: [] }

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

function travelTo(timeMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: timeMs })
}

describe('a session', () => {
  it('goes from sign-up to a page view that costs nothing at all', async () => {
    const { auth, cost, mailedToken, request, getSession } = createTestPlatform()
    expect(await auth.signUp(ada)).toEqual({ ok: true })
    expect(await auth.verifyEmail(mailedToken(ada.email))).toEqual({ ok: true })
    const client = new Headers({ 'cf-connecting-ip': '203.0.113.9', 'user-agent': 'Firefox' })
    const sessions = request(new Headers())
    const result = await auth.signIn(ada, { sessions, headers: client })
    if (!result.ok) throw new Error(result.reason)
    const headers = browser(sessions.setCookies)

    const view = () => getSession(headers, { freshness: { boundedSeconds: 60 } })
    expect(await cost(view)).toEqual(nothing)
    const seen = await view()
    expect(seen).toMatchObject({ device: 'Firefox', ipPrefix: '203.0.113.0/24', remember: true })
    if (seen === null) throw new Error('unreachable')
    expect(toSignedInUser(seen)).toEqual({
      id: result.userId,
      email: ada.email,
      name: ada.name,
      role: 'customer',
      emailVerified: true,
    })
  })

  it('costs another isolate a request to the authority, at most one read of KV, and no query', async () => {
    const platform = createTestPlatform()
    await platform.register()
    const [token] = (await platform.signIn()).get('cookie')?.split(';') ?? []
    // Without the sealed copy, which spares even that for two minutes.
    const headers = new Headers({ cookie: token ?? '' })
    const { cost, getSession } = platform.otherIsolate()
    const view = () => getSession(headers, { freshness: { boundedSeconds: 60 } })
    const cold = await cost(async () => {
      expect(await view()).not.toBeNull()
    })
    expect(cold).toMatchObject({ queries: 0, authority: ['getEveryoneEpoch', 'check'] })
    expect(cold.kv.read ?? 0).toBeLessThanOrEqual(1)
    expect(await cost(view)).toEqual(nothing)
  })

  it('asks the authority again when what was said is more than its bound old', async () => {
    const start = Date.now()
    travelTo(start)
    const { cost, getSession, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const view = () => getSession(headers, { freshness: { boundedSeconds: 60 } })
    travelTo(start + 60_000)
    expect(await cost(view)).toEqual(nothing)
    travelTo(start + 60_001)
    expect((await cost(view)).authority).toContain('check')
  })

  it('of a token that is forged, cut, unsigned or signed by others costs nothing and is none', async () => {
    const { cost, getSession, register, signIn } = createTestPlatform()
    const foreign = createTestPlatform({ store: { secrets: ['another secret of 32 characters!'] } })
    await register()
    const token = tokenOf(await signIn())
    const parts = token.split('.')
    const values = [
      '',
      'x',
      '....',
      parts.slice(0, 4).join('.'),
      token.slice(0, -1),
      token.slice(0, -10),
      `${token}A`,
      `x${token}`,
      parts.with(3, 'A'.repeat(43)).join('.'),
      parts.with(2, 'A'.repeat(22)).join('.'),
      parts.with(4, 'A'.repeat(43)).join('.'),
      tokenOf(await foreign.signIn()),
      '%E0%A4%A',
      'a'.repeat(10_000),
    ]
    for (const forged of values) {
      const headers = new Headers({ cookie: `__Host-codex_session=${forged}` })
      const spent = await cost(async () => {
        expect(await getSession(headers), forged).toBeNull()
      })
      expect(spent, forged).toEqual(nothing)
    }
    const spent = await cost(async () => {
      for (const headers of [
        {},
        { cookie: 'theme=dark' },
        { cookie: `codex_session=${token}` },
        { authorization: `Bearer ${token}` },
      ]) {
        expect(await getSession(new Headers(headers))).toBeNull()
      }
    })
    expect(spent).toEqual(nothing)
    // The same cookie with the token itself is accepted, so the above proves something.
    const own = new Headers({ cookie: `__Host-codex_session=${token}` })
    expect(await getSession(own)).not.toBeNull()
  })

  it('that nobody uses ends after 7 days, and any after 30', async () => {
    const start = Date.now()
    travelTo(start)
    const { getSession, register, signIn } = createTestPlatform()
    await register()
    const [used, unused] = [await signIn(), await signIn()]
    for (let day = 6; day < 30; day += 6) {
      travelTo(start + day * dayMs)
      expect(await getSession(used), `day ${day}`).not.toBeNull()
    }
    expect(await getSession(unused)).toBeNull()
    travelTo(start + 30 * dayMs - 1)
    expect(await getSession(used)).not.toBeNull()
    travelTo(start + 30 * dayMs)
    expect(await getSession(used)).toBeNull()
  })

  it('that is not to be remembered ends with the browser, after 8 hours of rest or after a day', async () => {
    const start = Date.now()
    travelTo(start)
    const { auth, getSession, register, request } = createTestPlatform()
    await register()
    const begin = async () => {
      const sessions = request(new Headers())
      await auth.signIn({ ...ada, remember: false }, { sessions, headers: new Headers() })
      expect(sessions.setCookies[0]).toMatch(/^__Host-codex_session=[^;]+; Path=\/;/)
      expect(sessions.setCookies[0]).not.toMatch(/Max-Age|Expires/i)
      return browser(sessions.setCookies)
    }
    const [used, unused] = [await begin(), await begin()]
    for (const hour of [7, 14, 21]) {
      travelTo(start + hour * hourMs)
      expect(await getSession(used)).not.toBeNull()
    }
    expect(await getSession(unused)).toBeNull()
    travelTo(start + dayMs)
    expect(await getSession(used)).toBeNull()
  })

  it('ends when the browser signs in as somebody else', async () => {
    const { auth, getSession, register, request, signIn } = createTestPlatform()
    await register()
    const sam = { name: 'Sam Whitaker', email: 'sam@codex.example', password: 'another long one' }
    await register(sam)
    const before = await signIn()
    const sessions = request(before)
    await auth.signIn(sam, { sessions, headers: new Headers() })
    expect(await getSession(before)).toBeNull()
    expect((await getSession(browser(sessions.setCookies)))?.email).toBe(sam.email)
  })

  it('keeps what a client says about itself short, and of its address the network', async () => {
    const { auth, getSession, register, request } = createTestPlatform()
    await register()
    const begin = async (ip: string) => {
      const sessions = request(new Headers())
      const headers = new Headers({ 'user-agent': 'x'.repeat(5000), 'cf-connecting-ip': ip })
      await auth.signIn(ada, { sessions, headers })
      return getSession(browser(sessions.setCookies))
    }
    expect((await begin('nonsense'))?.device).toHaveLength(256)
    expect(await begin('nonsense')).not.toHaveProperty('ipPrefix')
    expect((await begin('2001:db8:1:2:3::9'))?.ipPrefix).toBe('2001:db8:1::/48')
  })
})

describe('toSignedInUser', () => {
  it('refuses a session that this package did not make', async () => {
    const { store, getSession } = createTestPlatform()
    for (const options of [{ email: ada.email }, { email: ada.email, roles: ['king'] }]) {
      const data = { name: 'Ada', emailVerified: true }
      const token = await store.create('ada', { ...options, data })
      const session = await getSession(new Headers({ cookie: `__Host-codex_session=${token}` }))
      if (session === null) throw new Error('Expected a session')
      expect(() => toSignedInUser(session)).toThrow(TypeError)
    }
  })
})

describe('the session cookie', () => {
  it('is __Host-, Secure, HttpOnly and Lax, with a path and no domain, over HTTPS', async () => {
    const { auth, register, request } = createTestPlatform()
    await register()
    const sessions = request(new Headers())
    await auth.signIn(ada, { sessions, headers: new Headers() })
    for (const cookie of sessions.setCookies) {
      const [pair = '', ...attributes] = cookie.split('; ')
      expect(pair).toMatch(/^__Host-/)
      expect(attributes).toEqual(
        expect.arrayContaining(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']),
      )
      expect(cookie).not.toMatch(/Domain/i)
    }
    expect(sessions.setCookies[0]).toMatch(/^__Host-codex_session=.*; Max-Age=2592000;/)
  })

  it('is the same without prefix and Secure in development', async () => {
    const { auth, register, request } = createTestPlatform({
      store: { cookie: { name: 'codex_session', secure: false } },
    })
    await register()
    const sessions = request(new Headers())
    await auth.signIn(ada, { sessions, headers: new Headers() })
    expect(sessions.setCookies[0]).toMatch(/^codex_session=/)
    expect(sessions.setCookies.join()).not.toMatch(/Secure|__Host-/)
  })
})

it('nothing that is stored holds a token', async () => {
  const { register, signIn, getSession } = createTestPlatform()
  await register()
  const secrets: string[] = []
  for (const headers of [await signIn(), await signIn()]) {
    await getSession(headers)
    const token = tokenOf(headers)
    secrets.push(token, token.split('.')[3] ?? '', token.split('.')[4] ?? '')
  }
  const { keys } = await env.AUTH_SESSION_KV.list()
  expect(keys.length).toBeGreaterThan(0)
  const stored = [JSON.stringify(await database.select().from(users))]
  for (const { name, metadata } of keys) {
    stored.push(name, JSON.stringify(metadata), (await env.AUTH_SESSION_KV.get(name)) ?? '')
  }
  for (const secret of secrets) {
    expect(secret).toMatch(/.{43,}/)
    expect(stored.join('\n')).not.toContain(secret)
  }
})

it('the database has no sessions, of better-auth or anybody', async () => {
  const { register, signIn } = createTestPlatform()
  await register()
  await signIn()
  const tables = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
  expect(tables.results.map(({ name }) => name)).not.toContain('sessions')
})
