import { describe, expect, test } from 'vitest'
import type { ClientEvent } from '../../shared/client-event.ts'
import type { StandardSchema } from '../../shared/standard-schema.ts'
import { createEdgeSimulator } from '../../testing/edge-simulator.ts'
import { createMemorySessionAuthority } from '../memory-authority.ts'
import { SessionError } from '../session-error.ts'
import type { PreferencesAuthorityCalls } from './preferences-authority-calls.ts'
import type { UserPreferencesOptions } from './preferences-options.ts'
import { UserPreferences } from './user-preferences.ts'

interface Settings {
  readonly theme?: string
  readonly size?: number
  readonly mail?: { readonly news: boolean }
}

type CallName = keyof PreferencesAuthorityCalls

/** Isolates in two locations, one authority that can be away, slow or held, and all that was told and called. */
function openWorld(options: Partial<UserPreferencesOptions<Settings>> = {}) {
  const simulator = createEdgeSimulator({ seed: 3, locations: ['AMS', 'SIN'] })
  const { clock } = simulator
  const authority = createMemorySessionAuthority({ now: clock.now })
  const events: ClientEvent[] = []
  const calls: CallName[] = []
  const work: Promise<unknown>[] = []
  const state: {
    fail?: () => Promise<never>
    /** Between what was decided and that the caller knows. */
    hold?: ((name: CallName) => Promise<void>) | undefined
  } = {}
  const through =
    <Args extends unknown[], Reply>(name: CallName, call: (...args: Args) => Promise<Reply>) =>
    async (...args: Args): Promise<Reply> => {
      calls.push(name)
      if (state.fail !== undefined) return state.fail()
      const reply = await call(...args)
      await state.hold?.(name)
      return reply
    }
  const openIsolate = (
    location: string,
    own: Partial<UserPreferencesOptions<Settings>> = {},
  ): UserPreferences<Settings> =>
    new UserPreferences<Settings>(simulator.location(location).kv('KV'), {
      authority: {
        getByName(name) {
          const user = authority.getByName(name)
          return {
            getPreferences: through('getPreferences', user.getPreferences),
            patchPreferences: through('patchPreferences', user.patchPreferences),
            deletePreferences: through('deletePreferences', user.deletePreferences),
          }
        },
      },
      now: clock.now,
      timers: clock,
      waitUntil: (promise) => {
        work.push(promise)
      },
      onEvent: (event) => {
        events.push(event)
      },
      ...options,
      ...own,
    })
  return { simulator, clock, events, calls, state, openIsolate, settle: () => Promise.all(work) }
}

const key = 'preferences:ada'

