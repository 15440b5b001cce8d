import { beforeEach, describe, expect, test } from 'vitest'
import {
  createSessionWorld,
  type SessionWorld,
  testSecrets,
} from '../../../test/support/session-world.ts'
import { SessionError } from './session-error.ts'

let world: SessionWorld

beforeEach(() => {
  world = createSessionWorld()
})

const nothing = { read: 0, write: 0, delete: 0, calls: [] }

describe('bounded', () => {
  test('asks nothing until the confirmation is older than the bound', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    await world.clock.advance(60_000)
    world.takeCosts()
    expect(await store.validate(token, { freshness: { boundedSeconds: 60 } })).toMatchObject({
      ok: true,
      source: 'memory',
      ageMs: 60_000,
      boundMs: 60_000,
    })
    expect(world.takeCosts()).toEqual(nothing)
    await world.clock.advance(1)
    expect(await store.validate(token, { freshness: { boundedSeconds: 60 } })).toMatchObject({
      ok: true,
      source: 'authority',
      ageMs: 0,
      boundMs: 60_000,
    })
    expect(world.takeCosts().calls).toContain('check')
  })

  test('refuses within the bound what was revoked elsewhere, and at once what was revoked here', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    await there.validate(token, { freshness: 'strict' })
    await here.destroy(token)
    expect(await here.get(token)).toBeNull()
    await world.clock.advance(60_000)
    expect(await there.validate(token)).toMatchObject({ ok: true, ageMs: 60_000 })
    await world.clock.advance(1)
    expect(await there.validate(token)).toMatchObject({ ok: false, reason: 'revoked' })
    world.takeCosts()
    expect(await there.validate(token, { freshness: 'strict' })).toMatchObject({
      ok: false,
      reason: 'revoked',
      source: 'memory',
    })
    expect(world.takeCosts()).toEqual(nothing)
  })

  test('counts from when the authority was asked, not from when it answered', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    world.latencyMs = 1000
    const validate = () => world.clock.run(() => store.validate(token, { freshness: 'strict' }))
    expect(await validate()).toMatchObject({ ageMs: 1000 })
    expect(await store.validate(token)).toMatchObject({ source: 'memory', ageMs: 1000 })
  })
})

describe('strict', () => {
  test('asks the authority each time, and nothing else', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    await world.settle()
    await store.validate(token, { freshness: 'strict' })
    world.takeCosts()
    await store.validate(token, { freshness: 'strict' })
    expect(world.takeCosts()).toEqual({ ...nothing, calls: ['check'] })
  })

  test('refuses at once what was revoked elsewhere', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    await there.validate(token, { freshness: 'strict' })
    await here.destroy(token)
    expect(await there.validate(token, { freshness: 'strict' })).toMatchObject({
      ok: false,
      reason: 'revoked',
      source: 'authority',
      boundMs: 0,
    })
  })
})

describe('edge', () => {
  test('reads KV once and writes nothing, then asks nothing', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    await world.settle()
    await world.clock.advance(200_000)
    world.takeCosts()
    expect(await there.validate(token, { freshness: 'edge' })).toMatchObject({
      ok: true,
      source: 'kv',
      ageMs: 200_000,
      boundMs: 3_600_000,
    })
    expect(world.takeCosts()).toEqual({ ...nothing, read: 1 })
    expect(await there.validate(token, { freshness: 'edge' })).toMatchObject({ source: 'memory' })
    expect(world.takeCosts()).toEqual(nothing)
  })

  test('asks the authority where KV has none yet, and where the copy is too old, and writes a new one', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    expect(await there.validate(token, { freshness: 'edge' })).toMatchObject({
      ok: true,
      source: 'authority',
    })
    await world.clock.advance(3_600_001)
    await world.settle()
    const third = world.isolate('IAD')
    world.takeCosts()
    expect(await third.validate(token, { freshness: 'edge' })).toMatchObject({
      ok: true,
      source: 'authority',
    })
    await world.settle()
    expect(world.takeCosts()).toMatchObject({ read: 1, write: 1 })
    await world.clock.advance(100_000)
    expect(await world.isolate('SIN').validate(token, { freshness: 'edge' })).toMatchObject({
      source: 'kv',
      ageMs: 100_000,
    })
  })

  test('no late copy of a revoked session is good for longer than it was confirmed', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    await world.settle()
    const store = world.simulator.store('AUTH_SESSION_KV')
    const [key = ''] = store.keys()
    const { text = '', metadata } = store.get(key) ?? {}
    await here.destroy(token)
    await world.settle()
    expect(store.keys()).toEqual([])
    await world.clock.advance(3_600_001)
    // The write of a request that hung.
    store.seed(key, text, { metadata })
    expect(await there.validate(token, { freshness: 'edge' })).toMatchObject({
      ok: false,
      reason: 'revoked',
      source: 'authority',
    })
  })

  test.for(['{oops', 'null', '{"a":1}', '{"record":{"id":"i"},"confirmedAtMs":1}'])(
    'passes over %s in KV, and says so',
    async (text) => {
      const token = await world.isolate('AMS').create('u')
      await world.settle()
      const store = world.simulator.store('AUTH_SESSION_KV')
      for (const key of store.keys()) store.seed(key, text)
      expect(await world.isolate('SIN').validate(token, { freshness: 'edge' })).toMatchObject({
        ok: true,
        source: 'authority',
      })
      expect(world.events).toEqual([
        expect.objectContaining({ type: 'corrupt_value', client: 'session' }),
      ])
    },
  )

  test('goes on without KV, whatever KV does', async () => {
    for (const fault of [
      { type: 'error' },
      { type: 'quota_exceeded' },
      { type: 'slow', delayMs: 60_000 },
      { type: 'rate_limited' },
    ] as const) {
      world.events.length = 0
      const end = world.simulator.injectFault(fault)
      const verdict = await world.clock.run(async () => {
        const token = await world.isolate('AMS').create('u')
        return world.isolate('SIN').validate(token, { freshness: 'edge' })
      })
      expect(verdict).toMatchObject({ ok: true, source: 'authority' })
      await world.settle()
      expect(world.events.length).toBeGreaterThan(0)
      expect(world.events.every(({ type }) => type === 'store_error')).toBe(true)
      end()
    }
  })

  test('takes no copy from the future', async () => {
    const ahead = world.isolate('AMS', { now: () => world.clock.now() + 5000 })
    const token = await ahead.create('u')
    await world.settle()
    await world.clock.advance(0)
    const store = world.simulator.store('AUTH_SESSION_KV')
    const [key = ''] = store.keys()
    const { text = '', metadata } = store.get(key) ?? {}
    store.seed(key, text, { metadata })
    expect(await world.isolate('SIN').validate(token, { freshness: 'edge' })).toMatchObject({
      source: 'authority',
    })
  })
})

