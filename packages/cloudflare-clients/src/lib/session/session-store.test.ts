import { beforeEach, describe, expect, test } from 'vitest'
import { createSessionWorld, type SessionWorld } from '../../../test/support/session-world.ts'
import { SessionError } from './session-error.ts'
import type { SessionStoreOptions } from './session-options.ts'
import { SessionStore } from './session-store.ts'

let world: SessionWorld

beforeEach(() => {
  world = createSessionWorld()
})

const strict = { freshness: 'strict' } as const
const daySeconds = 86_400

test('a session is good from its creation until it is destroyed', async () => {
  const store = world.isolate('AMS')
  const token = await store.create('user-1', {
    email: 'ada@example.com',
    roles: ['creator'],
    data: { theme: 'dark' },
    userAgent: 'Firefox'.padEnd(300, '!'),
    ip: '203.0.113.77',
  })
  const verdict = await store.validate(token, strict)
  expect(verdict).toMatchObject({ ok: true, source: 'authority', ageMs: 0, boundMs: 0 })
  expect(verdict.ok && verdict.session).toEqual({
    id: expect.any(String) as string,
    userId: 'user-1',
    email: 'ada@example.com',
    roles: ['creator'],
    data: { theme: 'dark' },
    device: 'Firefox'.padEnd(256, '!'),
    ipPrefix: '203.0.113.0/24',
    remember: true,
    createdAtMs: world.clock.now(),
    authenticatedAtMs: world.clock.now(),
    lastSeenAtMs: world.clock.now(),
    expiresAtMs: world.clock.now() + 30 * daySeconds * 1000,
  })
  expect(await store.destroy(token)).toBe(true)
  expect(await store.destroy(token)).toBe(false)
  expect(await store.validate(token, strict)).toMatchObject({ ok: false, reason: 'revoked' })
})

test('no token is in any key or value of KV, in any event or audit', async () => {
  const store = world.isolate('AMS')
  const alone = world.aloneIsolate('AMS')
  const tokens = [await store.create('u'), await alone.create('u')]
  tokens.push(String(await store.rotate(tokens[0] ?? '')))
  await world.settle()
  world.simulator.injectFault({ type: 'error' })
  await store.update(tokens[2] ?? '', { roles: ['a'] })
  await store.destroy(tokens[2] ?? '')
  await world.settle()
  const kv = world.simulator.store('AUTH_SESSION_KV')
  const dump = JSON.stringify([
    kv.keys().map((key) => [key, kv.get(key)?.text, kv.get(key)?.metadata]),
    world.events.map((event) => [event, 'error' in event ? String(event.error) : '']),
    world.audit,
  ])
  expect(world.events.length).toBeGreaterThan(0)
  expect(kv.keys().length).toBeGreaterThan(2)
  for (const token of tokens) {
    const [, , , secret = '', mac = ''] = token.split('.')
    expect(secret).toHaveLength(43)
    expect(dump).not.toContain(secret)
    expect(dump).not.toContain(mac)
  }
})

describe('creating', () => {
  test('is refused where all sessions were ended since the epoch was asked for, and of the banned', async () => {
    const store = world.isolate('AMS')
    const epoch = await store.getEpoch('u')
    await world.clock.advance(10)
    await store.destroyAllForUser('u')
    await expect(store.create('u', { epoch })).rejects.toMatchObject({
      name: 'SessionError',
      code: 'epoch_moved',
    })
    await world.clock.advance(1)
    const token = await store.create('u', { epoch: await store.getEpoch('u') })
    expect(await store.ban('u')).toBe(1)
    expect(await store.get(token)).toBeNull()
    await expect(store.create('u')).rejects.toMatchObject({ code: 'banned' })
    await store.unban('u')
    expect(await store.get(await store.create('u'))).not.toBeNull()
  })

  test.for(['u', 'another user'])(
    'ends the session that the browser had before, of %s',
    async (before) => {
      const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
      const replaces = await store.create(before)
      const token = await store.create('u', { replaces })
      expect(await store.get(replaces)).toBeNull()
      expect(await there.validate(replaces, strict)).toMatchObject({ reason: 'revoked' })
      expect(await there.get(token)).not.toBeNull()
    },
  )

  test('rejects where the authority does not answer', async () => {
    world.fault = () => 'down'
    await expect(world.isolate('AMS').create('u')).rejects.toMatchObject({ code: 'unavailable' })
  })

  test.for([
    ['', {}, RangeError],
    ['u'.repeat(513), {}, RangeError],
    [undefined as never, {}, TypeError],
    ['u', { roles: 'admin' as never }, TypeError],
    ['u', { roles: [1] as never }, TypeError],
    ['u', { email: 1 as never }, TypeError],
    ['u', { data: 1n }, TypeError],
    ['u', { data: () => 1 }, TypeError],
    ['u', { data: 'x'.repeat(16_383) }, RangeError],
  ] as const)('refuses %#', async ([userId, options, type]) => {
    await expect(world.isolate('AMS').create(userId, options)).rejects.toBeInstanceOf(type)
    expect(world.calls).toEqual([])
  })

  test('takes what is just within the limits, and no reference to it', async () => {
    const store = world.isolate('AMS')
    const data = { list: ['x'.repeat(16_370)] }
    const token = await store.create('u'.repeat(512), { data })
    data.list.push('changed')
    expect((await store.get(token))?.data).toEqual({ list: ['x'.repeat(16_370)] })
  })
})