describe('reading', () => {
  test('gives the defaults where there is nothing, and no object that is shared', async () => {
    const defaults = { theme: 'light', mail: { news: true } }
    const { openIsolate, simulator, settle } = openWorld({ defaults })
    const isolate = openIsolate('AMS')
    const first = await isolate.get('ada')
    expect(first).toEqual(defaults)
    Object.assign(first.mail ?? {}, { news: false })
    expect(await isolate.get('ada')).toEqual({ theme: 'light', mail: { news: true } })
    await isolate.patch('ada', { size: 2 })
    expect(await isolate.get('ada')).toEqual({ ...defaults, size: 2 })
    await settle()
    expect(simulator.operations).toMatchObject({ read: 1, write: 1 })
  })

  test('asks memory for as long as the bound, then KV, then the authority', async () => {
    const { openIsolate, clock, calls, settle, simulator } = openWorld({
      freshness: { boundedSeconds: 100 },
      cacheSeconds: 1000,
    })
    const [writer, reader] = [openIsolate('AMS'), openIsolate('AMS')]
    await writer.patch('ada', { theme: 'dark' })
    await settle()
    await clock.advance(100_000)
    expect(await reader.get('ada')).toEqual({ theme: 'dark' })
    expect(await writer.get('ada')).toEqual({ theme: 'dark' })
    expect(calls).toEqual(['patchPreferences'])
    expect(simulator.operations.read).toBe(1)
    await clock.advance(1)
    expect(await reader.get('ada')).toEqual({ theme: 'dark' })
    expect(calls).toEqual(['patchPreferences', 'getPreferences'])
    expect(await reader.get('ada')).toEqual({ theme: 'dark' })
    expect(calls).toHaveLength(2)
  })

  test('asks the authority each time where it is strict, which then sends the document only once', async () => {
    const { openIsolate, calls, simulator } = openWorld({ freshness: 'strict' })
    const [writer, reader] = [openIsolate('AMS'), openIsolate('SIN')]
    for (const theme of ['dark', 'light']) {
      await writer.patch('ada', { theme })
      expect(await reader.get('ada')).toEqual({ theme })
      expect(await reader.get('ada')).toEqual({ theme })
    }
    expect(calls.filter((name) => name === 'getPreferences')).toHaveLength(4)
    expect(simulator.operations).toMatchObject({ read: 0, write: 0 })
  })

  test('takes the freshness of a call before the client’s', async () => {
    const { openIsolate, calls } = openWorld()
    const isolate = openIsolate('AMS')
    await isolate.get('ada')
    await isolate.get('ada', { freshness: 'strict' })
    expect(calls).toHaveLength(2)
  })

  test('shares one question between callers who ask at once', async () => {
    const { openIsolate, calls } = openWorld()
    const isolate = openIsolate('AMS')
    await Promise.all([isolate.get('ada'), isolate.get('ada'), isolate.get('bob')])
    expect(calls).toHaveLength(2)
  })

  test('forgets whose were used least recently, beyond what memory keeps', async () => {
    const { openIsolate, calls } = openWorld({ memoryEntries: 2, cacheSeconds: 0 })
    const isolate = openIsolate('AMS')
    for (const user of ['ada', 'bob', 'ada', 'eve', 'ada', 'bob']) await isolate.get(user)
    expect(calls).toHaveLength(4)
  })
})

describe('the bound', () => {
  test('holds in all locations, however far KV is behind', async () => {
    const { openIsolate, clock, settle } = openWorld({ freshness: { boundedSeconds: 90 } })
    const writer = openIsolate('AMS')
    const readers = ['AMS', 'SIN'].map((location) => openIsolate(location))
    const patchedAtMs: number[] = []
    let staleReads = 0
    for (let second = 0; second < 900; second++) {
      if (second % 37 === 0) {
        await writer.patch('ada', { size: patchedAtMs.length })
        patchedAtMs.push(clock.now())
        expect(await writer.get('ada')).toEqual({ size: patchedAtMs.length - 1 })
      }
      for (const reader of readers) {
        const { size = -1 } = await reader.get('ada')
        const next = patchedAtMs[size + 1]
        if (next === undefined) continue
        staleReads++
        expect(clock.now() - next).toBeLessThanOrEqual(90_000)
      }
      await clock.advance(1000)
    }
    await settle()
    // It is a bound, not how it always is.
    expect(staleReads).toBeGreaterThan(100)
  })

  test('is not prolonged by a copy that is passed on through KV', async () => {
    const { openIsolate, clock, calls, settle } = openWorld({ freshness: { boundedSeconds: 100 } })
    const [first, second] = [openIsolate('AMS'), openIsolate('AMS')]
    await first.patch('ada', { theme: 'dark' })
    await settle()
    await clock.advance(60_000)
    await second.get('ada')
    await clock.advance(40_001)
    await second.get('ada')
    expect(calls).toEqual(['patchPreferences', 'getPreferences'])
  })

  test('passes over a copy whose stamp is ahead of the clock', async () => {
    const { openIsolate, calls, simulator, clock } = openWorld()
    const kv = simulator.location('AMS').kv('KV')
    const copy = { version: 1, confirmedAtMs: clock.now() + 1, document: { theme: 'dark' } }
    await kv.put(key, JSON.stringify(copy))
    expect(await openIsolate('AMS').get('ada')).toEqual({})
    expect(calls).toHaveLength(1)
  })
})

