import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, dumpKV, failingKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import { keys } from '../kv/keys.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { CachedSession } from './cached-session.ts'
import { SessionCacheClient } from './session-cache-client.ts'

const startMs = Date.now()

afterEach(async () => {
  await reset()
})

function createSession(
  token: string,
  options: { userId?: string; lifetimeSeconds?: number } = {},
): CachedSession {
  const { userId = 'user-1', lifetimeSeconds = 3600 } = options
  return {
    session: {
      id: `session-of-${sha256Base64Url(token).slice(0, 8)}`,
      userId,
      token,
      expiresAt: new Date(startMs + lifetimeSeconds * 1000).toISOString(),
      ipAddress: '192.0.2.1',
      userAgent: 'Firefox',
    },
    user: {
      id: userId,
      email: 'ada@example.com',
      name: 'Ada',
      role: 'creator',
      emailVerified: true,
    },
  }
}

test('gives back what it took', async () => {
  const sessions = new SessionCacheClient(env.KV)
  const { session, user } = createSession('token-1')
  const { ipAddress: _ip, userAgent: _agent, ...sparse } = session
  await sessions.set('token-1', { session, user })
  await sessions.set('token-2', { session: { ...sparse, token: 'token-2' }, user })
  expect(await sessions.get('token-1')).toEqual({ session, user })
  expect(await sessions.get('token-2')).toEqual({ session: { ...sparse, token: 'token-2' }, user })
  expect(await sessions.get('unknown')).toBeNull()
})

test('stores no bearer token in any key, value or metadata', async () => {
  const token = 'a-bearer-token-that-must-not-leak'
  await new SessionCacheClient(env.KV).set(token, createSession(token))
  const dump = await dumpKV(env.KV)
  expect(dump).toHaveLength(2)
  expect(JSON.stringify(dump)).not.toContain(token)
})

test('stores the documented fields only', async () => {
  const { session, user } = createSession('t')
  const row = { ...user, passwordHash: 'scrypt-of-something' }
  await new SessionCacheClient(env.KV).set('t', { session, user: row })
  expect(JSON.stringify(await dumpKV(env.KV))).not.toContain('scrypt-of-something')
  expect(await new SessionCacheClient(env.KV).get('t')).toEqual({ session, user })
})

describe('expiry', () => {
  test.for([1, 30, 59, 60, 3600])(
    'refuses a session of %i s when it expires, whatever KV keeps',
    async (lifetimeSeconds) => {
      const clock = new ManualClock(startMs)
      const sessions = new SessionCacheClient(env.KV, { now: clock.now })
      await sessions.set('t', createSession('t', { lifetimeSeconds }))
      clock.advance(lifetimeSeconds - 0.001)
      expect(await sessions.get('t')).not.toBeNull()
      clock.advance(0.001)
      expect(await sessions.get('t')).toBeNull()
    },
  )

  test('refuses a session whose own expiry has passed even where its entry says otherwise', async () => {
    const { session, user } = createSession('t', { lifetimeSeconds: -1 })
    const { token: _token, ...stored } = session
    await env.KV.put(keys.session(sha256Base64Url('t')), JSON.stringify({ session: stored, user }))
    expect(await new SessionCacheClient(env.KV).get('t')).toBeNull()
  })

  test('stores no session that has expired', async () => {
    await new SessionCacheClient(env.KV).set('t', createSession('t', { lifetimeSeconds: -1 }))
    expect(await dumpKV(env.KV)).toEqual([])
  })

  test('keeps a session for maxTtlSeconds at most', async () => {
    const clock = new ManualClock(startMs)
    const sessions = new SessionCacheClient(env.KV, { now: clock.now, maxTtlSeconds: 300 })
    await sessions.set('t', createSession('t'))
    clock.advance(299.999)
    expect(await sessions.get('t')).not.toBeNull()
    clock.advance(0.001)
    expect(await sessions.get('t')).toBeNull()
  })

  test.for([0, -5, NaN])('refuses maxTtlSeconds of %d', (maxTtlSeconds) => {
    expect(() => new SessionCacheClient(env.KV, { maxTtlSeconds })).toThrow(RangeError)
  })
})

