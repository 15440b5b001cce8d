import { createEmptyKV, KVError, SessionCacheClient } from '@codex/cloudflare-clients'
import { sessions } from '@codex/database'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuthError, createAuth } from '../src/index.ts'
import { type Fault, faultyD1, faultyKV, intercept } from './faulty-bindings.ts'
import { OutboxMailer } from './outbox-mailer.ts'
import { ada, createTestPlatform, database, origin, secret, tokenOf } from './test-platform.ts'

const newPassword = 'a brand new password'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(async () => {
  vi.useRealTimers()
  await reset()
})

describe('while KV fails', () => {
  it.each(['throw', 'miss'] as const)(
    'every flow works on the database alone, with a cache set to "%s"',
    async (onStoreError) => {
      const kv = faultyKV(env.AUTH_SESSION_KV, { on: true })
      const sessionCache = new SessionCacheClient(kv, { onStoreError, onEvent: () => undefined })
      const { auth, mailedToken, register, signIn } = createTestPlatform({ sessionCache })
      const userId = await register()
      const headers = await signIn()
      const session = await auth.getSession(headers)
      expect(session?.user.email).toBe(ada.email)
      expect(await auth.getSession(headers)).toEqual(session)
      expect(await auth.setRole(userId, 'creator')).toBe(true)
      expect((await auth.getSession(headers))?.user.role).toBe('creator')
      const sessionId = session?.session.id ?? ''
      expect(await auth.revokeSession({ userId, sessionId })).toBe(true)
      expect(await auth.getSession(headers)).toBeNull()

      const again = await signIn()
      const changed = await auth.changePassword(
        { currentPassword: ada.password, newPassword },
        again,
      )
      expect(changed.ok).toBe(true)
      expect(await auth.getSession(again)).toBeNull()
      await auth.requestPasswordReset(ada.email)
      const token = mailedToken(ada.email)
      expect(await auth.resetPassword({ token, password: ada.password })).toEqual({
        ok: true,
        email: ada.email,
      })
      const last = await signIn()
      expect((await auth.signOut(last)).setCookies).toHaveLength(1)
      expect(await auth.getSession(last)).toBeNull()
    },
  )

  it('asks KV once in a request, and reports the failure without the token', async () => {
    const { auth, cost, events, kvFault, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    kvFault.on = true
    expect(await cost(() => auth.getSession(headers))).toEqual({ queries: 1, kv: { read: 1 } })
    expect(events).toEqual([
      expect.objectContaining({ type: 'session_cache_error', operation: 'get', attempt: 1 }),
    ])
    const error = events[0]?.error
    expect(error).toBeInstanceOf(KVError)
    expect(JSON.stringify(events) + describeError(error)).not.toContain(tokenOf(headers))
  })

  it('answers also when only the writes fail', async () => {
    const kv = intercept(env.AUTH_SESSION_KV, (name, call) =>
      name === 'put'
        ? Promise.reject(new Error('KV PUT failed: 500 Internal Server Error'))
        : call(),
    )
    const { auth, events, register, signIn } = createTestPlatform({
      sessionCache: new SessionCacheClient(kv),
    })
    await register()
    expect(await auth.getSession(await signIn())).not.toBeNull()
    expect(events).toEqual([
      expect.objectContaining({ type: 'session_cache_error', operation: 'set' }),
    ])
  })

  it('changes the password, reports what stays cached, and takes it out a moment later', async () => {
    const background: Promise<unknown>[] = []
    const { auth, events, kvFault, register, signIn } = createTestPlatform({
      waitUntil: (promise) => background.push(promise),
    })
    await register()
    await Promise.all(background.splice(0))
    const [own, other] = [await signIn(), await signIn()]
    await auth.getSession(own)
    await auth.getSession(other)

    vi.useFakeTimers({ toFake: ['setTimeout'] })
    kvFault.on = true
    const changed = await auth.changePassword({ currentPassword: ada.password, newPassword }, own)
    expect(changed.ok).toBe(true)
    kvFault.on = false
    expect(events).toEqual([
      expect.objectContaining({ operation: 'delete_user_sessions', attempt: 1 }),
    ])
    expect(await auth.getSession(other)).not.toBeNull()

    await vi.advanceTimersByTimeAsync(2000)
    await Promise.all(background)
    expect(await auth.getSession(other)).toBeNull()
    expect(events).toHaveLength(1)
  })

  it('reports it when the second try fails too, and tries no third time', async () => {
    const background: Promise<unknown>[] = []
    const { auth, events, kvFault, register, signIn } = createTestPlatform({
      waitUntil: (promise) => background.push(promise),
    })
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    kvFault.on = true
    await auth.signOut(headers)
    await vi.advanceTimersByTimeAsync(60_000)
    await Promise.all(background)
    expect(events).toEqual([
      expect.objectContaining({ operation: 'delete', attempt: 1 }),
      expect.objectContaining({ operation: 'delete', attempt: 2 }),
    ])
  })

  it('serves a session whose cached copy could not be deleted for 900 s at most', async () => {
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: start })
    const { auth, kvFault, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    await auth.getSession(headers)
    kvFault.on = true
    await auth.signOut(headers)
    kvFault.on = false
    vi.setSystemTime(start + 899_000)
    expect(await auth.getSession(headers)).not.toBeNull()
    vi.setSystemTime(start + 901_000)
    expect(await auth.getSession(headers)).toBeNull()
  })

  it('goes on when the reporter itself throws', async () => {
    const { auth, kvFault, register, signIn } = createTestPlatform({
      onEvent: () => {
        throw new Error('The reporter is broken')
      },
    })
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await register()
    const headers = await signIn()
    kvFault.on = true
    expect(await auth.getSession(headers)).not.toBeNull()
    expect(logged).toHaveBeenCalledOnce()
    logged.mockRestore()
  })
})