describe('one’s own patch', () => {
  test('is read in the isolate at once, whatever KV says and when memory is too old', async () => {
    const { openIsolate, clock, settle } = openWorld({ freshness: { boundedSeconds: 10 } })
    const [isolate, other] = [openIsolate('AMS'), openIsolate('AMS')]
    await isolate.patch('ada', { theme: 'old' })
    await settle()
    await clock.advance(9000)
    await other.get('ada')
    // KV takes one write in a second: this one is not in KV for a while.
    await isolate.patch('ada', { theme: 'new' })
    expect(await isolate.get('ada')).toEqual({ theme: 'new' })
    await clock.advance(10_001)
    expect(await isolate.get('ada')).toEqual({ theme: 'new' })
  })

  test('is not undone by a copy that a machine whose clock is ahead confirmed before it', async () => {
    const { openIsolate, clock, settle, simulator } = openWorld({
      freshness: { boundedSeconds: 10 },
    })
    const isolate = openIsolate('AMS')
    await isolate.patch('ada', { theme: 'new' })
    await settle()
    await clock.advance(10_001)
    const copy = { version: 1, confirmedAtMs: clock.now() - 1, document: { theme: 'old' } }
    await simulator.location('AMS').kv('KV').put(key, JSON.stringify(copy))
    expect(await isolate.get('ada')).toEqual({ theme: 'new' })
    // Another isolate has no way to know.
    expect(await openIsolate('AMS').get('ada')).toEqual({ theme: 'old' })
  })

  test('is not undone by an answer that was asked for before and comes later', async () => {
    const { openIsolate, state } = openWorld()
    const isolate = openIsolate('AMS')
    await isolate.patch('ada', { theme: 'old' })
    const held = Promise.withResolvers<undefined>()
    state.hold = (name) => (name === 'getPreferences' ? held.promise : Promise.resolve())
    const slow = isolate.get('ada', { freshness: 'strict' })
    await isolate.patch('ada', { theme: 'new' })
    held.resolve(undefined)
    expect(await slow).toEqual({ theme: 'new' })
    expect(await isolate.get('ada')).toEqual({ theme: 'new' })
  })

  test('may lose to one that was written later, which is what it returns', async () => {
    const { openIsolate, clock } = openWorld()
    const isolate = openIsolate('AMS')
    await isolate.patch('ada', { theme: 'newer', size: 1 }, { writtenAtMs: clock.now() - 1 })
    const merged = await isolate.patch(
      'ada',
      { theme: 'older', size: undefined },
      { writtenAtMs: clock.now() - 2 },
    )
    expect(merged).toEqual({ theme: 'newer', size: 1 })
    expect(await isolate.patch('ada', { size: null })).toEqual({ theme: 'newer' })
  })
})

describe('an erasure', () => {
  test('leaves nothing in the authority, in memory and in KV', async () => {
    const { openIsolate, simulator, settle, clock } = openWorld()
    const [isolate, other] = [openIsolate('AMS'), openIsolate('SIN')]
    await isolate.patch('ada', { theme: 'dark' })
    await settle()
    await clock.advance(2000)
    expect(simulator.store('KV').keys()).toEqual([key])
    await isolate.delete('ada')
    expect(await isolate.get('ada')).toEqual({})
    expect(await other.get('ada', { freshness: 'strict' })).toEqual({})
    expect(simulator.store('KV').keys()).toEqual([])
  })

  test('is not undone by a copy that waited to be written, nor by KV where it failed there', async () => {
    const { openIsolate, simulator, settle, clock, events } = openWorld()
    const isolate = openIsolate('AMS')
    await isolate.patch('ada', { theme: 'dark' })
    await settle()
    await isolate.patch('ada', { theme: 'light' })
    simulator.injectFault({ type: 'error', operations: ['delete'] })
    await isolate.delete('ada')
    await clock.advance(10_000)
    await settle()
    expect(simulator.operations.write).toBe(1)
    expect(events).toMatchObject([{ type: 'store_error', operation: 'delete', key }])
    expect(await isolate.get('ada')).toEqual({})
    await clock.advance(300_000)
    expect(simulator.store('KV').keys()).toEqual([])
  })
})

