import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { dumpSecondaryStorage } from '../../../test/support/dump-secondary-storage.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { createMemorySecondaryStorage } from './secondary-storage-cell.ts'
import type { SecondaryStorageNamespace } from './secondary-storage-calls.ts'
import { createSecondaryStorage, type SecondaryStorage } from './secondary-storage.ts'

const secrets = ['a secret of these tests, of 32 characters or more']
const startMs = Date.now()
const daySeconds = 86_400

function connect(options: Partial<Parameters<typeof createSecondaryStorage>[0]> = {}) {
  return createSecondaryStorage({ namespace: env.SECONDARY_STORAGE, secrets, ...options })
}

interface SessionDraft {
  readonly userId?: string
  readonly lifetimeSeconds?: number
  readonly updatedAtMs?: number
  readonly userUpdatedAtMs?: number
  readonly role?: string
}

function sessionValue(token: string, draft: SessionDraft = {}): string {
  const {
    userId = 'user-1',
    lifetimeSeconds = 3600,
    updatedAtMs = startMs,
    userUpdatedAtMs = startMs,
    role = 'customer',
  } = draft
  return JSON.stringify({
    session: {
      id: `id-of-${token}`,
      token,
      userId,
      expiresAt: new Date(startMs + lifetimeSeconds * 1000),
      updatedAt: new Date(updatedAtMs),
    },
    user: { id: userId, role, updatedAt: new Date(userUpdatedAtMs) },
  })
}

async function listTokens(storage: SecondaryStorage, userId = 'user-1'): Promise<string[]> {
  const list = await storage.get(`active-sessions-${userId}`)
  return (JSON.parse(list ?? '[]') as { token: string }[]).map(({ token }) => token)
}

async function storeNew(
  storage: SecondaryStorage,
  token: string,
  draft: SessionDraft = {},
): Promise<void> {
  await storage.set(token, sessionValue(token, draft), draft.lifetimeSeconds ?? 3600)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: startMs })
})

afterEach(() => {
  vi.useRealTimers()
})

function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

describe('values', () => {
  test('are what was set, until they are deleted', async () => {
    const storage = connect()
    expect(await storage.get('verification:a')).toBeNull()
    await storage.set('verification:a', 'ä "text" {')
    expect(await storage.get('verification:a')).toBe('ä "text" {')
    await storage.set('verification:a', '', 60)
    expect(await storage.get('verification:a')).toBe('')
    await storage.delete('verification:a')
    expect(await storage.get('verification:a')).toBeNull()
    await storage.set('verification:a', 'again')
    expect(await storage.get('verification:a')).toBe('again')
  })

  test.for([0.5, 1, 10, 59, 60, 3600])('live for a TTL of %f s, over an eviction', async (ttl) => {
    const storage = connect()
    const key = `ttl-${ttl}`
    const before = new Set((await listDurableObjectIds(env.SECONDARY_STORAGE)).map(String))
    await storage.set(key, 'v', ttl)
    const ids = await listDurableObjectIds(env.SECONDARY_STORAGE)
    const [id] = ids.filter((each) => !before.has(String(each)))
    if (id === undefined) throw new Error('no object')
    await evictDurableObject(env.SECONDARY_STORAGE.get(id))
    pass(ttl - 0.001)
    expect(await storage.get(key)).toBe('v')
    pass(0.001)
    expect(await storage.get(key)).toBeNull()
    expect(await storage.getAndDelete(key)).toBeNull()
  })

  test('are over at once with a TTL of 0 or less', async () => {
    const storage = connect()
    await storage.set('over', 'v')
    await storage.set('over', 'w', 0)
    expect(await storage.get('over')).toBeNull()
    await storage.set('over', 'w', -1)
    expect(await storage.get('over')).toBeNull()
  })

  test('go to one of 50 who take them at once', async () => {
    const storage = connect()
    await storage.set('verification:once', 'v', 300)
    const taken = await Promise.all(
      Array.from({ length: 50 }, () => storage.getAndDelete('verification:once')),
    )
    expect(taken.filter((value) => value === 'v')).toHaveLength(1)
    expect(taken.filter((value) => value === null)).toHaveLength(49)
  })

  test('leave nothing behind when they are over', async () => {
    const storage = connect()
    const before = new Set((await dumpSecondaryStorage()).map(({ id }) => id))
    await storage.set('left', 'v', 10)
    await storage.increment('left-count', 10)
    await storeNew(storage, 'left-session', { userId: 'left', lifetimeSeconds: 10 })
    await storage.delete('left-session')
    const mine = (await dumpSecondaryStorage()).filter(({ id }) => !before.has(id))
    expect(mine).toHaveLength(4)
    pass(daySeconds - 1)
    await runAlarms()
    expect((await dumpSecondaryStorage()).filter(({ id }) => !before.has(id))).toHaveLength(2)
    pass(1)
    await runAlarms()
    expect((await dumpSecondaryStorage()).filter(({ id }) => !before.has(id))).toHaveLength(0)
  })
})

