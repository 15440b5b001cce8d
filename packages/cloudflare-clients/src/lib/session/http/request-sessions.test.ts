import { CookieJar, PrefixSecurityEnum } from 'tough-cookie'
import { describe, expect, test, vi } from 'vitest'
import { nowMs, ScriptedSessionStore } from '../../../../test/support/scripted-session-store.ts'
import { createRequestSessions, type RequestSessionsOptions } from './request-sessions.ts'
import type { SiteData } from './session-headers.ts'

interface SetUp extends RequestSessionsOptions {
  readonly method?: string
  readonly cookie?: string | null
}

const cleared = ['__Host-session', '__Host-session-copy'].map(
  (name) => `${name}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`,
)
const copyOf =
  '__Host-session-copy=sealed-copy; Max-Age=120; Path=/; HttpOnly; Secure; SameSite=Lax'

function cookieOf(token: string, maxAgeSeconds = 86_400): string {
  return `__Host-session=${token}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; Secure; SameSite=Lax`
}

function setUp({ method = 'GET', cookie = '__Host-session=old', ...options }: SetUp = {}) {
  const store = new ScriptedSessionStore()
  store.add('old')
  const headers = new Headers(cookie === null ? {} : { Cookie: cookie })
  const request = { method, url: 'https://example.com/', headers }
  return { store, sessions: createRequestSessions(store, request, options) }
}

describe('a judgement', () => {
  test('is asked for once, however many ask', async () => {
    const { store, sessions } = setUp()
    const [first, second, session] = await Promise.all([
      sessions.validate(),
      sessions.validate(),
      sessions.get(),
    ])
    expect(first).toMatchObject({ ok: true, session: { userId: 'ada' } })
    expect(second).toBe(first)
    expect(session).toMatchObject({ userId: 'ada' })
    expect(store.asked).toEqual([['validate', 'old', { cookieHeader: '__Host-session=old' }]])
  })

  test('is asked for by nobody while nobody asks', () => {
    const { store, sessions } = setUp()
    expect(sessions.apply(new Response('page')).headers.has('Cache-Control')).toBe(false)
    expect(store.asked).toEqual([])
  })

  test.for([
    ['GET', undefined, undefined],
    ['HEAD', undefined, undefined],
    ['OPTIONS', undefined, undefined],
    ['POST', undefined, 'strict'],
    ['DELETE', undefined, 'strict'],
    ['GET', { safe: 'edge' }, 'edge'],
    ['POST', { safe: 'edge' }, 'strict'],
    ['POST', { unsafe: { boundedSeconds: 5 } }, { boundedSeconds: 5 }],
  ] as const)('of a %s with %j is %j', async ([method, freshness, expected]) => {
    const { store, sessions } = setUp({ method, ...(freshness && { freshness }) })
    await sessions.validate()
    expect(store.asked).toEqual([
      [
        'validate',
        'old',
        { cookieHeader: '__Host-session=old', ...(expected && { freshness: expected }) },
      ],
    ])
  })

  test('is asked for again where a call wants another', async () => {
    const { store, sessions } = setUp({ method: 'POST' })
    const wishes = [
      {},
      { freshness: 'edge' },
      { authenticatedWithinSeconds: 600 },
      { onUnavailable: { openWithinSeconds: 60 } },
    ] as const
    for (const wish of [...wishes, ...wishes]) await sessions.validate(wish)
    expect(store.asked.map(([, , options]) => options)).toEqual(
      wishes.map((wish) => ({
        freshness: 'strict',
        cookieHeader: '__Host-session=old',
        ...wish,
      })),
    )
  })

  test('without a cookie is that it is missing, and clears none', async () => {
    const { sessions } = setUp({ cookie: null })
    expect(await sessions.validate()).toMatchObject({ ok: false, reason: 'missing' })
    expect(await sessions.get()).toBeNull()
    expect(sessions.token).toBeNull()
    expect(sessions.setCookies).toEqual([])
  })
})