describe('where KV fails', () => {
  test('everything works through the authority, and each failure is told', async () => {
    const { openIsolate, simulator, settle, events } = openWorld()
    simulator.injectFault({ type: 'error' })
    await openIsolate('AMS').patch('ada', { theme: 'dark' })
    await settle()
    expect(await openIsolate('AMS').get('ada')).toEqual({ theme: 'dark' })
    await settle()
    expect(events.map((event) => event.type === 'store_error' && event.operation)).toEqual([
      'write',
      'read',
      'write',
    ])
    expect(events[0]).toMatchObject({ client: 'preferences', key })
  })

  test('or does not answer, it is not waited for longer than the timeout', async () => {
    const { openIsolate, simulator, clock, events } = openWorld({ timeoutMs: 500 })
    simulator.injectFault({ type: 'slow', delayMs: 60_000, operations: ['read'] })
    const startedAtMs = clock.now()
    expect(await clock.run(() => openIsolate('AMS').get('ada'))).toEqual({})
    expect(clock.now() - startedAtMs).toBe(500)
    expect(events).toMatchObject([{ type: 'store_error', operation: 'read' }])
  })

  test.for(['no json', '[]', '{"version":1,"confirmedAtMs":1}', '{"document":{}}'])(
    'or holds what is no copy, that is told and passed over: %s',
    async (text) => {
      const { openIsolate, simulator, events } = openWorld()
      await simulator.location('AMS').kv('KV').put(key, text)
      expect(await openIsolate('AMS').get('ada')).toEqual({})
      expect(events).toEqual([
        {
          type: 'corrupt_value',
          client: 'preferences',
          key,
          reason: 'it is no copy of preferences',
        },
      ])
    },
  )
})

describe('where the authority cannot be asked', () => {
  test('copies within the bound serve, and after that an error says so', async () => {
    const { openIsolate, clock, state, settle } = openWorld({ freshness: { boundedSeconds: 100 } })
    const [writer, other] = [openIsolate('AMS'), openIsolate('AMS')]
    await writer.patch('ada', { theme: 'dark' })
    await settle()
    const cause = new Error('network')
    state.fail = () => Promise.reject(cause)
    await clock.advance(99_999)
    expect(await other.get('ada')).toEqual({ theme: 'dark' })
    await clock.advance(1)
    expect(await writer.get('ada')).toEqual({ theme: 'dark' })
    await clock.advance(1)
    for (const isolate of [writer, other]) {
      const failed = isolate.get('ada')
      await expect(failed).rejects.toThrow(
        'Cannot get preferences: its Durable Object is unavailable',
      )
      await expect(failed).rejects.toMatchObject({ code: 'unavailable', retryable: true, cause })
      await expect(failed).rejects.toBeInstanceOf(SessionError)
    }
    await expect(writer.patch('ada', {})).rejects.toMatchObject({ code: 'unavailable' })
    await expect(writer.delete('ada')).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('the error says where it has too much to do, or does not answer in time', async () => {
    const { openIsolate, clock, state } = openWorld({ timeoutMs: 700 })
    const isolate = openIsolate('AMS')
    state.fail = () => Promise.reject(Object.assign(new Error('busy'), { overloaded: true }))
    await expect(isolate.get('ada')).rejects.toMatchObject({ code: 'overloaded' })
    state.fail = () => new Promise(() => undefined)
    const failed = clock.run(() => isolate.get('ada', { freshness: 'strict' }))
    await expect(failed).rejects.toMatchObject({ code: 'no_answer' })
    await expect(failed).rejects.toThrow('its Durable Object did not answer in 700 ms')
  })
})

/** Takes a theme of two, and asks for a size. */
const schema: StandardSchema<Settings> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { theme, size } = value as Record<string, unknown>
      const issues = []
      if (theme !== undefined && theme !== 'dark' && theme !== 'light') {
        issues.push({ message: 'no theme', path: [{ key: 'theme' }] })
      }
      if (typeof size !== 'number') issues.push({ message: 'no size', path: ['size'] })
      return issues.length > 0 ? { issues } : { value: value as Settings }
    },
  },
}

