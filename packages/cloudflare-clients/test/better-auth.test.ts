import { env } from 'cloudflare:workers'
import { type BetterAuthOptions, betterAuth, type SecondaryStorage } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSecondaryStorage } from '../src/session.ts'
import { dumpSecondaryStorage } from './support/dump-secondary-storage.ts'

const origin = 'https://codex.example'
const startMs = Date.now()
const password = 'correct horse battery'
const storage: SecondaryStorage = createSecondaryStorage({
  namespace: env.SECONDARY_STORAGE,
  secrets: ['a secret of these tests, of 32 characters or more'],
})
let users = 0

function createAuth(secondaryStorage = storage, overrides: Partial<BetterAuthOptions> = {}) {
  return betterAuth({
    baseURL: origin,
    secret: 'a-secret-for-tests-of-40-characters-0001',
    database: env.DB,
    secondaryStorage,
    emailAndPassword: {
      enabled: true,
      // A sign-in hashes for 100 ms and more otherwise, and none of this is about that.
      password: {
        hash: (text) => Promise.resolve(`hash of ${text}`),
        verify: ({ hash, password: text }) => Promise.resolve(hash === `hash of ${text}`),
      },
      sendResetPassword: ({ token }) => {
        resetTokens.push(token)
        return Promise.resolve()
      },
      revokeSessionsOnPasswordReset: true,
    },
    session: { expiresIn: 3600, updateAge: 600, freshAge: 0 },
    rateLimit: { enabled: false },
    advanced: { ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] } },
    telemetry: { enabled: false },
    logger: { disabled: true },
    ...overrides,
  } satisfies BetterAuthOptions)
}

type Auth = ReturnType<typeof createAuth>
const resetTokens: string[] = []