describe('a refusal', () => {
  test.for(['expired', 'idle', 'revoked', 'reused', 'unknown', 'malformed', 'forged'] as const)(
    'as %s clears the cookies and holds for the whole request',
    async (reason) => {
      const { store, sessions } = setUp({ cookie: '__Host-session=gone' })
      store.refusal = reason
      expect(await sessions.validate()).toMatchObject({ ok: false, reason })
      expect(await sessions.validate({ freshness: 'strict' })).toMatchObject({ reason })
      expect(await sessions.get()).toBeNull()
      expect(store.asked).toHaveLength(1)
      expect(sessions.apply(new Response()).headers.getSetCookie()).toEqual(cleared)
    },
  )

  test('of a rotated token leaves the cookie, whose successor may be there already', async () => {
    const { store, sessions } = setUp({ cookie: '__Host-session=gone' })
    store.refusal = 'rotated'
    await sessions.validate()
    await sessions.validate({ freshness: 'edge' })
    expect(store.asked).toHaveLength(1)
    expect(sessions.setCookies).toEqual([])
  })

  test('by KV alone, which may not know the session yet, leaves the cookie', async () => {
    const { store, sessions } = setUp({ cookie: '__Host-session=gone' })
    store.refusal = 'unknown'
    store.boundMs = null
    await sessions.validate()
    expect(sessions.setCookies).toEqual([])
  })

  test('for a password to be given again leaves the cookie and other judgements', async () => {
    const { store, sessions } = setUp({ cookie: '__Host-session=gone' })
    store.refusal = 'reauthentication_required'
    const options = { authenticatedWithinSeconds: 60 }
    expect(await sessions.validate(options)).toMatchObject({ reason: store.refusal })
    expect(await sessions.get(options)).toBeNull()
    store.add('gone')
    expect(await sessions.get()).toMatchObject({ userId: 'ada' })
    expect(sessions.setCookies).toEqual([])
  })

  test('that comes after a new sign-in does not clear its cookie', async () => {
    const { store, sessions } = setUp({ cookie: '__Host-session=gone' })
    const refused = await store.validate('gone')
    const { promise, resolve } = Promise.withResolvers<typeof refused>()
    store.validate = () => promise
    const late = sessions.validate()
    await sessions.signIn('grace')
    resolve(refused)
    expect((await late).ok).toBe(false)
    expect(sessions.setCookies).toEqual([cookieOf('new-1'), copyOf])
  })
})

describe('signing in', () => {
  test('creates a session in place of the one before and sets both cookies', async () => {
    const { store, sessions } = setUp({ method: 'POST' })
    await sessions.signIn('grace', { email: 'grace@example.com' })
    expect(store.asked).toEqual([
      ['create', 'grace', { email: 'grace@example.com', replaces: 'old' }],
    ])
    expect(sessions.token).toBe('new-1')
    expect(sessions.setCookies).toEqual([cookieOf('new-1'), copyOf])
    expect(await sessions.get()).toMatchObject({ userId: 'grace' })
    // The sealed copy of the request is of the session before.
    expect(store.asked.at(-1)).toEqual(['validate', 'new-1', { freshness: 'strict' }])
  })

  test('names no token where there was none, and the one that it is told', async () => {
    const without = setUp({ cookie: null })
    await without.sessions.signIn('grace')
    expect(without.store.asked).toEqual([['create', 'grace', {}]])
    const told = setUp()
    await told.sessions.signIn('grace', { replaces: 'other' })
    expect(told.store.asked).toEqual([['create', 'grace', { replaces: 'other' }]])
  })

  test('without being remembered sets a cookie until the browser is closed', async () => {
    const { store, sessions } = setUp({ cookie: null })
    store.sealed = null
    await sessions.signIn('grace', { remember: false })
    expect(sessions.setCookies).toEqual([
      '__Host-session=new-1; Path=/; HttpOnly; Secure; SameSite=Lax',
    ])
  })

  test('is taken by a strict browser, which sends both back, until it is signed out', async () => {
    const url = 'https://example.com/login'
    const jar = new CookieJar(undefined, { prefixSecurity: PrefixSecurityEnum.STRICT })
    const { store, sessions } = setUp({ cookie: null })
    await sessions.signIn('grace')
    const response = sessions.apply(new Response())
    for (const header of response.headers.getSetCookie()) jar.setCookieSync(header, url)
    const cookie = jar.getCookieStringSync(url)
    expect(cookie).toBe('__Host-session=new-1; __Host-session-copy=sealed-copy')

    const next = createRequestSessions(store, {
      method: 'POST',
      url,
      headers: new Headers({ Cookie: cookie }),
    })
    expect(await next.get()).toMatchObject({ userId: 'grace' })
    await next.signOut()
    const last = next.apply(new Response())
    for (const header of last.headers.getSetCookie()) jar.setCookieSync(header, url)
    expect(jar.getCookieStringSync(url)).toBe('')
  })

  test('that the store refuses changes nothing', async () => {
    const { store, sessions } = setUp()
    const failure = store.failWith('banned')
    await expect(sessions.signIn('grace')).rejects.toBe(failure)
    expect(sessions.token).toBe('old')
    expect(sessions.setCookies).toEqual([])
    expect(sessions.unavailableResponse(failure)).toBeNull()
  })
})