describe('lifetimes', () => {
  test.for([
    [true, 30 * daySeconds],
    [false, daySeconds],
  ] as const)(
    'remember %s: ends after its absolute timeout, at no cost',
    async ([remember, seconds]) => {
      const idle = { idleTimeoutSeconds: 90 * daySeconds }
      const store = world.isolate('AMS', { ...idle, unremembered: idle })
      const token = await store.create('u', { remember })
      await world.clock.advance(seconds * 1000 - 1)
      expect(await store.validate(token, strict)).toMatchObject({ ok: true })
      await world.clock.advance(1)
      world.takeCosts()
      for (const options of [{ freshness: 'edge' } as const, strict]) {
        expect(await store.validate(token, options)).toMatchObject({ reason: 'expired' })
      }
      expect(world.takeCosts()).toMatchObject({ calls: [] })
    },
  )

  test('ends when it is not used for its idle timeout, and goes on when it is', async () => {
    const store = world.isolate('AMS', { idleTimeoutSeconds: 1000 })
    const [used, unused] = [await store.create('u'), await store.create('u')]
    for (let step = 0; step < 5; step++) {
      await world.clock.advance(500_000)
      expect(await store.validate(used)).toMatchObject({ ok: true, source: 'authority' })
    }
    expect(await store.validate(unused)).toMatchObject({ ok: false, reason: 'idle' })
  })

  test.for([true, false])(
    'what memory serves is renewed once in each fraction (waitUntil: %s)',
    async (has) => {
      const options = has ? {} : { waitUntil: undefined as never }
      const store = world.isolate('AMS', { ...options, idleTimeoutSeconds: 1000 })
      const token = await store.create('u')
      const validate = () => store.validate(token, { freshness: 'edge' })
      await world.clock.advance(99_999)
      await validate()
      await world.settle()
      world.takeCosts()
      await world.clock.advance(1)
      await Promise.all([validate(), validate(), validate()])
      await world.settle()
      expect(world.takeCosts().calls.filter((call) => call === 'check')).toHaveLength(1)
      expect(await store.get(token)).toMatchObject({ lastSeenAtMs: world.clock.now() })
      await world.clock.advance(99_999)
      await validate()
      await world.settle()
      expect(world.takeCosts().calls).not.toContain('check')
    },
  )

  test('a renewal that fails fails nobody, and is tried again later', async () => {
    const store = world.isolate('AMS', { idleTimeoutSeconds: 1000 })
    const token = await store.create('u')
    await world.clock.advance(100_000)
    world.fault = () => 'down'
    const validate = () => store.validate(token, { freshness: 'edge' })
    expect(await validate()).toMatchObject({ ok: true })
    await world.settle()
    world.fault = undefined
    world.takeCosts()
    await world.clock.advance(29_999)
    await validate()
    expect(world.takeCosts().calls).toEqual([])
    await world.clock.advance(1)
    await validate()
    await world.settle()
    expect(world.takeCosts().calls).toContain('check')
  })

  test('a copy that says idle is not believed: the session may have been used elsewhere', async () => {
    const options = { idleTimeoutSeconds: 1000 }
    const [here, there] = [world.isolate('AMS', options), world.isolate('SIN', options)]
    const token = await here.create('u')
    await there.get(token)
    await world.clock.advance(900_000)
    await here.validate(token, strict)
    await world.clock.advance(200_000)
    expect(await there.validate(token, { freshness: 'edge' })).toMatchObject({
      ok: true,
      source: 'authority',
    })
  })

  test('refresh renews at once', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    await world.clock.advance(5000)
    expect(await store.refresh(token)).toMatchObject({ lastSeenAtMs: world.clock.now() })
    await store.destroy(token)
    expect(await store.refresh(token)).toBeNull()
  })
})