describe('the sealed copy', () => {
  async function signIn(options = {}): Promise<{ token: string; cookieHeader: string }> {
    const here = world.isolate('AMS', options)
    const token = await here.create('u')
    const header = await here.getSealedCopyHeader(token)
    return { token, cookieHeader: header?.split(';')[0] ?? '' }
  }

  test.for([{ freshness: 'edge' }, { freshness: { boundedSeconds: 60 } }] as const)(
    'is enough elsewhere just after the sign-in, with %o',
    async (options) => {
      const { token, cookieHeader } = await signIn()
      await world.clock.advance(1000)
      world.takeCosts()
      expect(
        await world.isolate('SIN').validate(token, { ...options, cookieHeader }),
      ).toMatchObject({ ok: true, source: 'sealed-copy', ageMs: 1000 })
      expect(world.takeCosts()).toEqual(nothing)
    },
  )

  test('is read for 120 seconds', async () => {
    const { token, cookieHeader } = await signIn()
    const validate = () =>
      world.isolate('SIN').validate(token, { freshness: { boundedSeconds: 600 }, cookieHeader })
    await world.clock.advance(120_000)
    expect(await validate()).toMatchObject({ source: 'sealed-copy', ageMs: 120_000 })
    await world.clock.advance(1)
    expect(await validate()).toMatchObject({ source: 'authority' })
  })

  test('is nothing to strict, to another token, with another secret, and changed', async () => {
    const { token, cookieHeader } = await signIn()
    const other = await signIn()
    const there = () => world.isolate('SIN')
    const edge = { freshness: 'edge', cookieHeader } as const
    expect(await there().validate(token, { freshness: 'strict', cookieHeader })).toMatchObject({
      source: 'authority',
    })
    expect(await there().validate(other.token, edge)).toMatchObject({ source: 'authority' })
    const changed = cookieHeader.slice(0, -3) + (cookieHeader.endsWith('AAA') ? 'BBB' : 'AAA')
    expect(await there().validate(token, { ...edge, cookieHeader: changed })).toMatchObject({
      source: 'authority',
    })
    const secrets = ['another-first-secret-that-is-long-enough', ...testSecrets]
    expect(await world.isolate('SIN', { secrets }).validate(token, edge)).toMatchObject({
      source: 'sealed-copy',
    })
  })

  test('does not bring back what the isolate knows to be over', async () => {
    const { token, cookieHeader } = await signIn()
    const there = world.isolate('SIN')
    await there.destroy(token)
    expect(await there.validate(token, { freshness: 'edge', cookieHeader })).toMatchObject({
      ok: false,
      reason: 'revoked',
    })
  })

  test('is not made without secrets, of too much data, and of what the isolate does not hold', async () => {
    const bare = world.isolate('AMS', { secrets: undefined as never })
    expect(await bare.getSealedCopyHeader(await bare.create('u'))).toBeNull()
    const store = world.isolate('AMS')
    const token = await store.create('u', { data: 'x'.repeat(3000) })
    expect(await store.getSealedCopyHeader(token)).toBeNull()
    const { token: foreign } = await signIn()
    expect(await store.getSealedCopyHeader(foreign)).toBeNull()
  })
})