describe('rotating', () => {
  test('gives a new token with the end that the session has', async () => {
    const { store, sessions } = setUp({ method: 'POST' })
    expect(await sessions.rotate({ reauthenticated: true })).toBe(true)
    expect(store.asked.at(-1)).toEqual(['rotate', 'old', { reauthenticated: true }])
    expect(sessions.setCookies).toEqual([cookieOf('new-1', 3600), copyOf])
    expect(await sessions.get()).toMatchObject({ userId: 'ada' })
  })

  test('keeps a session of one browser window so', async () => {
    const { sessions } = setUp({ cookie: null })
    await sessions.signIn('grace', { remember: false })
    await sessions.rotate()
    expect(sessions.setCookies[0]).toBe(
      '__Host-session=new-2; Path=/; HttpOnly; Secure; SameSite=Lax',
    )
  })

  test('of no accepted session says so and rotates none', async () => {
    for (const cookie of [null, '__Host-session=gone']) {
      const { store, sessions } = setUp({ cookie })
      expect(await sessions.rotate()).toBe(false)
      expect(store.asked.map(([name]) => name)).toEqual(['validate'])
    }
  })

  test('of a session that ended in between clears its cookies', async () => {
    const { store, sessions } = setUp()
    await sessions.validate()
    store.sessions.clear()
    expect(await sessions.rotate()).toBe(false)
    expect(sessions.token).toBeNull()
    expect(sessions.setCookies).toEqual(cleared)
  })
})

describe('updating', () => {
  test('judges anew and renews the sealed copy alone', async () => {
    const { store, sessions } = setUp()
    await sessions.validate()
    expect(await sessions.update({ roles: ['owner'] })).toMatchObject({ roles: ['owner'] })
    expect(await sessions.get()).toMatchObject({ roles: ['owner'] })
    expect(store.asked.map(([name]) => name)).toEqual(['validate', 'update', 'validate'])
    expect(sessions.setCookies).toEqual([copyOf])
  })

  test('sends one copy only after a sign-in', async () => {
    const { sessions } = setUp()
    await sessions.signIn('grace')
    await sessions.update({ roles: ['owner'] })
    expect(sessions.setCookies).toEqual([cookieOf('new-1'), copyOf])
  })

  test('of no session gives null', async () => {
    const without = setUp({ cookie: null })
    expect(await without.sessions.update({})).toBeNull()
    expect(without.store.asked).toEqual([])
    const { sessions } = setUp({ cookie: '__Host-session=gone' })
    expect(await sessions.update({})).toBeNull()
    expect(sessions.setCookies).toEqual([])
  })
})

describe('signing out', () => {
  test('ends the session, clears the cookies and what the browser kept', async () => {
    const { store, sessions } = setUp({ method: 'POST' })
    await sessions.get()
    await sessions.signOut()
    expect(store.asked.at(-1)).toEqual(['destroy', 'old'])
    expect(await sessions.validate()).toMatchObject({ reason: 'missing' })
    const { headers } = sessions.apply(new Response())
    expect(headers.getSetCookie()).toEqual(cleared)
    expect(headers.get('Clear-Site-Data')).toBe('"cache"')
    expect(headers.get('Cache-Control')).toBe('private, no-store')
  })

  test('clears also where there is no session', async () => {
    const { store, sessions } = setUp({ cookie: null })
    await sessions.signOut({ clearSiteData: ['storage'] })
    expect(store.asked).toEqual([])
    const { headers } = sessions.apply(new Response())
    expect(headers.getSetCookie()).toEqual(cleared)
    expect(headers.get('Clear-Site-Data')).toBe('"storage"')
  })

  test('leaves what the browser kept where that is asked for', async () => {
    const { sessions } = setUp()
    await sessions.signOut({ clearSiteData: false })
    expect(sessions.apply(new Response()).headers.has('Clear-Site-Data')).toBe(false)
  })

  test('takes back the cookies of a sign-in in the same request', async () => {
    const { sessions } = setUp()
    await sessions.signIn('grace')
    await sessions.signOut()
    expect(sessions.setCookies).toEqual(cleared)
  })

  test('with wrong site data ends nothing', async () => {
    const { store, sessions } = setUp()
    await expect(
      sessions.signOut({ clearSiteData: ['everything'] as unknown as SiteData[] }),
    ).rejects.toThrow(TypeError)
    expect(store.asked).toEqual([])
  })

  test('that cannot be done keeps the cookies', async () => {
    const { store, sessions } = setUp()
    const failure = store.failWith('unavailable')
    await expect(sessions.signOut()).rejects.toBe(failure)
    expect(sessions.setCookies).toEqual([])
    expect(sessions.token).toBe('old')
  })
})