describe('rotation', () => {
  test('keeps the session under another token, and the older one for its grace', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const older = await store.create('u', { data: 1 })
    const before = await store.get(older)
    await world.clock.advance(1000)
    const newer = String(await store.rotate(older, { data: 2, reauthenticated: true }))
    await world.settle()
    await world.clock.advance(59_999)
    for (const isolate of [store, there]) {
      for (const token of [older, newer]) {
        for (const freshness of ['edge', 'strict'] as const) {
          expect(await isolate.validate(token, { freshness })).toMatchObject({
            ok: true,
            session: {
              id: before?.id,
              data: 2,
              authenticatedAtMs: (before?.createdAtMs ?? 0) + 1000,
            },
          })
        }
      }
    }
    await world.clock.advance(1)
    // Its successor was used: somebody has both.
    expect(await store.validate(older, { freshness: 'edge' })).toMatchObject({ reason: 'reused' })
    expect(await there.validate(newer, strict)).toMatchObject({ ok: false })
    expect(world.audit).toContainEqual(expect.objectContaining({ type: 'reused' }))
  })

  test('no copy of the older token is served after its grace', async () => {
    const store = world.isolate('AMS')
    const older = await store.create('u')
    await store.rotate(older)
    await world.clock.advance(59_999)
    expect(await store.validate(older, { freshness: 'edge' })).toMatchObject({ source: 'memory' })
    await world.clock.advance(1)
    expect(await store.validate(older, { freshness: 'edge' })).toMatchObject({
      source: 'authority',
    })
  })

  test('without a grace the older token is over in this isolate, and elsewhere within the bound', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const older = await store.create('u')
    await there.get(older)
    const newer = String(await store.rotate(older, { graceSeconds: 0 }))
    expect(await store.get(newer)).not.toBeNull()
    await world.clock.advance(60_001)
    expect(await there.get(older)).toBeNull()
    expect(await store.get(older)).toBeNull()
  })

  test('an answer that is lost leaves the older token good', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    world.fault = (_name, call) => (call === 'rotate' ? 'lost' : undefined)
    await expect(world.clock.run(() => store.rotate(token))).rejects.toMatchObject({
      code: 'no_answer',
    })
    await world.clock.advance(3_600_000)
    expect(await store.validate(token, strict)).toMatchObject({ ok: true })
  })
})

describe('changing', () => {
  test('an update is seen here at once, and elsewhere within the bound', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await store.create('u', { email: 'a@example.com', roles: ['customer'] })
    await there.get(token)
    await world.settle()
    expect(await store.update(token, { email: null, roles: ['owner'] })).not.toHaveProperty('email')
    expect(await store.get(token)).toMatchObject({ roles: ['owner'] })
    await world.clock.advance(60_001)
    expect(await there.get(token)).toMatchObject({ roles: ['owner'] })
    await world.settle()
    await world.clock.advance(120_000)
    expect(await world.isolate('IAD').validate(token, { freshness: 'edge' })).toMatchObject({
      source: 'kv',
      session: { roles: ['owner'] },
    })
  })

  test('updates within a second reach KV, the last one last', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    await store.update(token, { data: 1 })
    await world.clock.advance(500)
    await store.update(token, { data: 2 })
    await world.settle()
    await world.clock.advance(120_000)
    expect(world.events.length).toBeLessThanOrEqual(1)
    expect(await world.isolate('SIN').validate(token, { freshness: 'edge' })).toMatchObject({
      source: 'kv',
      session: { data: 2 },
    })
  })

  test('a change of the user is seen here at once in all their sessions', async () => {
    const store = world.isolate('AMS')
    const tokens = [await store.create('u'), await store.create('u')]
    expect(await store.updateUser('u', { roles: ['creator'] })).toBe(true)
    expect(await store.updateUser('nobody', { roles: ['creator'] })).toBe(false)
    for (const token of tokens) expect(await store.get(token)).toMatchObject({ roles: ['creator'] })
  })
})