async function send(
  auth: Auth,
  path: string,
  { body, cookie = '', ip = '192.0.2.1' }: { body?: object; cookie?: string; ip?: string } = {},
): Promise<Response> {
  return auth.handler(
    new Request(`${origin}/api/auth${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', origin, cookie, 'cf-connecting-ip': ip },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  )
}

interface Browser {
  readonly cookie: string
  readonly token: string
}

function toBrowser(response: Response): Browser {
  expect(response.status).toBe(200)
  const [cookie = ''] = (response.headers.getSetCookie().at(-1) ?? '').split(';')
  const [, value = ''] = cookie.split('=')
  return { cookie, token: decodeURIComponent(value).split('.')[0] ?? '' }
}

/** A new user, and a browser that is signed in. */
async function signUp(auth: Auth): Promise<Browser & { email: string; userId: string }> {
  const email = `user-${++users}@codex.example`
  const response = await send(auth, '/sign-up/email', { body: { email, password, name: 'Ada' } })
  const { user } = await response.clone().json<{ user: { id: string } }>()
  return { ...toBrowser(response), email, userId: user.id }
}

async function signIn(auth: Auth, email: string): Promise<Browser> {
  return toBrowser(await send(auth, '/sign-in/email', { body: { email, password } }))
}

async function isSignedIn(auth: Auth, { cookie }: Browser): Promise<boolean> {
  const response = await send(auth, '/get-session', { cookie })
  if (response.status === 401) return false
  expect(response.status).toBe(200)
  return (await response.json()) !== null
}

async function listTokens(auth: Auth, { cookie }: Browser): Promise<string[]> {
  const response = await send(auth, '/list-sessions', { cookie })
  return (await response.json<{ token: string }[]>()).map(({ token }) => token).toSorted()
}

function tokensOf(browsers: readonly Browser[]): string[] {
  return browsers.map(({ token }) => token).toSorted()
}

/** A storage whose calls stop where a test wants, until it lets them go on. */
function gated(inner: SecondaryStorage): {
  readonly storage: SecondaryStorage
  /** @returns When the next such call has arrived, and how to let it go on. */
  hold(method: 'get' | 'set', isIt: (key: string) => boolean): Gate
} {
  const gates: { method: string; isIt: (key: string) => boolean; pass: () => Promise<void> }[] = []
  const reach = async (method: string, key: string): Promise<void> => {
    const index = gates.findIndex((gate) => gate.method === method && gate.isIt(key))
    if (index >= 0) await gates.splice(index, 1)[0]?.pass()
  }
  return {
    storage: {
      ...inner,
      get: async (key) => {
        const value = await inner.get(key)
        await reach('get', key)
        return value
      },
      set: async (key, value, ttl) => {
        await reach('set', key)
        await inner.set(key, value, ttl)
      },
    },
    hold(method, isIt) {
      const arrived = Promise.withResolvers<undefined>()
      const open = Promise.withResolvers<undefined>()
      const pass = async (): Promise<void> => {
        arrived.resolve(undefined)
        await open.promise
      }
      gates.push({ method, isIt, pass })
      return {
        arrived: arrived.promise,
        release: () => {
          open.resolve(undefined)
        },
      }
    },
  }
}

interface Gate {
  readonly arrived: Promise<undefined>
  readonly release: () => void
}

const isList = (key: string): boolean => key.startsWith('active-sessions-')
const isToken = (key: string): boolean => /^[A-Za-z0-9]{32}$/.test(key)

beforeAll(async () => {
  const { runMigrations } = await getMigrations(createAuth().options)
  await runMigrations()
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: startMs })
})

afterEach(() => {
  vi.useRealTimers()
})

function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

describe('better-auth on the secondary storage', () => {
  test('signs up, signs in and out, and lists sessions', async () => {
    const auth = createAuth()
    const first = await signUp(auth)
    const second = await signIn(auth, first.email)
    expect(await isSignedIn(auth, first)).toBe(true)
    expect(await listTokens(auth, second)).toEqual(tokensOf([first, second]))
    await send(auth, '/sign-out', { body: {}, cookie: second.cookie })
    expect(await isSignedIn(auth, second)).toBe(false)
    expect(await listTokens(auth, first)).toEqual([first.token])
  })

  test('revokes one, all others, and all', async () => {
    const auth = createAuth()
    const first = await signUp(auth)
    const others = await Promise.all([1, 2, 3].map(() => signIn(auth, first.email)))
    const [second] = others
    if (second === undefined) throw new Error('no session')
    const { cookie } = first
    await send(auth, '/revoke-session', { body: { token: second.token }, cookie })
    expect(await isSignedIn(auth, second)).toBe(false)
    expect(await listTokens(auth, first)).toEqual(tokensOf([first, ...others.slice(1)]))
    await send(auth, '/revoke-other-sessions', { body: {}, cookie })
    expect(await listTokens(auth, first)).toEqual([first.token])
    for (const other of others) expect(await isSignedIn(auth, other)).toBe(false)
    const third = await signIn(auth, first.email)
    await send(auth, '/revoke-sessions', { body: {}, cookie })
    expect(await isSignedIn(auth, first)).toBe(false)
    expect(await isSignedIn(auth, third)).toBe(false)
    expect(await isSignedIn(auth, await signIn(auth, first.email))).toBe(true)
  })

  test('prolongs a session that is used, once in its update age, and ends one that is not', async () => {
    const auth = createAuth()
    const used = await signUp(auth)
    const unused = await signIn(auth, used.email)
    pass(600)
    expect((await send(auth, '/get-session', used)).headers.getSetCookie()).not.toEqual([])
    pass(599)
    expect((await send(auth, '/get-session', used)).headers.getSetCookie()).toEqual([])
    pass(2401)
    expect(await isSignedIn(auth, unused)).toBe(false)
    expect(await isSignedIn(auth, used)).toBe(true)
    expect(await listTokens(auth, used)).toEqual([used.token])
    pass(3600)
    expect(await isSignedIn(auth, used)).toBe(false)
  })

  test('shows a changed user in all sessions, also where a slower renewal writes the old one', async () => {
    const gate = gated(storage)
    const auth = createAuth(gate.storage)
    const browser = await signUp(auth)
    const other = await signIn(auth, browser.email)
    pass(600)
    const renewal = gate.hold('set', (key) => key === other.token)
    const renewing = send(auth, '/get-session', other)
    await renewal.arrived
    await send(createAuth(), '/update-user', { body: { name: 'Grace' }, cookie: browser.cookie })
    renewal.release()
    await renewing
    const response = await send(auth, '/get-session', other)
    const { session, user } = await response.json<{
      session: { expiresAt: string }
      user: { name: string }
    }>()
    expect(user.name).toBe('Grace')
    expect(Date.parse(session.expiresAt)).toBe(startMs + 4_200_000)
  })

  test('takes a reset link once, and ends all sessions with it', async () => {
    const auth = createAuth()
    const browser = await signUp(auth)
    await send(auth, '/request-password-reset', { body: { email: browser.email } })
    const token = resetTokens.at(-1)
    const attempts = await Promise.all(
      Array.from({ length: 5 }, () =>
        send(auth, '/reset-password', { body: { token, newPassword: 'another password' } }),
      ),
    )
    expect(attempts.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400])
    expect(await isSignedIn(auth, browser)).toBe(false)
  })

  test('limits exactly, by address, however many come at once', async () => {
    const auth = createAuth(storage, { rateLimit: { enabled: true } })
    const { email } = await signUp(createAuth())
    const attempt = (ip: string): Promise<Response> =>
      send(auth, '/sign-in/email', { body: { email, password }, ip })
    const statuses = async (ip: string): Promise<number[]> =>
      (await Promise.all(Array.from({ length: 10 }, () => attempt(ip)))).map(({ status }) => status)
    const first = await statuses('203.0.113.1')
    expect(first.filter((status) => status === 200)).toHaveLength(3)
    expect(first.filter((status) => status === 429)).toHaveLength(7)
    pass(9.999)
    expect((await attempt('203.0.113.1')).status).toBe(429)
    expect((await attempt('203.0.113.2')).status).toBe(200)
    pass(0.001)
    expect((await attempt('203.0.113.1')).status).toBe(200)
  })

  test('leaves no credential in what is stored', async () => {
    const auth = createAuth(storage, { rateLimit: { enabled: true } })
    const first = await signUp(auth)
    const second = await signIn(createAuth(), first.email)
    await send(auth, '/request-password-reset', { body: { email: first.email } })
    const revoked = await signIn(createAuth(), first.email)
    await send(auth, '/revoke-session', { body: { token: revoked.token }, cookie: first.cookie })
    const secrets = [...tokensOf([first, second, revoked]), resetTokens.at(-1) ?? '', first.email]
    for (const secret of secrets) expect(secret.length).toBeGreaterThan(10)
    const dump = await dumpSecondaryStorage()
    expect(dump.length).toBeGreaterThan(4)
    for (const { text } of dump) {
      for (const secret of secrets) expect(text).not.toContain(secret)
    }
  })
})

/** @see https://github.com/better-auth/better-auth/issues/11073 */
describe('races of better-auth with itself', () => {
  test('sign-ins at once are all listed, and all revoked', async () => {
    const gate = gated(storage)
    const auth = createAuth(gate.storage)
    const first = await signUp(createAuth())
    // Each has read the list before any has written it.
    const gates = [1, 2, 3].map(() => gate.hold('get', isList))
    const signingIn = Promise.all([1, 2, 3].map(() => signIn(auth, first.email)))
    await Promise.all(gates.map(({ arrived }) => arrived))
    for (const { release } of gates) release()
    const others = await signingIn
    expect(await listTokens(auth, first)).toEqual(tokensOf([first, ...others]))
    await send(auth, '/revoke-other-sessions', { body: {}, cookie: first.cookie })
    for (const other of others) expect(await isSignedIn(auth, other)).toBe(false)
    expect(await isSignedIn(auth, first)).toBe(true)
  })

  test('a list that is deleted hides no session from a revocation', async () => {
    const auth = createAuth()
    const first = await signUp(auth)
    const second = await signIn(auth, first.email)
    await storage.delete(`active-sessions-${first.userId}`)
    expect(await listTokens(auth, first)).toEqual(tokensOf([first, second]))
    await send(auth, '/revoke-sessions', { body: {}, cookie: first.cookie })
    expect(await isSignedIn(auth, first)).toBe(false)
    expect(await isSignedIn(auth, second)).toBe(false)
  })

  test.for(['/sign-out', '/revoke-session', '/revoke-other-sessions', '/revoke-sessions'])(
    'a renewal that is slower than %s brings nothing back',
    async (path) => {
      const gate = gated(storage)
      const auth = createAuth(gate.storage)
      const first = await signUp(createAuth())
      const second = await signIn(createAuth(), first.email)
      pass(600)
      const renewal = gate.hold('set', (key) => key === second.token)
      const renewing = send(auth, '/get-session', second)
      await renewal.arrived
      const { cookie } = path === '/sign-out' ? second : first
      await send(createAuth(), path, { body: { token: second.token }, cookie })
      renewal.release()
      await renewing
      expect(await isSignedIn(auth, second)).toBe(false)
      expect(String(await storage.get(`active-sessions-${first.userId}`))).not.toContain(
        second.token,
      )
    },
  )

  test.for(['before it is on the list', 'before it is stored'])(
    'a sign-in during a revocation of all, %s, is either revoked or listed',
    async (moment) => {
      const gate = gated(storage)
      const auth = createAuth(gate.storage)
      const first = await signUp(createAuth())
      const step = gate.hold('set', moment === 'before it is stored' ? isToken : isList)
      const signingIn = signIn(auth, first.email)
      await step.arrived
      await send(createAuth(), '/revoke-sessions', { body: {}, cookie: first.cookie })
      step.release()
      const late = await signingIn
      const isIn = await isSignedIn(auth, late)
      expect(isIn).toBe(moment === 'before it is on the list')
      if (isIn) expect(await listTokens(auth, late)).toEqual([late.token])
    },
  )
})