describe('while D1 fails', () => {
  it('rejects every call that needs it, and never answers "signed out" or "not found"', async () => {
    const { auth, d1Fault, mailedToken, register, signIn } = createTestPlatform()
    const userId = await register()
    const headers = await signIn()
    await auth.requestPasswordReset(ada.email)
    const token = mailedToken(ada.email)
    d1Fault.on = true
    const passwords = { currentPassword: ada.password, newPassword }
    const calls: Record<string, () => Promise<unknown>> = {
      getSession: () => auth.getSession(headers),
      signUp: () => auth.signUp({ ...ada, email: 'sam@codex.example' }),
      resendVerification: () => auth.resendVerification(ada.email),
      verifyEmail: () => auth.verifyEmail('token'),
      signIn: () => auth.signIn(ada, new Headers()),
      signOut: () => auth.signOut(headers),
      requestPasswordReset: () => auth.requestPasswordReset(ada.email),
      resetPassword: () => auth.resetPassword({ token, password: newPassword }),
      changePassword: () => auth.changePassword(passwords, headers),
      listSessions: () => auth.listSessions(userId),
      revokeSession: () => auth.revokeSession({ userId, sessionId: 'x' }),
      setRole: () => auth.setRole(userId, 'owner'),
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
    expect(await auth.getSession(headers)).not.toBeNull()
    expect(await auth.resetPassword({ token, password: newPassword })).toEqual({
      ok: true,
      email: ada.email,
    })
  })

  it('still serves a cached session', async () => {
    const { auth, d1Fault, register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const session = await auth.getSession(headers)
    d1Fault.on = true
    expect(await auth.getSession(headers)).toEqual(session)
  })

  it.each(['getSession', 'signIn', 'changePassword'] as const)(
    '%s rejects wherever it fails in the middle, with no token in the error or the log',
    async (method) => {
      const { register, signIn } = createTestPlatform()
      await register()
      const headers = await signIn()
      const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
        vi.spyOn(console, level),
      )
      let allowedQueries = 0
      let outcome: unknown = new Error('Nothing was tried yet')
      while (outcome instanceof Error) {
        // A failure halfway may have ended the session already.
        const current = (await database.select().from(sessions)).some(
          (row) => row.token === tokenOf(headers),
        )
          ? headers
          : await signIn()
        const { auth } = createTestPlatform({
          d1: failAfter(allowedQueries),
          sessionCache: new SessionCacheClient(createEmptyKV()),
        })
        const passwords = { currentPassword: ada.password, newPassword: ada.password }
        const calls = {
          getSession: () => auth.getSession(current),
          signIn: () => auth.signIn(ada, new Headers()),
          changePassword: () => auth.changePassword(passwords, current),
        }
        outcome = await calls[method]().catch((error: unknown) => error)
        if (outcome instanceof Error) {
          expect(outcome, `after ${allowedQueries} queries`).toBeInstanceOf(AuthError)
          const rows = await database.select().from(sessions)
          const shown = describeError(outcome) + JSON.stringify(spies.map((spy) => spy.mock.calls))
          for (const token of [tokenOf(current), ...rows.map((row) => row.token)]) {
            expect(shown).not.toContain(token)
          }
        }
        allowedQueries++
      }
      vi.restoreAllMocks()
      expect(allowedQueries).toBeGreaterThan(1)
      expect(outcome).toMatchObject(
        method === 'getSession' ? { user: { email: ada.email } } : { ok: true },
      )
    },
  )

  it('answers with the copy it has just read when only the second look fails', async () => {
    const { register, signIn } = createTestPlatform()
    await register()
    const headers = await signIn()
    const events: unknown[] = []
    const auth = createAuth({
      d1: failAfter(1),
      secret,
      origin,
      secureCookies: true,
      sessionCache: new SessionCacheClient(env.AUTH_SESSION_KV),
      mailer: new OutboxMailer(),
      onEvent: (event) => events.push(event),
    })
    expect((await auth.getSession(headers))?.user.email).toBe(ada.email)
    expect(events).toEqual([expect.objectContaining({ type: 'database_error' })])
  })
})

describe('createAuth', () => {
  const options = {
    d1: env.DB,
    secret,
    origin,
    secureCookies: true,
    sessionCache: new SessionCacheClient(env.AUTH_SESSION_KV),
    mailer: new OutboxMailer(),
  }

  it('refuses a short secret, without repeating it, and an origin that is none', () => {
    expect(() => createAuth({ ...options, secret: 'hunter2' })).toThrow(RangeError)
    expect(() => createAuth({ ...options, secret: 'hunter2' })).not.toThrow(/hunter2/)
    for (const bad of ['', 'codex.example', 'ftp://codex.example']) {
      expect(() => createAuth({ ...options, origin: bad })).toThrow(TypeError)
    }
  })
})

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
