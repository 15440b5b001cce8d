import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { bindingFaults } from '../../../test/support/faulty-config-object.ts'
import type { ConfigAuthorityCalls, ConfigAuthorityNamespace } from '../config-authority-calls.ts'
import type { ConfigDocument } from '../config-document.ts'
import { digestBody, toBodyKey } from '../read-config-document.ts'
import { kvSource } from '../sources/kv-source.ts'
import { ConfigPublisher } from './config-publisher.ts'
import { kvConfigAuthority } from './kv-config-authority.ts'

const namespace: ConfigAuthorityNamespace = env.CONFIG
const faulty: ConfigAuthorityNamespace = env.FAULTY_CONFIG
const large = `{"text":"${'x'.repeat(70_000)}"}`

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  Object.assign(bindingFaults, {
    isMissing: false,
    beforeGet: () => undefined,
    beforePut: () => undefined,
    beforeSend: () => undefined,
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

function open(name: string, authority = namespace): ConfigPublisher {
  return new ConfigPublisher({ authority, name, author: 'ada' })
}

async function published(name: string): Promise<ConfigDocument | null> {
  return env.CONFIG_KV.get<ConfigDocument>(name, 'json')
}

async function alarmOf(stub: DurableObjectStub): Promise<number | null> {
  return runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
}

const json = { syntax: 'json' } as const

test.for([
  ['an eviction', (stub: DurableObjectStub) => evictDurableObject(stub)],
  ['a crash', () => abortAllDurableObjects()],
] as const)('versions are kept over %s, and come to KV after it', async ([how, restart]) => {
  stopTime()
  const name = `kept over ${how}`
  const publisher = open(name)
  await publisher.publish('{"a":1}', json)
  await publisher.startRollout('{"a":2}', { ...json, percentage: 20 })
  const before = await publisher.current()
  await restart(env.CONFIG.getByName(name))
  expect(await open(name).current()).toEqual(before)
  expect(await open(name).history()).toMatchObject([{ version: 2 }, { version: 1 }])
  expect(await open(name).release(1)).toMatchObject({ body: '{"a":1}' })
  expect(await runDurableObjectAlarm(env.CONFIG.getByName(name))).toBe(true)
  expect(await published(name)).toEqual(before.document)
})

describe('publishers at once', () => {
  test('40 who all add themselves to one list lose no version', async () => {
    stopTime()
    const name = 'one list'
    await open(name).publish('{"who":[]}', json)
    let conflicts = 0
    const versions = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        for (;;) {
          const { version, document } = await open(name).current()
          const { who } = JSON.parse(document?.stable.body ?? '') as { who: number[] }
          const body = JSON.stringify({ who: [...who, index] })
          try {
            return (await open(name).publish(body, { ...json, ifVersion: version })).version
          } catch (error) {
            expect(error).toMatchObject({ code: 'conflict' })
            conflicts++
          }
        }
      }),
    )
    const { document } = await open(name).current()
    const { who } = JSON.parse(document?.stable.body ?? '') as { who: number[] }
    const lost = 40 - new Set(who).size
    console.info(
      `40 publishers of one list through the object: ${lost} lost, ${conflicts} conflicts`,
    )
    expect([lost, who.length, new Set(versions).size]).toEqual([0, 40, 40])
    // Or they were not at once.
    expect(conflicts).toBeGreaterThan(40)
    expect(await runDurableObjectAlarm(env.CONFIG.getByName(name))).toBe(true)
    expect(await published(name)).toEqual(document)
  })

  test('100 each get a version of their own, with their body, and only the newest is put', async () => {
    stopTime()
    const name = '100 versions'
    const versions = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        return (await open(name).publish(`{"from":${index}}`, json)).version
      }),
    )
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    for (const [index, version] of versions.entries()) {
      expect(await open(name).release(version)).toMatchObject({ body: `{"from":${index}}` })
    }
    expect(await runDurableObjectAlarm(env.CONFIG.getByName(name))).toBe(true)
    expect(await published(name)).toMatchObject({ version: 100, managed: true })
    expect(await alarmOf(env.CONFIG.getByName(name))).toBeNull()
  })
})