describe('an authority that does not answer', () => {
  const faults = ['down', 'silent', 'lost', 'overloaded'] as const
  const codes = {
    down: 'unavailable',
    silent: 'no_answer',
    lost: 'no_answer',
    overloaded: 'overloaded',
  }

  test.for(faults)('closed: %s rejects, and is not asked again', async (fault) => {
    const token = await world.isolate('AMS').create('u')
    await world.settle()
    world.fault = () => fault
    world.takeCosts()
    const there = world.isolate('SIN')
    const error: unknown = await world.clock
      .run(() => there.validate(token, { freshness: 'strict' }))
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SessionError)
    expect(error).toMatchObject({ code: codes[fault] })
    expect(String(error)).not.toContain(token)
    expect(world.takeCosts().calls.filter((call) => call === 'check')).toHaveLength(1)
  })

  test.for(faults)('open: %s takes the youngest copy, if it is young enough', async (fault) => {
    const here = world.isolate('AMS')
    const token = await here.create('u')
    await world.settle()
    await world.clock.advance(300_000)
    world.fault = () => fault
    const options = { freshness: 'strict', onUnavailable: { openWithinSeconds: 600 } } as const
    const there = world.isolate('SIN')
    for (const [store, source] of [
      [here, 'memory'],
      [there, 'kv'],
    ] as const) {
      const verdict = await world.clock.run(() => store.validate(token, options))
      expect(verdict).toMatchObject({ ok: true, source, boundMs: 600_000 })
    }
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'store_error' }))
    await world.clock.advance(300_001)
    await expect(world.clock.run(() => there.validate(token, options))).rejects.toThrow(
      SessionError,
    )
    await expect(world.clock.run(() => here.validate(token, options))).rejects.toThrow(SessionError)
  })

  test('by default bounded goes on for 15 minutes, and KV is read only where memory would not do', async () => {
    const store = world.isolate('AMS')
    const token = await store.create('u')
    await world.settle()
    world.fault = () => 'down'
    await world.clock.advance(900_000)
    world.takeCosts()
    expect(await store.validate(token)).toMatchObject({
      ok: true,
      source: 'memory',
      ageMs: 900_000,
      boundMs: 900_000,
    })
    expect(world.takeCosts().read).toBe(0)
    await world.clock.advance(1)
    await expect(store.validate(token)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('a refusal that comes late is remembered all the same', async () => {
    const [here, there] = [world.isolate('AMS'), world.isolate('SIN')]
    const token = await here.create('u')
    await there.validate(token)
    await here.destroy(token)
    world.latencyMs = 3000
    const options = { freshness: 'strict', onUnavailable: { openWithinSeconds: 600 } } as const
    expect(await world.clock.run(() => there.validate(token, options))).toMatchObject({ ok: true })
    await world.clock.advance(1000)
    expect(await there.validate(token)).toMatchObject({ ok: false, source: 'memory' })
  })

  test('an epoch of everyone that cannot be read is no answer', async () => {
    const token = await world.isolate('AMS').create('u')
    world.fault = (name) => (name.startsWith('everyone:') ? 'down' : undefined)
    await expect(
      world.isolate('SIN').validate(token, { freshness: 'strict' }),
    ).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('what is no token costs nothing', async () => {
  const store = world.isolate('AMS')
  const token = await store.create('u')
  await world.settle()
  world.takeCosts()
  const refusals = [
    [null, 'missing'],
    [undefined, 'missing'],
    ['', 'missing'],
    ['a', 'malformed'],
    [token.slice(0, -1), 'malformed'],
    [token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA'), 'forged'],
  ] as const
  for (const [text, reason] of refusals) {
    for (const freshness of ['strict', 'edge', { boundedSeconds: 1 }] as const) {
      expect(await store.validate(text, { freshness })).toEqual({
        ok: false,
        reason,
        source: 'token',
        ageMs: 0,
        boundMs: 0,
      })
    }
  }
  expect(await store.destroy('a')).toBe(false)
  expect(await store.update('a', {})).toBeNull()
  expect(await store.refresh('a')).toBeNull()
  expect(await store.rotate('a')).toBeNull()
  expect(world.takeCosts()).toEqual(nothing)
})

test('without a memory each call asks, and the rest is the same', async () => {
  const store = world.isolate('AMS', { memoryEntries: 0 })
  const token = await store.create('u')
  expect(await store.validate(token)).toMatchObject({ ok: true, source: 'authority' })
  await store.destroy(token)
  expect(await store.validate(token)).toMatchObject({ ok: false, source: 'authority' })
})

test.for([
  [{ freshness: 'soon' as never }, TypeError],
  [{ freshness: { boundedSeconds: 0 } }, RangeError],
  [{ freshness: { boundedSeconds: NaN } }, RangeError],
  [{ freshness: {} as never }, TypeError],
  [{ onUnavailable: 'open' as never }, TypeError],
  [{ onUnavailable: { openWithinSeconds: -1 } }, RangeError],
  [{ authenticatedWithinSeconds: -1 }, RangeError],
] as const)('refuses %o', async ([options, type]) => {
  await expect(world.isolate('AMS').validate('t', options)).rejects.toBeInstanceOf(type)
})