describe('bad input', () => {
  test.for([
    ['not JSON', '{oops'],
    ['another shape', '{"a":1}'],
    ['a bare null', 'null'],
    [
      'an unknown role',
      JSON.stringify({
        session: { id: 'i', userId: 'u', expiresAt: '2999-01-01' },
        user: { id: 'u', email: 'e', name: 'n', role: 'god', emailVerified: true },
      }),
    ],
    [
      'a user that is not the session’s',
      JSON.stringify({
        session: { id: 'i', userId: 'u', expiresAt: '2999-01-01' },
        user: { id: 'v', email: 'e', name: 'n', role: 'owner', emailVerified: true },
      }),
    ],
    [
      'a verification that is no boolean',
      JSON.stringify({
        session: { id: 'i', userId: 'u', expiresAt: '2999-01-01' },
        user: { id: 'u', email: 'e', name: 'n', role: 'owner', emailVerified: 'false' },
      }),
    ],
    [
      'an address that is no text',
      JSON.stringify({
        session: { id: 'i', userId: 'u', expiresAt: '2999-01-01', ipAddress: 1 },
        user: { id: 'u', email: 'e', name: 'n', role: 'owner', emailVerified: true },
      }),
    ],
    [
      'an expiry that is no date',
      JSON.stringify({
        session: { id: 'i', userId: 'u', expiresAt: 'soon' },
        user: { id: 'u', email: 'e', name: 'n', role: 'owner', emailVerified: true },
      }),
    ],
  ])('passes over a stored value that is %s, and reports it', async ([, value = '']) => {
    const events: ClientEvent[] = []
    await env.KV.put(keys.session(sha256Base64Url('t')), value)
    const sessions = new SessionCacheClient(env.KV, { onEvent: (event) => events.push(event) })
    expect(await sessions.get('t')).toBeNull()
    expect(events).toEqual([
      expect.objectContaining({ type: 'corrupt_value', client: 'session-cache' }),
    ])
  })

  test('refuses an empty token, a token of another session and a session without its fields', async () => {
    const sessions = new SessionCacheClient(env.KV)
    await expect(sessions.get('')).rejects.toThrow('Cannot get session: token must not be empty')
    const error: unknown = await sessions
      .set('secret-a', createSession('secret-b'))
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).not.toMatch(/secret-[ab]/)
    const { session, user } = createSession('t')
    await expect(
      sessions.set('t', { session: { ...session, expiresAt: 'never' }, user }),
    ).rejects.toBeInstanceOf(TypeError)
    await expect(
      sessions.set('t', { session, user: { ...user, id: 'other' } }),
    ).rejects.toBeInstanceOf(TypeError)
    expect(await dumpKV(env.KV)).toEqual([])
  })
})

test('refuses a token that is not a string: a missing cookie must not find a session', async () => {
  const sessions = new SessionCacheClient(env.KV)
  const missing = undefined as unknown as string
  const { session, user } = createSession('t')
  const { token: _token, ...rest } = session
  const withoutToken = { session: rest, user } as CachedSession
  await expect(sessions.set(missing, withoutToken)).rejects.toThrow(
    'Cannot cache session: token must be a string, received undefined',
  )
  await expect(sessions.get(missing)).rejects.toBeInstanceOf(TypeError)
  await expect(sessions.delete(missing)).rejects.toBeInstanceOf(TypeError)
  expect(await dumpKV(env.KV)).toEqual([])
})

test.for([
  ['session.expiresAt', new Date(), 'session.expiresAt must be a string, received object'],
  ['session.expiresAt', 'soon', 'session.expiresAt must be an ISO 8601 date'],
  ['session.userAgent', 7, 'session.userAgent must be a string, received number'],
  ['session.userId', 'user-2', 'session.userId must be user.id'],
  ['user.role', 'admin', 'user.role must be one of customer, owner, creator'],
  ['user.emailVerified', 1, 'user.emailVerified must be a boolean, received number'],
  ['user.name', undefined, 'user.name must be a string, received undefined'],
] as const)('says that %s cannot be %o', async ([path, value, message]) => {
  const cached = createSession('t')
  const [part, field = ''] = path.split('.')
  const bad =
    part === 'user'
      ? { ...cached, user: { ...cached.user, [field]: value } }
      : { ...cached, session: { ...cached.session, [field]: value } }
  await expect(new SessionCacheClient(env.KV).set('t', bad)).rejects.toThrow(
    `Cannot cache session: ${message}`,
  )
  expect(await dumpKV(env.KV)).toEqual([])
})

test('takes a row whose absent fields are null', async () => {
  const { session, user } = createSession('t')
  const row = { ...session, ipAddress: null, userAgent: null }
  const sessions = new SessionCacheClient(env.KV)
  await sessions.set('t', { session: row, user } as unknown as CachedSession)
  const { ipAddress: _ip, userAgent: _agent, ...sparse } = session
  expect(await sessions.get('t')).toEqual({ session: sparse, user })
})

test('refuses to delete the sessions of a user who is not there', async () => {
  const sessions = new SessionCacheClient(env.KV)
  await expect(sessions.deleteUserSessions(undefined as unknown as string)).rejects.toThrow(
    'userId must be a string, received undefined',
  )
})