describe('the alarm', () => {
  test('publishes at once, and then not before the second is over', async () => {
    const time = stopTime()
    const stub = env.CONFIG.getByName('spaced')
    await open('spaced').publish('{"a":1}', json)
    expect(await alarmOf(stub)).toBeLessThanOrEqual(Date.now())
    await runDurableObjectAlarm(stub)
    expect(await alarmOf(stub)).toBeNull()
    await open('spaced').publish('{"a":2}', json)
    const dueAtMs = Date.now() + 1100
    expect(await alarmOf(stub)).toBe(dueAtMs)
    time.advance(1099)
    // One that rings too early does nothing, and is set again.
    await runDurableObjectAlarm(stub)
    expect(await published('spaced')).toMatchObject({ version: 1 })
    time.advance(1)
    await runDurableObjectAlarm(stub)
    expect(await published('spaced')).toMatchObject({ version: 2 })
    expect(await alarmOf(stub)).toBeNull()
  })

  test('is not set for what changes nothing', async () => {
    stopTime()
    await expect(open('nothing').promote()).rejects.toMatchObject({ code: 'invalid' })
    expect(await open('nothing').history()).toEqual([])
    const stub = env.CONFIG.getByName('nothing')
    expect(await alarmOf(stub)).toBeNull()
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'standing'").toArray(),
    )
    expect(tables).toEqual([])
  })

  test('that the runtime gave up is brought back by the next call', async () => {
    stopTime()
    const stub = env.CONFIG.getByName('given up')
    await open('given up').publish('{"a":1}', json)
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm())
    await evictDurableObject(stub)
    await open('given up').current()
    expect(await alarmOf(stub)).not.toBeNull()
  })

  test('puts a large body before the document, reads it back, and then tells readers', async () => {
    stopTime()
    const calls: string[] = []
    bindingFaults.beforePut = (key) => void calls.push(`put ${key}`)
    bindingFaults.beforeGet = (key) => void calls.push(`get ${key}`)
    bindingFaults.beforeSend = (notice) => void calls.push(`send ${JSON.stringify(notice)}`)
    const { sha256 } = await digestBody(large)
    await open('large', faulty).publish(large, json)
    await runDurableObjectAlarm(env.FAULTY_CONFIG.getByName('large'))
    expect(calls).toEqual([
      'get large',
      `put ${toBodyKey(sha256)}`,
      `get ${toBodyKey(sha256)}`,
      'put large',
      'send {"codexConfig":1,"name":"large","version":1}',
    ])
    expect(await published('large')).not.toHaveProperty('stable.body')
    const [document] = await kvSource(env.CONFIG_KV, 'large').load({
      signal: AbortSignal.timeout(5000),
    })
    expect(document).toMatchObject({ text: large, version: 1 })
    // Who asks the object gets it whole.
    expect((await open('large', faulty).current()).document?.stable.body).toBe(large)
  })

  test('puts a large body again that KV has lost, with the next version that needs it', async () => {
    const time = stopTime()
    const key = toBodyKey((await digestBody(large)).sha256)
    const stub = env.FAULTY_CONFIG.getByName('lost')
    const puts: string[] = []
    bindingFaults.beforePut = (put) => void puts.push(put)
    await open('lost', faulty).publish(large, json)
    await runDurableObjectAlarm(stub)
    const changes = [
      () => open('lost', faulty).rollback(1),
      () => open('lost', faulty).publish(large, json),
      () => open('lost', faulty).startRollout('{"a":2}', { ...json, percentage: 5 }),
    ]
    for (const change of changes) {
      await env.CONFIG_KV.delete(key)
      time.advance(2000)
      await change()
      await runDurableObjectAlarm(stub)
      expect(await env.CONFIG_KV.get(key)).toBe(large)
    }
    puts.length = 0
    time.advance(2000)
    await open('lost', faulty).ramp(10)
    await runDurableObjectAlarm(stub)
    // What is there is not put again.
    expect(puts).toEqual(['lost'])
  })

  test('puts no document while the body is not to be read', async () => {
    const time = stopTime()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const stub = env.FAULTY_CONFIG.getByName('torn')
    await open('torn', faulty).publish(large, json)
    bindingFaults.beforeGet = () => {
      throw new Error('KV GET failed: 500 Internal Server Error')
    }
    for (let count = 0; count < 5; count++) {
      await runDurableObjectAlarm(stub)
      time.advance(((await alarmOf(stub)) ?? 0) - Date.now())
    }
    expect(await published('torn')).toBeNull()
    expect(warn).toHaveBeenCalledTimes(5)
    expect(JSON.parse(String(warn.mock.calls[0]?.[0]))).toEqual({
      event: 'config_publish_failed',
      name: 'torn',
      version: 1,
      step: 'body',
      error: 'KV GET failed: 500 Internal Server Error',
    })
    bindingFaults.beforeGet = () => undefined
    await runDurableObjectAlarm(stub)
    expect(await published('torn')).toMatchObject({ version: 1 })
  })

  test('sends a notice again that the Queue did not take, and the document not', async () => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const puts: string[] = []
    const notices: unknown[] = []
    bindingFaults.beforePut = (key) => void puts.push(key)
    bindingFaults.beforeSend = (notice) => {
      notices.push(notice)
      if (notices.length < 3) throw new Error('Queue is overloaded')
    }
    const stub = env.FAULTY_CONFIG.getByName('noticed')
    await open('noticed', faulty).publish('{"a":1}', json)
    for (let at: number | null = 0; at !== null; at = await alarmOf(stub)) {
      time.advance(Math.max(0, at - Date.now()))
      await runDurableObjectAlarm(stub)
      await evictDurableObject(stub)
    }
    expect(puts).toEqual(['noticed'])
    expect(notices).toHaveLength(3)
  })
})