describe('a schema', () => {
  test('refuses a patch with a field that does not fit, and never says its value', async () => {
    const { openIsolate, calls } = openWorld({ schema, defaults: { size: 1 } })
    const isolate = openIsolate('AMS')
    await expect(isolate.patch('ada', { theme: 'private' })).rejects.toThrow(
      /^Cannot patch preferences: the fields must fit the schema, received what does not in theme$/,
    )
    expect(calls).toEqual([])
    expect(await isolate.patch('ada', { theme: 'dark' })).toEqual({ theme: 'dark', size: 1 })
  })

  test('takes fields that do not fit any more for absent ones, and tells of them', async () => {
    const { openIsolate, events } = openWorld({ defaults: { size: 1 } })
    await openIsolate('AMS').patch('ada', { theme: 'of an older release', size: 7 })
    const read = await openIsolate('AMS', { schema }).get('ada', { freshness: 'strict' })
    expect(read).toEqual({ size: 7 })
    const reason = 'it does not fit the schema in theme'
    expect(events).toEqual([{ type: 'corrupt_value', client: 'preferences', key, reason }])
  })

  test('must take the defaults, and refuses to remove what has none', async () => {
    const { openIsolate } = openWorld({ schema })
    const isolate = openIsolate('AMS')
    await expect(isolate.get('ada')).rejects.toThrow(
      'Cannot get preferences: the defaults must fit the schema, received what does not in size',
    )
    await expect(isolate.patch('ada', { size: null })).rejects.toThrow(
      'the fields must fit the schema, received what does not in size',
    )
    // What the patch does not name is not looked at.
    await isolate.patch('ada', { size: 2 })
    expect(await isolate.patch('ada', { theme: 'dark' })).toEqual({ theme: 'dark', size: 2 })
  })

  test('may have an issue that names no field: then the defaults stand in for all', async () => {
    const picky: StandardSchema<Settings> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          const { theme } = value as Settings
          return Promise.resolve(
            theme === undefined ? { value: {} } : { issues: [{ message: '' }] },
          )
        },
      },
    }
    const { openIsolate, events } = openWorld()
    await openIsolate('AMS').patch('ada', { theme: 'dark' })
    expect(await openIsolate('AMS', { schema: picky }).get('ada')).toEqual({})
    expect(events).toMatchObject([{ reason: 'it does not fit the schema in theme' }])
  })
})

describe('a caller’s mistake', () => {
  test('is told at once', async () => {
    const { openIsolate, simulator, calls } = openWorld()
    const isolate = openIsolate('AMS')
    const kv = simulator.location('AMS').kv('KV')
    const create = (options: object) => () =>
      new UserPreferences(kv, { authority: createMemorySessionAuthority(), ...options })
    expect(() => new UserPreferences(undefined as never, undefined as never)).toThrow(TypeError)
    expect(create({ authority: undefined })).toThrow(
      'Cannot create user preferences: authority must be a Durable Object binding of SessionObject, received undefined',
    )
    expect(create({ authority: null })).toThrow('received null')
    expect(create({ freshness: { boundedSeconds: 0 } })).toThrow(
      'Cannot create user preferences: boundedSeconds must be from 1 to 86400, received 0',
    )
    expect(create({ freshness: { boundedSeconds: 86_401 } })).toThrow(RangeError)
    expect(create({ cacheSeconds: 59 })).toThrow('cacheSeconds must be from 60 to 86400')
    expect(create({ memoryEntries: 0 })).toThrow(
      'memoryEntries must be from 1 to Infinity, received 0',
    )
    expect(create({ timeoutMs: 0 })).toThrow('timeoutMs must be from 1 to Infinity, received 0')
    await expect(isolate.get('')).rejects.toThrow(
      'Cannot get preferences: userId must be a string that is not empty, received an empty one',
    )
    await expect(isolate.delete(7 as never)).rejects.toThrow('received number')
    await expect(isolate.patch('ada', 'dark' as never)).rejects.toThrow(
      'Cannot patch preferences: the patch must be an object, received string',
    )
    await expect(isolate.patch('ada', { a: 1n } as never)).rejects.toThrow('must be plain JSON')
    await expect(isolate.patch('ada', {}, { writtenAtMs: -1 })).rejects.toThrow(RangeError)
    expect(calls).toEqual([])
  })

  test('is a document that is too large, or has too many fields', async () => {
    const isolate = openWorld().openIsolate('AMS')
    await expect(isolate.patch('ada', { theme: 'x'.repeat(16_384) })).rejects.toThrow(
      new RangeError(
        'Cannot patch preferences: the document must have at most 16384 bytes, received 16396',
      ),
    )
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, at]))
    await isolate.patch('ada', many)
    await expect(isolate.patch('ada', { size: 1 })).rejects.toThrow(
      'Cannot patch preferences: the document must have at most 100 fields, received 101',
    )
  })
})