describe('a session that cannot be judged', () => {
  test.for(['unavailable', 'overloaded', 'no_answer'])(
    'is thrown, and answered 503: %s',
    async (code) => {
      const { store, sessions } = setUp({ retryAfterSeconds: 7 })
      const failure = store.failWith(code)
      await expect(sessions.get()).rejects.toBe(failure)
      const response = sessions.unavailableResponse(failure)
      expect(response?.status).toBe(503)
      expect(response?.headers.get('Retry-After')).toBe('7')
      expect(response?.headers.get('Content-Type')).toBe('application/problem+json')
      expect(await response?.json()).toMatchObject({ title: 'Service Unavailable', status: 503 })
      expect(sessions.unavailableResponse()?.status).toBe(503)
      expect(sessions.unavailableResponse(new Error('other'))).toBeNull()
      expect(sessions.unavailableResponse(undefined)).toBeNull()
      expect(sessions.setCookies).toEqual([])
    },
  )

  test.for(['no_authority', 'epoch_moved'])('is no other fault: %s', async (code) => {
    const { store, sessions } = setUp()
    const failure = store.failWith(code)
    await expect(sessions.get()).rejects.toBe(failure)
    expect(sessions.unavailableResponse()).toBeNull()
  })

  test('is no bug either', async () => {
    const { store, sessions } = setUp()
    store.failure = new TypeError('a bug')
    await expect(sessions.get()).rejects.toBe(store.failure)
    expect(sessions.unavailableResponse(store.failure)).toBeNull()
  })

  test('throws what the app makes of it, whose own 503 is told when to try again', async () => {
    const own = new Error('page')
    const toUnavailableError = vi.fn(() => own)
    const { store, sessions } = setUp({ toUnavailableError })
    const failure = store.failWith('unavailable')
    await expect(sessions.rotate()).rejects.toBe(own)
    expect(toUnavailableError.mock.calls).toEqual([[failure]])
    const { headers } = sessions.apply(new Response('page', { status: 503 }))
    expect(headers.get('Retry-After')).toBe('5')
    const later = setUp({ toUnavailableError })
    later.store.failure = failure
    await expect(later.sessions.get()).rejects.toBe(own)
    const kept = new Response(null, { status: 503, headers: { 'Retry-After': '99' } })
    expect(later.sessions.apply(kept).headers.get('Retry-After')).toBe('99')
  })

  test('is not what every 503 of the app is about', async () => {
    const { sessions } = setUp()
    await sessions.get()
    const { headers } = sessions.apply(new Response('upkeep', { status: 503 }))
    expect(headers.has('Retry-After')).toBe(false)
  })

  test.for([0, -1, 1.5, NaN])('is not to be tried again in %d seconds', (retryAfterSeconds) => {
    expect(() => setUp({ retryAfterSeconds })).toThrow(RangeError)
  })
})

describe('a response', () => {
  test('for which a session was read is private, whatever it says', async () => {
    for (const cookie of ['__Host-session=old', null]) {
      const { sessions } = setUp({ cookie })
      await sessions.get()
      const given = new Response('page', { headers: { 'Cache-Control': 'public, max-age=60' } })
      const response = sessions.apply(given)
      expect(response).toBe(given)
      expect(response.headers.get('Cache-Control')).toBe('private, no-store')
      expect(response.headers.get('Vary')).toBe('Cookie')
      expect(response.headers.has('Retry-After')).toBe(false)
    }
  })

  test('gets its cookies once, beside those it has, also where it is immutable', async () => {
    const { sessions } = setUp()
    await sessions.signIn('grace')
    const redirect = Response.redirect('https://example.com/there', 303)
    const response = sessions.apply(redirect)
    expect([response.status, response.headers.get('Location')]).toEqual([
      303,
      'https://example.com/there',
    ])
    expect(response.headers.getSetCookie()).toEqual([cookieOf('new-1'), copyOf])
    expect(sessions.apply(response).headers.getSetCookie()).toHaveLength(2)
    const other = setUp()
    await other.sessions.signOut()
    const withCookie = new Response(null, { headers: { 'Set-Cookie': 'theme=dark' } })
    expect(other.sessions.apply(withCookie).headers.getSetCookie()).toEqual([
      'theme=dark',
      ...cleared,
    ])
  })

  test('that was given away takes no more cookies, and nothing is changed for them', async () => {
    const { store, sessions } = setUp()
    sessions.apply(new Response())
    for (const change of [
      () => sessions.signIn('grace'),
      () => sessions.rotate(),
      () => sessions.update({}),
      () => sessions.signOut(),
    ]) {
      await expect(change()).rejects.toThrow('before the response is given away')
    }
    expect(store.asked).toEqual([])
    expect(await sessions.get()).toMatchObject({ createdAtMs: nowMs })
  })
})
