import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { kvFaults } from '../../../test/support/faulty-flags-object.ts'
import { keys } from '../kv/keys.ts'
import type {
  FlagAuthorityCalls,
  FlagAuthorityNamespace,
  FlagChangeRequest,
} from './flag-authority-calls.ts'
import type { FlagDefinition } from './flag-definition.ts'
import type { FlagRuleset } from './flag-ruleset.ts'

const namespace: FlagAuthorityNamespace = env.FLAGS
const faulty: FlagAuthorityNamespace = env.FAULTY_FLAGS

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  Object.assign(kvFaults, {
    isMissing: false,
    beforeGet: () => undefined,
    beforePut: () => undefined,
  })
})

/** Moves only what `Date` says, for the test and for the objects beside it. */
function stopTime(): { advance(ms: number): void } {
  // In the future: workerd takes no alarm for a time that has passed for itself, and none of these rings by itself.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2100, 0, 1) })
  return {
    advance: (ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
  }
}

let ids = 0

function toRequest(
  name: string,
  next: FlagDefinition | null,
  options: Partial<FlagChangeRequest> = {},
): FlagChangeRequest {
  const target = { kind: 'flag', name } as const
  return { changeId: `change-${++ids}`, target, next, author: 'ada', ...options }
}

async function published(environment: string): Promise<FlagRuleset | null> {
  return env.FLAGS_KV.get<FlagRuleset>(keys.flags(environment), 'json')
}

async function alarmOf(stub: DurableObjectStub): Promise<number | null> {
  return runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
}

const restarts = [
  ['an eviction', (stub: DurableObjectStub) => evictDurableObject(stub)],
  ['a crash', () => abortAllDurableObjects()],
] as const

describe.for(restarts)('over %s', ([how, restart]) => {
  test('flags, their history and what was replied are kept', async () => {
    stopTime()
    const name = `kept over ${how}`
    const object = namespace.getByName(name)
    const first = toRequest('a', { enabled: true, percentage: 5 }, { reason: 'to try it' })
    const last = toRequest('b', null, { ifVersion: 2 })
    await object.change(first)
    await object.change(toRequest('b', { enabled: false }))
    await object.change(last)
    const { changeId: _, ...flagC } = toRequest('c', { enabled: true })
    const many = { changeId: 'many', author: 'bob', changes: [flagC, { ...flagC, next: null }] }
    expect(await object.changeAll(many)).toEqual({ ok: true, version: 5 })
    const before = await object.getRuleset()
    const history = await object.getHistory({})
    await restart(env.FLAGS.getByName(name))
    const again = namespace.getByName(name)
    expect(await again.getRuleset()).toEqual(before)
    expect(await again.getHistory({})).toEqual(history)
    expect(history).toMatchObject([
      { version: 5, target: { name: 'c' }, author: 'bob', after: null },
      { version: 4, target: { name: 'c' }, author: 'bob', before: null },
      { version: 3, target: { name: 'b' }, before: { enabled: false }, after: null },
      { version: 2, target: { name: 'b' }, before: null },
      { version: 1, target: { name: 'a' }, author: 'ada', reason: 'to try it' },
    ])
    expect(await again.change(first)).toEqual({ ok: true, version: 1 })
    expect(await again.change(last)).toEqual({ ok: true, version: 3 })
    expect(await again.changeAll(many)).toEqual({ ok: true, version: 5 })
    expect((await again.getRuleset()).version).toBe(5)
  })

  test('what was changed before it comes to KV', async () => {
    stopTime()
    const name = `published over ${how}`
    const object = namespace.getByName(name)
    await object.change(toRequest('a', { enabled: true }))
    await restart(env.FLAGS.getByName(name))
    expect(await runDurableObjectAlarm(env.FLAGS.getByName(name))).toBe(true)
    expect(await published(name)).toMatchObject({ version: 1, flags: { a: { enabled: true } } })
    await namespace.getByName(name).changeAll({
      changeId: `many ${how}`,
      author: 'ada',
      changes: [toRequest('b', { enabled: true }), toRequest('c', { enabled: true })],
    })
    await restart(env.FLAGS.getByName(name))
    stopTime().advance(2000)
    expect(await runDurableObjectAlarm(env.FLAGS.getByName(name))).toBe(true)
    expect(await published(name)).toMatchObject({ version: 3, flags: { b: {}, c: {} } })
  })
})

describe('100 writers at once', () => {
  test('who all add themselves to one list lose no update', async () => {
    stopTime()
    const object = namespace.getByName('one list')
    await object.change(toRequest('beta', { enabled: true, allow: [] }))
    let conflicts = 0
    const versions = await Promise.all(
      Array.from({ length: 100 }, async (_, writer) => {
        for (;;) {
          const { ruleset } = await namespace.getByName('one list').getRuleset()
          const flag = ruleset?.flags.beta
          const next = { enabled: true, allow: [...(flag?.allow ?? []), `user-${writer}`] }
          const request = toRequest('beta', next, { ifVersion: flag?.version ?? 0 })
          const reply = await namespace.getByName('one list').change(request)
          if (reply.ok) return reply.version
          expect(reply.reason).toBe('conflict')
          conflicts++
        }
      }),
    )
    const { ruleset } = await object.getRuleset()
    expect(new Set(ruleset?.flags.beta?.allow)).toEqual(
      new Set(Array.from({ length: 100 }, (_, writer) => `user-${writer}`)),
    )
    expect(ruleset?.flags.beta?.allow).toHaveLength(100)
    expect(new Set(versions).size).toBe(100)
    expect(ruleset?.version).toBe(101)
    // Or they were not at once.
    expect(conflicts).toBeGreaterThan(100)
  })

  test('of 100 flags are all there, each with a version of its own', async () => {
    stopTime()
    const object = namespace.getByName('100 flags')
    const names = Array.from({ length: 100 }, (_, index) => `flag-${index}`)
    const replies = await Promise.all(
      names.map(async (name) => object.change(toRequest(name, { enabled: true }))),
    )
    const versions = replies.map((reply) => (reply.ok ? reply.version : 0))
    expect(versions.toSorted((a, b) => a - b)).toEqual(names.map((_, index) => index + 1))
    const { ruleset } = await object.getRuleset()
    expect(Object.keys(ruleset?.flags ?? {}).toSorted()).toEqual(names.toSorted())
    const stored = Object.values(ruleset?.flags ?? {}).map(({ version }) => version)
    expect(new Set(stored)).toEqual(new Set(versions))
    expect(await runDurableObjectAlarm(env.FLAGS.getByName('100 flags'))).toBe(true)
    expect(await published('100 flags')).toEqual(ruleset)
  })
})

describe('the alarm', () => {
  test('publishes at once, and then not before the second is over', async () => {
    const time = stopTime()
    const stub = env.FLAGS.getByName('spaced')
    const object = namespace.getByName('spaced')
    await object.change(toRequest('a', { enabled: true }))
    expect(await alarmOf(stub)).toBeLessThanOrEqual(Date.now())
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await published('spaced')).toMatchObject({ version: 1 })
    expect(await alarmOf(stub)).toBeNull()
    await object.change(toRequest('b', { enabled: true }))
    const dueAtMs = Date.now() + 1100
    expect(await alarmOf(stub)).toBe(dueAtMs)
    time.advance(1099)
    // One that rings too early does nothing, and is set again.
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await published('spaced')).toMatchObject({ version: 1 })
    expect(await alarmOf(stub)).toBe(dueAtMs)
    time.advance(1)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await published('spaced')).toEqual((await object.getRuleset()).ruleset)
    expect(await alarmOf(stub)).toBeNull()
  })

  test('is not set for what changes nothing', async () => {
    stopTime()
    const stub = env.FLAGS.getByName('nothing')
    const object = namespace.getByName('nothing')
    expect(await object.change(toRequest('a', null))).toMatchObject({ ok: true, version: 0 })
    const refused = await object.change(toRequest('a', { enabled: 1 } as never))
    expect(refused).toMatchObject({ reason: 'invalid', faults: [{ path: 'enabled' }] })
    expect(await object.getRuleset()).toMatchObject({ version: 0, ruleset: { flags: {} } })
    expect(await object.getRuleset(0)).toEqual({ version: 0 })
    expect(await object.getHistory({})).toEqual([])
    expect(await alarmOf(stub)).toBeNull()
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'standing'").toArray(),
    )
    expect(tables).toEqual([])
  })

  test('that the runtime gave up is brought back by the next call', async () => {
    stopTime()
    const stub = env.FLAGS.getByName('given up')
    await namespace.getByName('given up').change(toRequest('a', { enabled: true }))
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm())
    await evictDurableObject(stub)
    await namespace.getByName('given up').getRuleset()
    expect(await alarmOf(stub)).not.toBeNull()
    await runDurableObjectAlarm(stub)
    expect(await published('given up')).toMatchObject({ version: 1 })
  })

  test('runs again for what changes during a put', async () => {
    const time = stopTime()
    const stub = env.FAULTY_FLAGS.getByName('during')
    const object = faulty.getByName('during')
    const other = toRequest('b', { enabled: true })
    let replies = 0
    kvFaults.beforePut = async () => {
      // From within the alarm, because a promise of the test would be one of another context.
      if (replies === 0 && (await faulty.getByName('during').change(other)).ok) replies++
    }
    await object.change(toRequest('a', { enabled: true }))
    await runDurableObjectAlarm(stub)
    expect(replies).toBe(1)
    expect(await published('during')).toMatchObject({ version: 1 })
    expect(await alarmOf(stub)).toBe(Date.now() + 1100)
    time.advance(1100)
    await runDurableObjectAlarm(stub)
    expect(await published('during')).toMatchObject({ version: 2 })
    expect(await alarmOf(stub)).toBeNull()
  })
})