describe('deleting', () => {
  test('forgets one session and leaves the others', async () => {
    const sessions = new SessionCacheClient(env.KV)
    await sessions.set('a', createSession('a'))
    await sessions.set('b', createSession('b'))
    await sessions.delete('a')
    expect(await sessions.get('a')).toBeNull()
    expect(await sessions.get('b')).not.toBeNull()
  })

  test('forgets every session of a user, also of those who signed in at the same time, and nobody else’s', async () => {
    const sessions = new SessionCacheClient(env.KV)
    const tokens = Array.from({ length: 25 }, (_, i) => `token-${i}`)
    await Promise.all(tokens.map((token) => sessions.set(token, createSession(token))))
    await sessions.set('other', createSession('other', { userId: 'user-10' }))
    expect(await sessions.deleteUserSessions('user-1')).toEqual({ deletedSessions: 25 })
    for (const token of tokens) expect(await sessions.get(token)).toBeNull()
    expect(await sessions.get('other')).not.toBeNull()
    expect(await sessions.deleteUserSessions('user-1')).toEqual({ deletedSessions: 0 })
  })

  test('does not confuse users whose ids begin alike or hold separators', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', ':', '%', '~'), maxLength: 5 }), {
          minLength: 2,
          maxLength: 3,
        }),
        async (userIds) => {
          const sessions = new SessionCacheClient(env.KV)
          for (const userId of userIds)
            await sessions.set(`t-${userId}`, createSession(`t-${userId}`, { userId }))
          const [first = '', ...others] = userIds
          await sessions.deleteUserSessions(first)
          expect(await sessions.get(`t-${first}`)).toBeNull()
          for (const userId of others) expect(await sessions.get(`t-${userId}`)).not.toBeNull()
          for (const userId of others) await sessions.deleteUserSessions(userId)
        },
      ),
      { seed: 7, numRuns: 25 },
    )
  })

  test('keeps an entry findable when its session could not be deleted', async () => {
    const sessions = new SessionCacheClient(env.KV)
    await sessions.set('a', createSession('a'))
    await sessions.set('b', createSession('b'))
    const stubborn = keys.session(sha256Base64Url('a'))
    const kv = wrapKV(env.KV, {
      delete: (real, [name]) =>
        name === stubborn ? Promise.reject(new Error('KV DELETE failed: 500')) : real(name),
    })
    await expect(new SessionCacheClient(kv).deleteUserSessions('user-1')).rejects.toMatchObject({
      name: 'KVError',
    })
    expect(await sessions.get('b')).toBeNull()
    expect(await sessions.deleteUserSessions('user-1')).toEqual({ deletedSessions: 1 })
    expect(await sessions.get('a')).toBeNull()
  })

  test('finds a session whose second write failed', async () => {
    let writes = 0
    const kv = wrapKV(env.KV, {
      put: (real, args) =>
        ++writes === 2 ? Promise.reject(new Error('KV PUT failed: 500')) : real(...args),
    })
    await expect(new SessionCacheClient(kv).set('a', createSession('a'))).rejects.toMatchObject({
      name: 'KVError',
    })
    expect(await new SessionCacheClient(env.KV).deleteUserSessions('user-1')).toEqual({
      deletedSessions: 1,
    })
  })
})

describe('when KV fails', () => {
  test('rejects by default, so that nobody is taken for signed out', async () => {
    const sessions = new SessionCacheClient(failingKV(env.KV))
    await expect(sessions.get('t')).rejects.toMatchObject({ name: 'KVError', code: 'unavailable' })
    await expect(sessions.set('t', createSession('t'))).rejects.toMatchObject({ name: 'KVError' })
  })

  test('caches a session once when several requests set it within a second, and rejects none', async () => {
    const events: ClientEvent[] = []
    const written = new Set<unknown>()
    const kv = wrapKV(env.KV, {
      put: (real, args) => {
        if (written.has(args[0]))
          return Promise.reject(new Error('KV PUT failed: 429 Too Many Requests'))
        written.add(args[0])
        return real(...args)
      },
    })
    const sessions = new SessionCacheClient(kv, { onEvent: (event) => events.push(event) })
    await Promise.all([1, 2, 3].map(() => sessions.set('t', createSession('t'))))
    expect(await sessions.get('t')).toEqual(createSession('t'))
    expect(events.map((event) => event.type === 'store_error' && event.error.code)).toEqual([
      'rate_limited',
      'rate_limited',
    ])
  })

  test('misses and reports where the database is asked next', async () => {
    const events: ClientEvent[] = []
    const sessions = new SessionCacheClient(failingKV(env.KV), {
      onStoreError: 'miss',
      onEvent: (event) => events.push(event),
    })
    expect(await sessions.get('t')).toBeNull()
    await sessions.set('t', createSession('t'))
    expect(events.map((event) => event.type)).toEqual(['store_error', 'store_error'])
  })

  test('always rejects a deletion that did not happen', async () => {
    const sessions = new SessionCacheClient(failingKV(env.KV), { onStoreError: 'miss' })
    await expect(sessions.delete('t')).rejects.toMatchObject({ name: 'KVError' })
    await expect(sessions.deleteUserSessions('user-1')).rejects.toMatchObject({ name: 'KVError' })
  })
})

test('costs one read, two writes, one delete, and a list with two deletes for each session', async () => {
  const { kv, operations } = countKV(env.KV)
  const sessions = new SessionCacheClient(kv)
  await sessions.set('a', createSession('a'))
  expect(operations).toEqual({ read: 0, write: 2, delete: 0, list: 0 })
  await sessions.get('a')
  await sessions.delete('a')
  expect(operations).toEqual({ read: 1, write: 2, delete: 1, list: 0 })
  await sessions.deleteUserSessions('user-1')
  expect(operations).toEqual({ read: 1, write: 2, delete: 3, list: 1 })
})