describe('ending', () => {
  test('one of the list, all but one, and all', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const tokens = await Promise.all([1, 2, 3, 4].map(() => store.create('u')))
    const [first = '', second = '', third = '', fourth = ''] = tokens
    const list = await store.list('u', { currentToken: first })
    expect(list).toHaveLength(4)
    expect(list.filter(({ current }) => current)).toHaveLength(1)
    const { id = '' } = (await store.get(second)) ?? {}
    expect(await store.destroyById('u', id)).toBe(true)
    expect(await store.destroyById('u', id)).toBe(false)
    expect(await store.get(second)).toBeNull()
    expect(await store.destroyAllForUser('u', { exceptToken: first })).toBe(2)
    expect(await there.validate(first, strict)).toMatchObject({ ok: true })
    for (const token of [third, fourth]) {
      expect(await there.validate(token, strict)).toMatchObject({ reason: 'revoked' })
    }
    await expect(store.destroyAllForUser('u', { exceptToken: 'other' })).rejects.toThrow(TypeError)
    expect(await store.destroyAllForUser('u')).toBe(1)
    expect(await store.get(first)).toBeNull()
    await world.settle()
    expect(world.simulator.store('AUTH_SESSION_KV').keys()).toEqual([])
  })

  test('everyone: strict refuses when it has returned, the others within their bounds', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await store.create('u')
    const startMs = world.clock.now()
    await there.validate(token, strict)
    const destroying = world.clock.run(() => store.destroyEveryone())
    await destroying
    expect(world.clock.now() - startMs).toBe(5000)
    expect(await store.validate(token, { freshness: 'edge' })).toMatchObject({ reason: 'revoked' })
    expect(await there.validate(token)).toMatchObject({ ok: true, source: 'memory' })
    expect(await there.validate(token, strict)).toMatchObject({ reason: 'revoked' })
    const next = await there.create('u')
    for (const isolate of [store, there, world.isolate('IAD')]) {
      expect(await isolate.validate(next, strict)).toMatchObject({ ok: true })
    }
  })

  test('everyone: an isolate that held the epoch until just before refuses when it returns', async () => {
    const [store, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await store.create('u')
    await there.validate(token, strict)
    world.takeCosts()
    await world.clock.run(async () => {
      const done = store.destroyEveryone()
      await world.clock.sleep(4999)
      expect(await there.validate(token, strict)).toMatchObject({ ok: true })
      await done
      expect(await there.validate(token, strict)).toMatchObject({ ok: false, reason: 'revoked' })
    })
  })

  test('everyone: rejects where one of the objects does not answer', async () => {
    const store = world.isolate('AMS')
    world.fault = (name) => (name === 'everyone:2' ? 'down' : undefined)
    await expect(world.clock.run(() => store.destroyEveryone())).rejects.toThrow(SessionError)
    expect(world.audit).toEqual([])
  })
})

test('asks for a new proof of who the user is where the last is too old', async () => {
  const store = world.isolate('AMS')
  const token = await store.create('u')
  await world.clock.advance(30_000)
  const options = { authenticatedWithinSeconds: 30 }
  expect(await store.validate(token, options)).toMatchObject({ ok: true })
  await world.clock.advance(1)
  expect(await store.validate(token, options)).toMatchObject({
    ok: false,
    reason: 'reauthentication_required',
    session: { userId: 'u' },
  })
  const next = await store.rotate(token, { reauthenticated: true })
  expect(await store.validate(next, options)).toMatchObject({ ok: true })
})

test('writes cookies and reads them', async () => {
  const store = world.isolate('AMS')
  const token = await store.create('u')
  const header = store.getCookieHeader(token)
  expect(header).toContain(`__Host-session=${token}; Max-Age=2592000;`)
  expect(store.getCookieHeader(token, { remember: false })).not.toContain('Max-Age')
  const expiresAtMs = world.clock.now() + 5000
  expect(store.getCookieHeader(token, { expiresAtMs })).toContain('Max-Age=5;')
  expect(store.parseToken(`a=b; ${header.split(';')[0] ?? ''}`)).toBe(token)
  expect(store.parseToken(null)).toBeNull()
  expect(store.getClearCookieHeaders()).toHaveLength(2)
  expect(await store.getSealedCopyHeader(token)).toMatch(/^__Host-session-copy=v1\..*Max-Age=120;/)
})

test.for([
  { secrets: [] },
  { secrets: ['x'.repeat(31)] },
  { absoluteTimeoutSeconds: 59 },
  { idleTimeoutSeconds: 59 },
  { unremembered: { idleTimeoutSeconds: 1 } },
  { renewalFraction: 0 },
  { renewalFraction: 1.1 },
  { edgeSeconds: 59 },
  { graceSeconds: 3601 },
  { everyoneSeconds: 61 },
  { memoryEntries: -1 },
  { timeoutMs: 0 },
  { freshness: { boundedSeconds: 86_401 } },
  { onUnavailable: { openWithinSeconds: NaN } },
] satisfies SessionStoreOptions[])('refuses the option %o', (options) => {
  expect(() => world.isolate('AMS', options)).toThrow(RangeError)
})

test('refuses a missing binding', () => {
  expect(() => new SessionStore(undefined as never)).toThrow(TypeError)
})