describe('while KV fails', () => {
  test('it is tried again, later each time, and each failure is one line', async () => {
    const time = stopTime()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const stub = env.FAULTY_FLAGS.getByName('failing')
    kvFaults.beforePut = () => {
      throw new Error('KV PUT failed: 500 Internal Server Error')
    }
    await faulty.getByName('failing').change(toRequest('a', { enabled: true }))
    const waits: number[] = []
    for (let count = 0; count < 10; count++) {
      await runDurableObjectAlarm(stub)
      // In between, what was waited for is known from storage.
      if (count % 3 === 2) await evictDurableObject(stub)
      const waitMs = ((await alarmOf(stub)) ?? 0) - Date.now()
      waits.push(waitMs)
      time.advance(waitMs)
    }
    for (const [index, waitMs] of waits.entries()) {
      const leastMs = Math.min(60_000, 1000 * 2 ** index)
      expect(waitMs).toBeGreaterThanOrEqual(leastMs)
      expect(waitMs).toBeLessThanOrEqual(2 * leastMs)
    }
    expect(warn).toHaveBeenCalledTimes(10)
    expect(JSON.parse(String(warn.mock.calls[0]?.[0]))).toEqual({
      event: 'store_error',
      type: 'store_error',
      client: 'feature-flags',
      operation: 'write',
      key: 'flags:failing',
      error: {
        code: 'unavailable',
        message: 'Cannot write in KV: unavailable',
        cause: 'KV PUT failed: 500 Internal Server Error',
      },
    })
    kvFaults.beforePut = () => undefined
    await runDurableObjectAlarm(stub)
    expect(await published('failing')).toMatchObject({ version: 1 })
  })

  test.for([
    [
      '500 Internal Server Error',
      'is put once more, because KV may still take what failed',
      60_000,
    ],
    ['429 Too Many Requests', 'is not put again, because KV has refused what failed', null],
  ] as const)('what comes after a %s %s', async ([error, , delayMs]) => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const stub = env.FAULTY_FLAGS.getByName(error)
    kvFaults.beforePut = () => {
      throw new Error(`KV PUT failed: ${error}`)
    }
    await faulty.getByName(error).change(toRequest('a', { enabled: true }))
    await runDurableObjectAlarm(stub)
    const failedAtMs = Date.now()
    kvFaults.beforePut = () => undefined
    time.advance(2000)
    await runDurableObjectAlarm(stub)
    expect(await published(error)).toMatchObject({ version: 1 })
    expect(await alarmOf(stub)).toBe(delayMs && failedAtMs + delayMs)
    await evictDurableObject(stub)
    await env.FLAGS_KV.delete(keys.flags(error))
    time.advance(58_000)
    await runDurableObjectAlarm(stub)
    expect((await published(error))?.version).toBe(delayMs === null ? undefined : 1)
    expect(await alarmOf(stub)).toBeNull()
  })

  test('it ends up with the newest, and never gets an older one after a newer', async () => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const stub = () => env.FAULTY_FLAGS.getByName('schedule')
    const errors = ['429 Too Many Requests', '500 Internal Server Error', '', '', '']
    const versions: number[] = []
    kvFaults.beforePut = (value) => {
      versions.push((JSON.parse(value) as FlagRuleset).version)
      const error = errors[versions.length % errors.length] ?? ''
      if (error !== '') throw new Error(`KV PUT failed: ${error}`)
    }
    for (let step = 0; step < 60; step++) {
      const object = faulty.getByName('schedule')
      if (step % 3 !== 1) await object.change(toRequest('a', { enabled: step % 2 === 0 }))
      if (step % 4 !== 3) await runDurableObjectAlarm(stub())
      if (step % 7 === 5) await evictDurableObject(stub())
      time.advance((step % 5) * 700)
    }
    for (let at = await alarmOf(stub()); at !== null; at = await alarmOf(stub())) {
      time.advance(Math.max(0, at - Date.now()))
      await runDurableObjectAlarm(stub())
    }
    const { ruleset } = await faulty.getByName('schedule').getRuleset()
    expect(ruleset?.version).toBe(40)
    expect(await published('schedule')).toEqual(ruleset)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    expect(versions.length).toBeGreaterThan(10)
  })
})

