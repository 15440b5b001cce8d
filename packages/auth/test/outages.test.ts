import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { SessionStore } from '@codex/cloudflare-clients/session'
import { createMemorySessionAuthority } from '@codex/cloudflare-clients/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuthError, createAuth, type SessionData } from '../src/index.ts'
import { type Fault, faultyD1, intercept } from './faulty-bindings.ts'
import { OutboxMailer } from './outbox-mailer.ts'
import {
  ada,
  browser,
  createTestPlatform,
  origin,
  secret,
  type TestPlatform,
  tokenOf,
} from './test-platform.ts'

const newPassword = 'a brand new password'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

/** Every call that somebody who is signed in can make, with a reset link that was mailed to them. */
function callsOf(
  { auth, request }: TestPlatform,
  { headers, userId, token }: { headers: Headers; userId: string; token: string },
): Record<string, () => Promise<unknown>> {
  const passwords = { currentPassword: ada.password, newPassword }
  return {
    signIn: () => auth.signIn(ada, { sessions: request(new Headers()), headers: new Headers() }),
    resetPassword: () => auth.resetPassword({ token, password: newPassword }),
    changePassword: () => auth.changePassword(passwords, request(headers)),
    confirmPassword: () => auth.confirmPassword(ada.password, request(headers)),
    setRole: () => auth.setRole(userId, 'owner'),
  }
}

/** Those of them that ask no database. */
function callsOfSessions(
  { auth, request }: TestPlatform,
  { headers, userId }: { headers: Headers; userId: string },
): Record<string, () => Promise<unknown>> {
  return {
    signOut: () => auth.signOut(request(headers)),
    listSessions: () => auth.listSessions(userId, request(headers)),
    revokeSession: () => auth.revokeSession({ userId, sessionId: 'x' }),
    revokeOtherSessions: () => auth.revokeOtherSessions(userId, request(headers)),
    signOutUser: () => auth.signOutUser(userId),
    signOutEveryone: () => auth.signOutEveryone(),
  }
}

describe('while KV fails', () => {
  it('every flow works', async () => {
    const platform = createTestPlatform()
    const { auth, getSession, kvFault, mailedToken, register, request, signIn } = platform
    kvFault.on = true
    const userId = await register()
    const headers = await signIn()
    const session = await getSession(headers)
    expect(session?.email).toBe(ada.email)
    expect(await platform.otherIsolate().getSession(headers)).not.toBeNull()
    expect(await auth.setRole(userId, 'creator')).toBe(true)
    expect((await getSession(headers))?.roles).toEqual(['creator'])
    expect(await auth.revokeSession({ userId, sessionId: session?.id ?? '' })).toBe(true)
    expect(await getSession(headers)).toBeNull()

    const again = await signIn()
    const passwords = { currentPassword: ada.password, newPassword }
    expect((await auth.changePassword(passwords, request(again))).ok).toBe(true)
    expect(await getSession(again)).toBeNull()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    expect(await auth.resetPassword({ token, password: ada.password })).toEqual({
      ok: true,
      email: ada.email,
    })
    const last = await signIn()
    await auth.signOut(request(last))
    expect(await getSession(last)).toBeNull()
  })
})

describe('while the authority fails', () => {
  it('a page view within its bound goes on, also where only KV has a copy', async () => {
    const platform = createTestPlatform()
    await platform.register()
    const headers = await platform.signIn()
    const elsewhere = platform.otherIsolate()
    for (const isolate of [platform, elsewhere]) {
      isolate.authorityFault.on = true
      const view = await isolate.getSession(headers, { freshness: { boundedSeconds: 60 } })
      expect(view?.email).toBe(ada.email)
    }
  })

  it('a strict check, and every call that needs it, rejects and signs nobody out', async () => {
    const platform = createTestPlatform()
    const { auth, authorityFault, getSession, mailedToken, register, request, signIn } = platform
    const userId = await register()
    const headers = await signIn()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    authorityFault.on = true
    await expect(getSession(headers)).rejects.toMatchObject({ code: 'unavailable' })
    const calls = {
      ...callsOf(platform, { headers, userId, token }),
      ...callsOfSessions(platform, { headers, userId }),
    }
    for (const [name, call] of Object.entries(calls)) {
      const error: unknown = await call().catch((reason: unknown) => reason)
      expect(error, name).toBeInstanceOf(AuthError)
      expect(error, name).toMatchObject({
        code: 'sessions_unavailable',
        cause: { message: 'Network connection lost.' },
      })
    }
    const leaving = request(headers)
    await auth.signOut(leaving).catch(() => undefined)
    expect(leaving.setCookies).toEqual([])

    authorityFault.on = false
    expect(await getSession(headers)).not.toBeNull()
    // The password is the old one, and the link was not spent.
    expect(await getSession(await signIn())).not.toBeNull()
    expect(await auth.resetPassword({ token, password: newPassword })).toMatchObject({ ok: true })
  })

  it.each(['signIn', 'changePassword', 'resetPassword', 'confirmPassword', 'setRole'] as const)(
    '%s rejects wherever it fails in the middle, and succeeds when it is tried again',
    async (method) => {
      let allowedCalls = Infinity
      const memory = createMemorySessionAuthority()
      const platform = createTestPlatform({
        authority: {
          getByName: (name) =>
            intercept(memory.getByName(name), (_, call) =>
              allowedCalls-- > 0 ? call() : Promise.reject(new Error('Network connection lost.')),
            ),
        },
      })
      const userId = await platform.register()
      let failures = 0
      for (let allowed = 0; ; allowed++) {
        allowedCalls = Infinity
        const password = await currentPassword(platform)
        const headers = await platform.signIn({ ...ada, password })
        await platform.auth.requestPasswordReset(ada.email)
        const token = platform.mailedToken(ada.email)
        allowedCalls = allowed
        const attempt = retryable(platform, { headers, userId, token, password })[method]
        const outcome: unknown = await attempt().catch((error: unknown) => error)
        if (!(outcome instanceof Error)) {
          expect(outcome).toMatchObject(method === 'setRole' ? {} : { ok: true })
          break
        }
        failures++
        expect(outcome, `after ${allowed} calls`).toBeInstanceOf(AuthError)
      }
      expect(failures).toBeGreaterThan(0)
    },
  )
})