describe('while KV fails', () => {
  test('it is tried again, later each time', async () => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const stub = env.FAULTY_CONFIG.getByName('failing')
    bindingFaults.beforePut = () => {
      throw new Error('KV PUT failed: 500 Internal Server Error')
    }
    await open('failing', faulty).publish('{"a":1}', json)
    for (let count = 0; count < 10; count++) {
      await runDurableObjectAlarm(stub)
      // In between, what was waited for is known from storage.
      if (count % 3 === 2) await evictDurableObject(stub)
      const waitMs = ((await alarmOf(stub)) ?? 0) - Date.now()
      const leastMs = Math.min(60_000, 1000 * 2 ** count)
      expect(waitMs).toBeGreaterThanOrEqual(leastMs)
      expect(waitMs).toBeLessThanOrEqual(2 * leastMs)
      time.advance(waitMs)
    }
  })

  test.for([
    ['500 Internal Server Error', 60_000],
    ['429 Too Many Requests', null],
  ] as const)('after a %s the newest is put once more after %s ms', async ([error, delayMs]) => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const stub = env.FAULTY_CONFIG.getByName(error)
    bindingFaults.beforePut = () => {
      throw new Error(`KV PUT failed: ${error}`)
    }
    await open(error, faulty).publish('{"a":1}', json)
    await runDurableObjectAlarm(stub)
    const failedAtMs = Date.now()
    bindingFaults.beforePut = () => undefined
    time.advance(2000)
    await runDurableObjectAlarm(stub)
    expect(await published(error)).toMatchObject({ version: 1 })
    expect(await alarmOf(stub)).toBe(delayMs && failedAtMs + delayMs)
    await evictDurableObject(stub)
    await env.CONFIG_KV.delete(error)
    time.advance(58_000)
    await runDurableObjectAlarm(stub)
    expect((await published(error))?.version).toBe(delayMs === null ? undefined : 1)
    expect(await alarmOf(stub)).toBeNull()
  })

  test('it ends up with the newest, and never gets an older one after a newer', async () => {
    const time = stopTime()
    vi.spyOn(console, 'warn').mockReturnValue()
    const stub = () => env.FAULTY_CONFIG.getByName('schedule')
    const errors = ['429 Too Many Requests', '500 Internal Server Error', '', '', '']
    const versions: number[] = []
    bindingFaults.beforePut = (_, value) => {
      versions.push((JSON.parse(value) as ConfigDocument).version)
      const error = errors[versions.length % errors.length] ?? ''
      if (error !== '') throw new Error(`KV PUT failed: ${error}`)
    }
    for (let step = 0; step < 40; step++) {
      if (step % 3 !== 1) await open('schedule', faulty).publish(`{"a":${step}}`, json)
      if (step % 4 !== 3) await runDurableObjectAlarm(stub())
      if (step % 7 === 5) await evictDurableObject(stub())
      time.advance((step % 5) * 700)
    }
    for (let at = await alarmOf(stub()); at !== null; at = await alarmOf(stub())) {
      time.advance(Math.max(0, at - Date.now()))
      await runDurableObjectAlarm(stub())
    }
    const { document } = await open('schedule', faulty).current()
    expect(document?.version).toBe(27)
    expect(await published('schedule')).toEqual(document)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    expect(versions.length).toBeGreaterThan(10)
  })
})