describe('what was in KV before', () => {
  const older: FlagRuleset = {
    format: 1,
    version: 57,
    changedAtMs: 1000,
    flags: { old: { enabled: true, percentage: 10, version: 12 } },
    segments: { beta: { when: { attribute: 'plan', op: 'eq', value: 'beta' } } },
  }

  test('is gone on from, with its versions', async () => {
    stopTime()
    await env.FLAGS_KV.put(keys.flags('older'), JSON.stringify(older))
    const object = namespace.getByName('older')
    expect(await object.getRuleset(57)).toEqual({ version: 57 })
    // It is there as it should be: there is nothing to put.
    expect(await alarmOf(env.FLAGS.getByName('older'))).toBeNull()
    const rename = { ifVersion: 12, renamedFrom: 'old' }
    const reply = await object.change(toRequest('new', { enabled: true, percentage: 10 }, rename))
    expect(reply).toEqual({ ok: true, version: 58 })
    await evictDurableObject(env.FLAGS.getByName('older'))
    await runDurableObjectAlarm(env.FLAGS.getByName('older'))
    const ruleset = await published('older')
    // Users stay where its old name put them.
    expect(ruleset?.flags).toMatchObject({ new: { version: 58, bucketing: { salt: 'old' } } })
    expect(ruleset?.segments).toEqual({ beta: { ...older.segments?.beta, version: 57 } })
  })

  test('has no flag with a version that is still to come', async () => {
    const flags = { early: { enabled: true, version: 99 }, odd: { enabled: true, version: 1.5 } }
    await env.FLAGS_KV.put(keys.flags('early'), JSON.stringify({ ...older, flags }))
    const { ruleset } = await namespace.getByName('early').getRuleset()
    expect(ruleset?.flags).toMatchObject({ early: { version: 57 }, odd: { version: 57 } })
  })

  test('is waited for: while it cannot be read nothing is changed', async () => {
    stopTime()
    await env.FLAGS_KV.put(keys.flags('unread'), JSON.stringify(older))
    kvFaults.beforeGet = () => {
      throw new Error('KV GET failed: 500 Internal Server Error')
    }
    const request = toRequest('a', { enabled: true })
    const refused = async () => faulty.getByName('unread').change(request)
    await expect(refused()).rejects.toThrow('Cannot read in KV')
    kvFaults.beforeGet = () => undefined
    expect(await faulty.getByName('unread').change(request)).toEqual({ ok: true, version: 58 })
  })

  test('is passed over and reported where it is no ruleset', async () => {
    stopTime()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    for (const [index, text] of ['{', '{"format":2,"version":1,"flags":{}}', 'null'].entries()) {
      await env.FLAGS_KV.put(keys.flags(`garbage ${index}`), text)
      const reply = await namespace
        .getByName(`garbage ${index}`)
        .change(toRequest('a', { enabled: true }))
      expect(reply).toEqual({ ok: true, version: 1 })
      expect(String(warn.mock.lastCall?.[0])).toContain(`"key":"flags:garbage ${index}"`)
    }
  })
})

describe('without what it needs', () => {
  test('a missing FLAGS_KV is named where a change is made, and nothing is changed', async () => {
    stopTime()
    kvFaults.isMissing = true
    const request = toRequest('a', { enabled: true })
    const refused = async () => faulty.getByName('missing').change(request)
    await expect(refused()).rejects.toThrow(
      'Cannot change flags: FLAGS_KV must be a KVNamespace, received undefined (is the binding configured in the worker that hosts FlagsObject?)',
    )
    expect(await faulty.getByName('missing').getRuleset()).toMatchObject({ version: 0 })
    expect(await faulty.getByName('missing').getHistory({})).toEqual([])
  })

  test('an object without a name makes no change', async () => {
    const object = env.FLAGS.get(env.FLAGS.newUniqueId()) as unknown as FlagAuthorityCalls
    const refused = async () => object.change(toRequest('a', { enabled: true }))
    await expect(refused()).rejects.toThrow(
      'the object must be reached by the name of an environment',
    )
  })
})