describe('on KV alone', () => {
  it('people sign in and out, and change their password', async () => {
    const { auth, getSession, register, request, signIn } = createTestPlatform({ authority: null })
    await register()
    const [here, there] = [await signIn(), await signIn()]
    expect((await getSession(here))?.email).toBe(ada.email)
    const sessions = request(here)
    const passwords = { currentPassword: ada.password, newPassword }
    expect(await auth.changePassword(passwords, sessions)).toEqual({ ok: true })
    expect(await getSession(there)).toBeNull()
    const renewed = browser(sessions.setCookies)
    expect(await getSession(renewed)).not.toBeNull()
    await auth.signOut(request(renewed))
    expect(await getSession(renewed)).toBeNull()
  })

  it('nobody can sign everyone out', async () => {
    const { auth } = createTestPlatform({ authority: null })
    await expect(auth.signOutEveryone()).rejects.toMatchObject({ code: 'no_authority' })
  })

  it('a failing KV signs nobody in or out', async () => {
    const platform = createTestPlatform({ authority: null })
    const { auth, kvFault, register, request, signIn } = platform
    await register()
    const headers = await signIn()
    kvFault.on = true
    const sessions = request(new Headers())
    await expect(auth.signIn(ada, { sessions, headers: new Headers() })).rejects.toBeInstanceOf(
      AuthError,
    )
    await expect(auth.signOut(request(headers))).rejects.toBeInstanceOf(AuthError)
    await expect(platform.otherIsolate().getSession(headers)).resolves.not.toBeNull()
  })
})