async function runAlarms(): Promise<void> {
  for (const id of await listDurableObjectIds(env.SECONDARY_STORAGE)) {
    await runDurableObjectAlarm(env.SECONDARY_STORAGE.get(id))
  }
}

describe('counts', () => {
  test('give 1 to 50 once each to 50 who increment at once', async () => {
    const storages = [connect(), connect()]
    const counts = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => storages[index % 2]?.increment('many', 60)),
    )
    expect(counts.toSorted((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
    expect(await connect().get('many')).toBe('50')
  })

  test('begin again one TTL after the first, which none of them renews', async () => {
    const { increment } = connect()
    expect(await increment('window', 10)).toBe(1)
    pass(9.999)
    expect(await increment('window', 10)).toBe(2)
    pass(0.001)
    expect(await increment('window', 10)).toBe(1)
  })

  test('are no values: neither takes the other’s place by incrementing', async () => {
    const storage = connect()
    await storage.set('verification:value', '7')
    await expect(storage.increment('verification:value', 10)).rejects.toThrow(
      'Cannot increment stored count: the key holds a value',
    )
    expect(await storage.get('verification:value')).toBe('7')
  })

  test.for([0, -1, NaN, Infinity])('refuse a TTL of %f', async (ttl) => {
    await expect(connect().increment('bad', ttl)).rejects.toThrow(RangeError)
  })
})

describe('sessions', () => {
  test('are listed for their user from the moment they are stored until they are deleted', async () => {
    const storage = connect()
    await Promise.all(
      ['l-1', 'l-2', 'l-3'].map((token) => storeNew(storage, token, { userId: 'l' })),
    )
    await storeNew(storage, 'of-another', { userId: 'm' })
    expect((await listTokens(storage, 'l')).toSorted()).toEqual(['l-1', 'l-2', 'l-3'])
    await storage.delete('l-2')
    expect((await listTokens(storage, 'l')).toSorted()).toEqual(['l-1', 'l-3'])
    expect(await storage.getAndDelete('l-1')).toContain('id-of-l-1')
    expect(await listTokens(storage, 'l')).toEqual(['l-3'])
    await storage.delete('l-3')
    expect(await storage.get('active-sessions-l')).toBeNull()
  })

  test('stay on the list whatever is written over it or deletes it', async () => {
    const storage = connect()
    const expiresAt = startMs + 3_600_000
    await storeNew(storage, 'w-1', { userId: 'w' })
    await storage.set('active-sessions-w', JSON.stringify([{ token: 'w-2', expiresAt }]), 3600)
    expect((await listTokens(storage, 'w')).toSorted()).toEqual(['w-1', 'w-2'])
    await storage.delete('active-sessions-w')
    await storage.set('active-sessions-w', '[]', 3600)
    await storage.set('active-sessions-w', 'no list', 3600)
    expect((await listTokens(storage, 'w')).toSorted()).toEqual(['w-1', 'w-2'])
  })

  test('are refused once they were deleted, until they would have expired and a day at least', async () => {
    const storage = connect()
    await storeNew(storage, 'gone', { userId: 'g', lifetimeSeconds: 3 * daySeconds })
    await storage.delete('gone')
    for (const seconds of [0, daySeconds, daySeconds, daySeconds - 1]) {
      pass(seconds)
      await storage.set('gone', sessionValue('gone', { userId: 'g', lifetimeSeconds: 1e6 }), 1e6)
      expect(await storage.get('gone')).toBeNull()
      expect(await listTokens(storage, 'g')).toEqual([])
    }
  })

  test('that are deleted before they are stored are refused', async () => {
    const storage = connect()
    await storage.delete('early')
    await storeNew(storage, 'early', { userId: 'e' })
    expect(await storage.get('early')).toBeNull()
    expect(await listTokens(storage, 'e')).toEqual([])
  })

  test('and their users keep what was changed last, also where an older copy is written later', async () => {
    const storage = connect()
    const read = async () => JSON.parse(String(await storage.get('merged'))) as unknown
    await storeNew(storage, 'merged', { lifetimeSeconds: 100 })
    const newUser = { role: 'owner', userUpdatedAtMs: startMs + 2 }
    const newSession = { lifetimeSeconds: 7200, updatedAtMs: startMs + 3 }
    await storage.set('merged', sessionValue('merged', { lifetimeSeconds: 100, ...newUser }), 100)
    await storage.set('merged', sessionValue('merged', newSession), 7200)
    expect(await read()).toEqual(JSON.parse(sessionValue('merged', { ...newUser, ...newSession })))
    await storage.set('merged', sessionValue('merged', { lifetimeSeconds: 100 }), 100)
    pass(7199)
    expect(await read()).toEqual(JSON.parse(sessionValue('merged', { ...newUser, ...newSession })))
  })

  test('of another shape are stored as they are, and listed all the same', async () => {
    const storage = connect()
    const { session } = JSON.parse(sessionValue('odd', { userId: 'o' })) as { session: unknown }
    const value = JSON.stringify({ session, user: null, impersonated: true })
    await storage.set('odd', value, 3600)
    expect(await storage.get('odd')).toBe(value)
    expect(await listTokens(storage, 'o')).toEqual(['odd'])
  })

  test('never live unlisted, and never after a deletion that returned, however calls interleave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), actions, async (scheduler, plan) => {
        const clock = new ManualClock(startMs)
        const inner = createMemorySecondaryStorage({ now: clock.now })
        const storage = connect({ namespace: delayed(inner, scheduler), timeoutMs: 1e9 })
        const direct = connect({ namespace: inner })
        const deleted = new Set<string>()
        const work = Promise.all(
          plan.map(async ({ token, action }) => {
            if (action === 'store') await storeNew(storage, token)
            if (action === 'refresh' && (await storage.get(token)) !== null) {
              await storeNew(storage, token)
            }
            if (action === 'delete') await storage.delete(token)
            if (action === 'read') {
              const wasDeleted = deleted.has(token)
              const value = await storage.get(token)
              expect(wasDeleted && value !== null).toBe(false)
            }
            if (action === 'end all') {
              for (const each of await listTokens(storage)) {
                await storage.delete(each)
                deleted.add(each)
              }
            }
            if (action === 'delete') deleted.add(token)
            const listed = await listTokens(direct)
            for (const each of tokens) {
              if (!listed.includes(each)) expect(await direct.get(each)).toBeNull()
            }
          }),
        )
        await scheduler.waitFor(work)
        for (const token of deleted) expect(await direct.get(token)).toBeNull()
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})

const tokens = ['t-1', 't-2', 't-3']
const actions = fc.array(
  fc.record({
    token: fc.constantFrom(...tokens),
    action: fc.constantFrom('store', 'refresh', 'delete', 'read', 'end all'),
  }),
  { maxLength: 12 },
)

/** Calls that arrive, and whose replies arrive, in an order of the scheduler’s. */
function delayed(
  namespace: SecondaryStorageNamespace,
  scheduler: fc.Scheduler,
): SecondaryStorageNamespace {
  return {
    getByName: (name) =>
      new Proxy(namespace.getByName(name), {
        get: (cell, name) => {
          const method = String(name)
          const calls = cell as unknown as Record<string, (...args: unknown[]) => unknown>
          const call = (...args: unknown[]): unknown => calls[method]?.apply(cell, args)
          return async (...args: unknown[]) => {
            await scheduler.schedule(Promise.resolve(), `request ${method}`)
            const reply = call(...args)
            await scheduler.schedule(Promise.resolve(), `reply ${method}`)
            return reply
          }
        },
      }),
  }
}

describe('secrets', () => {
  test('may be rotated, and a value that none of them opens is missing and reported', async () => {
    const [oldSecret = ''] = secrets
    const newSecret = 'another secret, of 32 characters or more'
    await connect().set('verification:sealed', 'v')
    const rotated = connect({ secrets: [newSecret, oldSecret] })
    expect(await rotated.get('verification:sealed')).toBe('v')
    const events: ClientEvent[] = []
    const other = connect({ secrets: [newSecret], onEvent: (event) => events.push(event) })
    expect(await other.get('verification:sealed')).toBeNull()
    expect(events).toMatchObject([{ type: 'corrupt_value', client: 'secondary-storage' }])
    await rotated.set('verification:sealed', 'w')
    expect(await other.get('verification:sealed')).toBe('w')
  })

  test('open nothing that was moved to another key', async () => {
    const inner = createMemorySecondaryStorage()
    const storage = connect({ namespace: inner, onEvent: () => undefined })
    await storage.set('verification:mine', 'v')
    const moved = connect({
      namespace: { getByName: () => inner.getByName([...names].at(-1) ?? '') },
      onEvent: () => undefined,
    })
    const names = new Set<string>()
    const recording: SecondaryStorageNamespace = {
      getByName: (name) => {
        names.add(name)
        return inner.getByName(name)
      },
    }
    expect(await connect({ namespace: recording }).get('verification:mine')).toBe('v')
    expect(await moved.get('verification:theirs')).toBeNull()
    expect(await moved.get('verification:mine')).toBe('v')
  })

  test.for([[[]], [['short']], [[secrets[0], 'short']], ['text'], [undefined]])(
    'of %j are refused',
    ([bad]) => {
      expect(() => connect({ secrets: bad as string[] })).toThrow(RangeError)
    },
  )
})

describe('failures', () => {
  const broken = (error: Error): SecondaryStorageNamespace => ({
    getByName: () =>
      new Proxy({} as ReturnType<SecondaryStorageNamespace['getByName']>, {
        get: () => () => Promise.reject(error),
      }),
  })

  test('of an object reject, and are never taken for "not there"', async () => {
    const storage = connect({ namespace: broken(new Error('network')) })
    const calls = [
      storage.get('k'),
      storage.getAndDelete('k'),
      storage.increment('k', 1),
      storage.set('k', 'v'),
      storage.delete('k'),
      storage.get('active-sessions-u'),
      storeNew(storage, 'token'),
    ]
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ name: 'SessionError', code: 'unavailable' })
    }
    const overloaded = Object.assign(new Error('overloaded'), { overloaded: true })
    await expect(connect({ namespace: broken(overloaded) }).get('k')).rejects.toMatchObject({
      code: 'overloaded',
      retryable: false,
    })
  })

  test('to answer in time reject', async () => {
    const clock = new ManualClock(0)
    const namespace: SecondaryStorageNamespace = {
      getByName: () =>
        new Proxy({} as ReturnType<SecondaryStorageNamespace['getByName']>, {
          get: () => () => new Promise(() => undefined),
        }),
    }
    const reading = connect({ namespace, timers: clock, timeoutMs: 2000 }).get('k')
    clock.advance(2)
    await expect(reading).rejects.toMatchObject({ code: 'no_answer', retryable: true })
  })

  test('of the caller are named', async () => {
    expect(() => connect({ namespace: undefined as never })).toThrow(TypeError)
    expect(() => connect({ timeoutMs: 0 })).toThrow(RangeError)
    await expect(connect().get('')).rejects.toThrow(TypeError)
    await expect(connect().set('k', undefined as never)).rejects.toThrow(TypeError)
    await expect(connect().set('k', 'v', NaN)).rejects.toThrow(RangeError)
  })
})

test('stores no key and no value in clear', async () => {
  const storage = connect()
  await storage.set('verification:a-key-in-clear', 'a-value-in-clear', 300)
  await storeNew(storage, 'a-token-in-clear', {
    userId: 'a-user-in-clear',
    role: 'a-role-in-clear',
  })
  await storage.increment('a-count-in-clear', 60)
  const dump = await dumpSecondaryStorage()
  expect(dump.length).toBeGreaterThanOrEqual(4)
  for (const { text } of dump) expect(text).not.toContain('in-clear')
  // The scan would see it.
  const [first] = await listDurableObjectIds(env.SECONDARY_STORAGE)
  if (first === undefined) throw new Error('no object')
  await runInDurableObject(env.SECONDARY_STORAGE.get(first), (_, { storage: rows }) => {
    rows.kv.put('probe', { parts: [{ sealed: new TextEncoder().encode('a-probe-in-clear') }] })
  })
  expect((await dumpSecondaryStorage()).some(({ text }) => text.includes('in-clear'))).toBe(true)
})