describe('what was in KV before', () => {
  test('a document is gone on from, with its versions and bodies', async () => {
    stopTime()
    const before = open('older', kvConfigAuthority(env.CONFIG_KV))
    await before.publish(large, json)
    await before.startRollout('{"a":2}', { ...json, percentage: 5 })
    expect(await open('older').current()).toMatchObject({
      version: 2,
      document: { stable: { body: large }, candidate: { percentage: 5 } },
    })
    // It is there as it should be: there is nothing to put.
    expect(await alarmOf(env.CONFIG.getByName('older'))).toBeNull()
    expect(await open('older').promote()).toEqual({ version: 3 })
    expect(await open('older').rollback(1)).toEqual({ version: 4 })
    expect((await open('older').current()).document?.stable.body).toBe(large)
  })

  test('a plain file becomes version 1, and can be rolled back to', async () => {
    stopTime()
    await env.CONFIG_KV.put('plain', 'a: 1\n')
    expect(await open('plain').publish('a: 2\n', { syntax: 'yaml' })).toEqual({ version: 2 })
    expect(await open('plain').rollback(1)).toEqual({ version: 3 })
    expect((await open('plain').current()).document?.stable).toMatchObject({
      body: 'a: 1\n',
      syntax: 'yaml',
    })
  })

  test('of a torn document the version is gone on from', async () => {
    stopTime()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    await env.CONFIG_KV.put('torn before', '{"codexConfig":1,"name":"a\\"b","version":57,"chan')
    expect(await open('torn before').current()).toEqual({ version: 57 })
    expect(String(warn.mock.lastCall?.[0])).toContain('"event":"config_corrupt_document"')
    expect(await alarmOf(env.CONFIG.getByName('torn before'))).toBeNull()
    expect(await open('torn before').publish('a: 2', { syntax: 'yaml' })).toEqual({ version: 58 })
  })

  test('is waited for: while it cannot be read nothing is changed', async () => {
    stopTime()
    await env.CONFIG_KV.put('unread', 'a: 1\n')
    bindingFaults.beforeGet = () => {
      throw new Error('KV GET failed: 500 Internal Server Error')
    }
    const publish = () => open('unread', faulty).publish('a: 2\n', { syntax: 'yaml' })
    await expect(publish()).rejects.toMatchObject({ code: 'unavailable' })
    bindingFaults.beforeGet = () => undefined
    expect(await publish()).toEqual({ version: 2 })
  })
})

describe('without what it needs', () => {
  test('a missing CONFIG_KV is named where a change is made, and nothing is changed', async () => {
    stopTime()
    bindingFaults.isMissing = true
    const change = { kind: 'promote', changeId: '1', author: 'ada' } as const
    const refused = async () => faulty.getByName('missing').change(change)
    await expect(refused()).rejects.toThrow(
      'Cannot change configuration: CONFIG_KV must be a KVNamespace, received undefined (is the binding configured in the worker that hosts ConfigObject?)',
    )
    expect(await faulty.getByName('missing').getDocument()).toEqual({ version: 0 })
    expect(await faulty.getByName('missing').getRelease(1)).toBeNull()
  })

  test('an object without a name makes no change', async () => {
    const object = env.CONFIG.get(env.CONFIG.newUniqueId()) as unknown as ConfigAuthorityCalls
    const refused = async () => object.change({ kind: 'promote', changeId: '1', author: 'ada' })
    await expect(refused()).rejects.toThrow(
      'the object must be reached by the name of a configuration',
    )
  })
})