describe('while D1 fails', () => {
  it('rejects every call that needs it, and never answers "signed out" or "not found"', async () => {
    const platform = createTestPlatform()
    const { auth, d1Fault, getSession, mailedToken, register, signIn } = platform
    const userId = await register()
    const headers = await signIn()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    d1Fault.on = true
    const calls: Record<string, () => Promise<unknown>> = {
      signUp: () => auth.signUp({ ...ada, email: 'sam@codex.example' }),
      resendVerification: () => auth.resendVerification(ada.email),
      verifyEmail: () => auth.verifyEmail('token'),
      requestPasswordReset: () => auth.requestPasswordReset(ada.email),
      ...callsOf(platform, { headers, userId, token }),
    }
    for (const [name, call] of Object.entries(calls)) {
      const error: unknown = await call().catch((reason: unknown) => reason)
      expect(error, name).toBeInstanceOf(AuthError)
      expect(error, name).toMatchObject({
        code: 'database_unavailable',
        cause: { message: 'D1_ERROR: Network connection lost.' },
      })
    }
    d1Fault.on = false
    expect(await getSession(headers)).not.toBeNull()
    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
  })

  it('sessions are judged, listed and ended', async () => {
    const platform = createTestPlatform()
    const { d1Fault, getSession, register, request, signIn, auth } = platform
    const userId = await register()
    const headers = await signIn()
    d1Fault.on = true
    expect(await getSession(headers)).not.toBeNull()
    expect(await platform.otherIsolate().getSession(headers)).not.toBeNull()
    expect(await auth.listSessions(userId, request(headers))).toHaveLength(1)
    await auth.signOut(request(headers))
    expect(await getSession(headers)).toBeNull()
  })

  it.each(['signIn', 'changePassword', 'resetPassword', 'confirmPassword', 'setRole'] as const)(
    '%s rejects wherever it fails in the middle, with no token in the error or the log',
    async (method) => {
      const authority = createMemorySessionAuthority()
      const whole = createTestPlatform({ authority })
      const userId = await whole.register()
      const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
        vi.spyOn(console, level),
      )
      let failures = 0
      for (let allowedQueries = 0; ; allowedQueries++) {
        const password = await currentPassword(whole)
        const headers = await whole.signIn({ ...ada, password })
        await whole.auth.requestPasswordReset(ada.email)
        const token = whole.mailedToken(ada.email)
        const failing = createTestPlatform({ authority, d1: failAfter(allowedQueries) })
        const attempt = retryable(failing, { headers, userId, token, password })[method]
        const outcome: unknown = await attempt().catch((error: unknown) => error)
        const shown = describeError(outcome) + JSON.stringify(spies.map((spy) => spy.mock.calls))
        for (const secretText of [tokenOf(headers).split('.')[3] ?? '', token, password]) {
          expect(shown).not.toContain(secretText)
        }
        if (!(outcome instanceof Error)) {
          expect(outcome).toMatchObject(method === 'setRole' ? {} : { ok: true })
          break
        }
        failures++
        expect(outcome, `after ${allowedQueries} queries`).toBeInstanceOf(AuthError)
      }
      vi.restoreAllMocks()
      expect(failures).toBeGreaterThan(0)
    },
  )

  it('a sign-in that fails at its last query leaves no session', async () => {
    const authority = createMemorySessionAuthority()
    const whole = createTestPlatform({ authority })
    const userId = await whole.register()
    const failing = createTestPlatform({ authority, d1: failAfter(2) })
    const sessions = failing.request(new Headers())
    await expect(
      failing.auth.signIn(ada, { sessions, headers: new Headers() }),
    ).rejects.toBeInstanceOf(AuthError)
    expect(sessions.token).toBeNull()
    expect(await whole.auth.listSessions(userId)).toEqual([])
  })
})

describe('createAuth', () => {
  const options = {
    d1: env.DB,
    secret,
    origin,
    sessions: new SessionStore<SessionData>(env.AUTH_SESSION_KV),
    mailer: new OutboxMailer(),
  }

  it('refuses a short secret, without repeating it, and an origin that is none', () => {
    expect(() => createAuth({ ...options, secret: 'hunter2' })).toThrow(RangeError)
    expect(() => createAuth({ ...options, secret: 'hunter2' })).not.toThrow(/hunter2/)
    for (const bad of ['', 'codex.example', 'ftp://codex.example']) {
      expect(() => createAuth({ ...options, origin: bad })).toThrow(TypeError)
    }
  })

  it('goes on when the reporter itself throws', async () => {
    const { auth } = createTestPlatform({
      mailer: { send: () => Promise.reject(new Error('SMTP down')) },
      onEvent: () => {
        throw new Error('The reporter is broken')
      },
    })
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(await auth.signUp(ada)).toEqual({ ok: true })
    expect(logged).toHaveBeenCalledOnce()
    logged.mockRestore()
  })
})

/** Calls that can be made time and again, by somebody whose password is `password`. */
function retryable(
  { auth, request }: TestPlatform,
  of: { headers: Headers; userId: string; token: string; password: string },
) {
  const { headers, userId, token, password } = of
  return {
    signIn: (): Promise<unknown> =>
      auth.signIn(
        { ...ada, password },
        { sessions: request(new Headers()), headers: new Headers() },
      ),
    changePassword: (): Promise<unknown> =>
      auth.changePassword(
        { currentPassword: password, newPassword: other(password) },
        request(headers),
      ),
    resetPassword: (): Promise<unknown> => auth.resetPassword({ token, password: other(password) }),
    confirmPassword: (): Promise<unknown> => auth.confirmPassword(password, request(headers)),
    setRole: (): Promise<unknown> =>
      auth.setRole(userId, 'creator').then((isDone) => ({ ok: isDone })),
  }
}

function other(password: string): string {
  return password === ada.password ? newPassword : ada.password
}

/** A failure halfway may have changed it. */
async function currentPassword({ auth, request }: TestPlatform): Promise<string> {
  const attempt = { sessions: request(new Headers()), headers: new Headers() }
  return (await auth.signIn(ada, attempt)).ok ? ada.password : newPassword
}

/** The real database, which fails after so many queries. */
function failAfter(allowedQueries: number): D1Database {
  const fault: Fault = { on: allowedQueries === 0 }
  let queries = 0
  const count = (by: number) => {
    queries += by
    if (queries > allowedQueries) fault.on = true
  }
  const faulty = faultyD1(env.DB, fault)
  return intercept(faulty, (name, call, args) => {
    if (name === 'batch') count((args[0] as unknown[]).length)
    if (name === 'prepare') count(1)
    return call()
  })
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)))
  return [error.name, ...own, describeError(error.cause)].join('\n')
}
