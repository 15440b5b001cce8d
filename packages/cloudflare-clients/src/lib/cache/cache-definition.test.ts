import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, dumpKV, failingKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { circuitBreaker } from '../kv/circuit-breaker.ts'
import { CacheClient, type CacheClientOptions } from './cache-client.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { deleteByPrefix } from './delete-by-prefix.ts'
import { loadMany } from './load-many.ts'
import { schemaFormat } from './schema-format.ts'
import { valueFormat } from './value-format.ts'
import { xfetch } from './xfetch.ts'
import { clearDefinition } from './clear-definition.ts'
import { expireTags } from './expire-tags.ts'

const clocks = new Set<ManualClock>()
/** What isolates have left to do. */
const backgroundWork: Promise<unknown>[] = []

afterEach(async () => {
  let isDone = false
  void Promise.all(backgroundWork.splice(0)).then(() => (isDone = true))
  await vi.waitUntil(() => {
    // Writes that wait for their second.
    for (const clock of clocks) clock.advance(1)
    return isDone
  })
  clocks.clear()
  await reset()
})

interface User {
  readonly name: string
}

/** An isolate: a client with a clock of its own and its background work collected. */
function createIsolate(
  options: CacheClientOptions & { kv?: KVNamespace; clock?: ManualClock } = {},
): {
  clock: ManualClock
  cache: CacheClient
  events: ClientEvent[]
  operations: ReturnType<typeof countKV>['operations']
  settle: () => Promise<void>
} {
  const { kv = env.KV, clock = new ManualClock(Date.now()), ...rest } = options
  clocks.add(clock)
  const events: ClientEvent[] = []
  const work: Promise<unknown>[] = []
  const counted = countKV(kv)
  const cache = new CacheClient(counted.kv, {
    now: clock.now,
    timers: clock,
    onEvent: (event) => events.push(event),
    waitUntil: (one) => {
      work.push(one)
      backgroundWork.push(one)
    },
    random: () => 0,
    ...rest,
  })
  const settle = async (): Promise<void> => {
    while (work.length > 0) await Promise.all(work.splice(0))
  }
  return { clock, cache, events, operations: counted.operations, settle }
}

/** An origin whose answers carry the number of the load. */
function createOrigin(): { load: (id: string) => Promise<User | null>; loads: string[] } {
  const loads: string[] = []
  return {
    loads,
    load: (id) => {
      loads.push(id)
      return Promise.resolve({ name: `${id} ${loads.length}` })
    },
  }
}

function defineUsers(
  cache: CacheClient,
  options: Partial<CacheDefinitionOptions<string, User>> &
    Pick<CacheDefinitionOptions<string, User>, 'load'>,
): ReturnType<typeof cache.define<string, User>> {
  return cache.define('user', { fresh: 60, ...options })
}

describe('a read', () => {
  test('loads what nobody has, then answers from memory at no cost', async () => {
    const { cache, operations, settle } = createIsolate()
    const origin = createOrigin()
    const users = defineUsers(cache, origin)
    expect(await users.read('ada')).toMatchObject({
      value: { name: 'ada 1' },
      status: 'miss',
      tier: 'origin',
    })
    await settle()
    expect(await users.read('ada')).toMatchObject({
      value: { name: 'ada 1' },
      status: 'hit',
      tier: 'memory',
    })
    expect(operations).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
    expect(origin.loads).toEqual(['ada'])
  })

  test('costs another isolate one read, and the next nothing', async () => {
    const first = createIsolate()
    await defineUsers(first.cache, createOrigin()).get('ada')
    await first.settle()
    const { cache, operations } = createIsolate()
    const origin = createOrigin()
    const users = defineUsers(cache, origin)
    expect(await users.read('ada')).toMatchObject({ status: 'hit', tier: 'kv' })
    expect(await users.read('ada')).toMatchObject({ status: 'hit', tier: 'memory' })
    expect(operations).toEqual({ read: 1, write: 0, delete: 0, list: 0 })
    expect(origin.loads).toEqual([])
  })

  test('says how long ago the load of its value began', async () => {
    const { cache, clock } = createIsolate()
    const users = defineUsers(cache, {
      load: () => {
        clock.advance(3)
        return Promise.resolve({ name: 'slow' })
      },
    })
    expect((await users.read('ada')).ageMs).toBeCloseTo(3000)
    clock.advance(5)
    expect((await users.read('ada')).ageMs).toBeCloseTo(8000)
  })

  test.for([1, 50, 500])('is one load, one read and one write for %d at once', async (count) => {
    const { cache, operations, settle } = createIsolate()
    const origin = createOrigin()
    const users = defineUsers(cache, origin)
    const values = await Promise.all(Array.from({ length: count }, () => users.get('ada')))
    await settle()
    expect(new Set(values.map((value) => value?.name))).toEqual(new Set(['ada 1']))
    expect(origin.loads).toEqual(['ada'])
    expect(operations).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
  })

  test('gives the same frozen value on a miss and on a hit', async () => {
    const { cache } = createIsolate()
    const when = new Date(0)
    const events = cache.define('event', {
      load: () => Promise.resolve({ when, tags: ['a'] }),
      fresh: 60,
    })
    const missed = await events.get('x')
    expect(missed).toEqual({ when: when.toJSON(), tags: ['a'] })
    expect(await events.get('x')).toBe(missed)
    expect(() => missed?.tags.push('b')).toThrow(TypeError)
    expect(when).not.toSatisfy(Object.isFrozen)
  })
})

describe('freshness', () => {
  test('ends after fresh where nothing else is allowed', async () => {
    const { cache, clock, settle } = createIsolate()
    const users = defineUsers(cache, createOrigin())
    await users.get('ada')
    await settle()
    clock.advance(59.99)
    expect(await users.get('ada')).toEqual({ name: 'ada 1' })
    clock.advance(0.01)
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 2' }, status: 'miss' })
  })

  test('counts from when the load began', async () => {
    const { cache, clock } = createIsolate()
    const users = defineUsers(cache, {
      load: () => {
        clock.advance(50)
        return Promise.resolve({ name: 'slow' })
      },
    })
    await users.get('ada')
    clock.advance(9.99)
    expect((await users.read('ada')).status).toBe('hit')
    clock.advance(0.01)
    expect((await users.read('ada')).status).toBe('miss')
  })

  test('is shortened by chance and never lengthened', async () => {
    const { cache, clock } = createIsolate({ random: () => 0.5 })
    const users = defineUsers(cache, { ...createOrigin(), jitter: 0.2 })
    await users.get('ada')
    clock.advance(53.99)
    expect((await users.read('ada')).status).toBe('hit')
    clock.advance(0.01)
    expect((await users.read('ada')).status).toBe('miss')
  })

  test('may be set by the loader', async () => {
    const { cache, clock } = createIsolate()
    const users = defineUsers(cache, {
      load: (id, { setFresh }) => {
        setFresh('5s')
        return Promise.resolve({ name: id })
      },
    })
    await users.get('ada')
    clock.advance(4.99)
    expect((await users.read('ada')).status).toBe('hit')
    clock.advance(0.01)
    expect((await users.read('ada')).status).toBe('miss')
  })

  test('of a missing value is that of negative', async () => {
    const { cache, clock, operations } = createIsolate()
    let loads = 0
    const users = defineUsers(cache, {
      load: () => {
        loads++
        return Promise.resolve(null)
      },
      negative: 10,
      stale: 1000,
    })
    expect(await users.read('nobody')).toMatchObject({ value: null, status: 'miss' })
    clock.advance(9.99)
    expect(await users.read('nobody')).toMatchObject({ value: null, status: 'negative' })
    expect(loads).toBe(1)
    clock.advance(0.01)
    expect(await users.read('nobody')).toMatchObject({ value: null, status: 'miss' })
    expect(loads).toBe(2)
    expect(operations.write).toBeGreaterThan(0)
  })

  test('does not come from undefined, which is null for the caller and not stored', async () => {
    const { cache, settle } = createIsolate()
    let loads = 0
    const users = defineUsers(cache, {
      load: () => {
        loads++
        return Promise.resolve(undefined)
      },
    })
    expect(await users.get('ada')).toBeNull()
    expect(await users.get('ada')).toBeNull()
    await settle()
    expect(loads).toBe(2)
    expect(await dumpKV(env.KV)).toEqual([])
  })
})

describe('stale', () => {
  test('is served at once while one load refreshes it', async () => {
    const { cache, clock, operations, settle } = createIsolate()
    const origin = createOrigin()
    const users = defineUsers(cache, { ...origin, stale: 600 })
    await users.get('ada')
    await settle()
    clock.advance(100)
    const reads = await Promise.all(Array.from({ length: 50 }, () => users.read('ada')))
    expect(new Set(reads.map(({ status, value }) => `${status} ${value?.name ?? ''}`))).toEqual(
      new Set(['stale ada 1']),
    )
    await settle()
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 2' }, status: 'hit' })
    expect(origin.loads).toHaveLength(2)
    expect(operations).toEqual({ read: 2, write: 2, delete: 0, list: 0 })
  })

  test('starts a refresh once, and again when it has not ended in 30 seconds', async () => {
    // Without an anchor, a refresh may die with the request that began it.
    const { cache, clock } = createIsolate({ waitUntil: undefined })
    const load = vi.fn<() => Promise<User>>().mockResolvedValueOnce({ name: 'ada' })
    load.mockReturnValue(new Promise(() => undefined))
    const users = defineUsers(cache, { load, fresh: 10, stale: 600 })
    await users.get('ada')
    clock.advance(10)
    await users.get('ada')
    clock.advance(29.999)
    await users.get('ada')
    expect(load).toHaveBeenCalledTimes(2)
    clock.advance(0.001)
    await users.get('ada')
    expect(load).toHaveBeenCalledTimes(3)
  })

  test.for([true, false])('refreshes that fail reject nowhere: anchored %s', async (isAnchored) => {
    const anchored: Promise<unknown>[] = []
    const { cache, clock, events } = createIsolate({
      waitUntil: isAnchored ? (work) => anchored.push(work) : undefined,
    })
    const load = vi.fn<() => Promise<User>>().mockResolvedValueOnce({ name: 'ada' })
    load.mockRejectedValue(new Error('database down'))
    const users = defineUsers(cache, { load, stale: 600 })
    await users.get('ada')
    await Promise.all(anchored.splice(0))
    clock.advance(60)
    expect((await users.read('ada')).status).toBe('stale')
    await vi.waitUntil(() => events.length > 0)
    expect(anchored.length > 0).toBe(isAnchored)
    await expect(Promise.all(anchored)).resolves.toBeDefined()
    expect(events).toEqual([expect.objectContaining({ type: 'load_error' })])
  })

  test('is not served past its end', async () => {
    const { cache, clock, settle } = createIsolate()
    const users = defineUsers(cache, { ...createOrigin(), stale: 600 })
    await users.get('ada')
    await settle()
    clock.advance(660)
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 2' }, status: 'miss' })
  })

  test('stands in for a failed load, with longer and longer pauses between tries', async () => {
    const { cache, clock, events, settle } = createIsolate()
    const failure = new Error('database down')
    const load = vi.fn<(id: string) => Promise<User | null>>()
    load.mockResolvedValueOnce({ name: 'ada' })
    load.mockRejectedValue(failure)
    const users = defineUsers(cache, { load, staleIfError: '1d' })
    await users.get('ada')
    await settle()
    clock.advance(60)
    for (let i = 0; i < 3; i++) {
      expect(await users.read('ada')).toMatchObject({
        value: { name: 'ada' },
        status: 'stale_if_error',
      })
    }
    expect(load).toHaveBeenCalledTimes(2)
    expect(events).toEqual([
      { type: 'load_error', client: 'cache', key: 'cache:user:ada', error: failure },
    ])
    clock.advance(4.99)
    await users.get('ada')
    expect(load).toHaveBeenCalledTimes(2)
    clock.advance(0.01)
    await users.get('ada')
    expect(load).toHaveBeenCalledTimes(3)
    clock.advance(9.99)
    await users.get('ada')
    expect(load).toHaveBeenCalledTimes(3)
    clock.advance(0.01)
    load.mockResolvedValueOnce({ name: 'back' })
    expect(await users.read('ada')).toMatchObject({ value: { name: 'back' }, status: 'miss' })
    await settle()
    clock.advance(86_400 + 60)
    await expect(users.get('ada')).rejects.toBe(failure)
  })

  test.for([
    [19.999, 'stale_if_error'],
    [20, 'none'],
  ] as const)('stands in for a failed load before its end: after %d s it is %s', async (row) => {
    const [seconds, expected] = row
    const { cache, clock, settle } = createIsolate()
    const load = vi.fn<(id: string) => Promise<User | null>>().mockRejectedValue(new Error('down'))
    load.mockResolvedValueOnce({ name: 'ada' })
    const users = defineUsers(cache, { load, fresh: 10, staleIfError: 10, errorBackoff: 0 })
    await users.get('ada')
    await settle()
    clock.advance(seconds)
    const status = await users.read('ada').then(
      (read) => read.status,
      () => 'none',
    )
    expect(status).toBe(expected)
  })

  test('stands in for a load that is slower than the soft timeout', async () => {
    const { cache, clock, settle } = createIsolate()
    const gate = Promise.withResolvers<User>()
    const load = vi.fn<(id: string) => Promise<User | null>>()
    load.mockResolvedValueOnce({ name: 'ada' }).mockReturnValueOnce(gate.promise)
    const users = defineUsers(cache, { load, staleIfError: '1d', softTimeout: '20ms' })
    await users.get('ada')
    await settle()
    clock.advance(61)
    const reading = users.read('ada')
    await vi.waitFor(
      () => {
        expect(load).toHaveBeenCalledTimes(2)
      },
      { timeout: 30_000 },
    )
    clock.advance(0.02)
    expect(await reading).toMatchObject({ status: 'stale_if_error' })
    gate.resolve({ name: 'late' })
    await settle()
    expect(await users.read('ada')).toMatchObject({ value: { name: 'late' }, status: 'hit' })
  })
})

describe('a load', () => {
  test('that fails reaches every caller unchanged, and is tried again by the next', async () => {
    const { cache, events } = createIsolate()
    const failure = new Error('database down')
    const load = vi.fn<() => Promise<User>>()
    load.mockRejectedValueOnce(failure).mockResolvedValueOnce({ name: 'ada' })
    const users = defineUsers(cache, { load })
    const reads = await Promise.allSettled([users.get('ada'), users.get('ada')])
    expect(reads.map((read) => read.status === 'rejected' && read.reason === failure)).toEqual([
      true,
      true,
    ])
    expect(await users.get('ada')).toEqual({ name: 'ada' })
    expect(events).toEqual([])
  })

  test('that throws at once rejects', async () => {
    const { cache } = createIsolate()
    const users = defineUsers(cache, {
      load: () => {
        throw new TypeError('wrong')
      },
    })
    await expect(users.get('ada')).rejects.toThrow('wrong')
    await expect(users.get('ada')).rejects.toThrow('wrong')
  })

  test('is told of the value it replaces, and an unchanged one is not written again', async () => {
    const { cache, clock, operations, settle } = createIsolate()
    const seen: unknown[] = []
    const users = defineUsers(cache, {
      load: (id, { previous }) => {
        seen.push(previous)
        return Promise.resolve(previous?.value ?? { name: id })
      },
      refreshAhead: 0.1,
    })
    await users.get('ada')
    await settle()
    clock.advance(10)
    expect(await users.read('ada')).toMatchObject({ status: 'hit' })
    await settle()
    expect(seen).toEqual([
      null,
      expect.objectContaining({ value: { name: 'ada' }, ageMs: expect.closeTo(10_000) as unknown }),
    ])
    expect(operations.write).toBe(1)
  })

  test('ahead of the end refreshes in the background', async () => {
    const { cache, clock, operations, settle } = createIsolate()
    const origin = createOrigin()
    const users = defineUsers(cache, { ...origin, refreshAhead: 0.8, memory: 60 })
    await users.get('ada')
    await settle()
    clock.advance(47.9)
    await users.get('ada')
    await settle()
    expect(origin.loads).toHaveLength(1)
    clock.advance(0.1)
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 1' }, status: 'hit' })
    await settle()
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 2' }, status: 'hit' })
    expect(operations.write).toBe(2)
  })

  test.for([
    [0.1, 'ada 1'],
    [0.99, 'ada 2'],
  ] as const)('refreshes early where chance says so (%d)', async ([draw, later]) => {
    let chance = 0
    const { cache, clock, settle } = createIsolate({ random: () => chance })
    let loads = 0
    const users = defineUsers(cache, {
      load: (id) => {
        clock.advance(1)
        return Promise.resolve({ name: `${id} ${++loads}` })
      },
      refreshAhead: xfetch(),
      jitter: 0,
      memory: 60,
    })
    await users.get('ada')
    await settle()
    chance = draw
    // 2 s before the end, with a load that takes 1 s: early where -ln(1 - draw) is at least 2.
    clock.advance(57)
    expect(await users.get('ada')).toEqual({ name: 'ada 1' })
    await settle()
    expect(await users.get('ada')).toEqual({ name: later })
  })
})

describe('many', () => {
  test('costs one bulk read for 100 keys and one loadMany for what misses', async () => {
    const calls: unknown[][] = []
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) => {
        calls.push(args)
        return real(...args)
      },
    })
    const { cache, operations, settle } = createIsolate({ kv })
    const loadUsers = vi.fn((ids: readonly string[]) =>
      Promise.resolve(new Map(ids.filter((id) => id !== '7').map((id) => [id, { name: id }]))),
    )
    const users = defineUsers(cache, { load: loadMany(loadUsers) })
    const ids = Array.from({ length: 100 }, (_, i) => String(i))
    const found = await users.getMany(ids)
    await settle()
    expect([...found.keys()]).toEqual(ids)
    expect(found.get('3')).toEqual({ name: '3' })
    expect(found.get('7')).toBeNull()
    expect(calls).toHaveLength(1)
    expect(loadUsers).toHaveBeenCalledTimes(1)
    expect(operations).toEqual({ read: 100, write: 100, delete: 0, list: 0 })
    const other = createIsolate({ kv })
    calls.length = 0
    const again = defineUsers(other.cache, {
      load: () => Promise.reject(new Error('loaded again')),
    })
    expect(await again.getMany(ids)).toEqual(found)
    expect(calls).toHaveLength(1)
    expect(await again.getMany(ids)).toEqual(found)
    expect(calls).toHaveLength(1)
  })

  test('splits 250 keys into three bulk reads', async () => {
    let calls = 0
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) => {
        calls++
        return real(...args)
      },
    })
    const { cache } = createIsolate({ kv })
    const origin = createOrigin()
    const found = await defineUsers(cache, origin).getMany(
      Array.from({ length: 250 }, (_, i) => String(i)),
    )
    expect(found.size).toBe(250)
    expect(calls).toBe(3)
  })
})

describe('invalidation', () => {
  test('by delete is known here at once, and fences a load that is under way', async () => {
    const { cache, clock, settle } = createIsolate()
    const older = Promise.withResolvers<User>()
    const load = vi.fn<() => Promise<User>>()
    load.mockReturnValueOnce(older.promise).mockResolvedValue({ name: 'newer' })
    const users = defineUsers(cache, { load })
    const reading = users.get('ada')
    await vi.waitFor(
      () => {
        expect(load).toHaveBeenCalledTimes(1)
      },
      { timeout: 30_000 },
    )
    await users.delete('ada')
    clock.advance(2)
    expect(await users.get('ada')).toEqual({ name: 'newer' })
    older.resolve({ name: 'older' })
    expect(await reading).toEqual({ name: 'older' })
    await settle()
    expect(await users.get('ada')).toEqual({ name: 'newer' })
    expect(await env.KV.get('cache:user:ada', 'json')).toEqual({ name: 'newer' })
  })

  test('by put replaces the value here at once and in KV', async () => {
    const { cache } = createIsolate()
    const users = defineUsers(cache, createOrigin())
    await users.put('ada', { name: 'saved' })
    expect(await users.read('ada')).toMatchObject({ value: { name: 'saved' }, tier: 'memory' })
    expect(await env.KV.get('cache:user:ada', 'json')).toEqual({ name: 'saved' })
  })

  test('by expire loads anew, and keeps the value for a load that fails', async () => {
    const { cache, clock, settle } = createIsolate()
    const load = vi.fn<() => Promise<User>>().mockResolvedValueOnce({ name: 'ada' })
    const users = defineUsers(cache, { load, stale: 600, staleIfError: '1d' })
    await users.get('ada')
    await settle()
    clock.advance(2)
    await users.expire('ada')
    clock.advance(2)
    load.mockRejectedValueOnce(new Error('database down'))
    expect(await users.read('ada')).toMatchObject({
      value: { name: 'ada' },
      status: 'stale_if_error',
    })
    clock.advance(5)
    load.mockResolvedValueOnce({ name: 'newer' })
    expect(await users.read('ada')).toMatchObject({ value: { name: 'newer' }, status: 'miss' })
  })

  test('by expire is obeyed by another isolate, and is a delete where nothing may stand in', async () => {
    const { cache, clock, operations, settle } = createIsolate()
    const options = { ...createOrigin(), stale: 600 }
    const users = defineUsers(cache, { ...options, staleIfError: '1d' })
    await users.get('ada')
    await settle()
    clock.advance(2)
    await users.expire('ada')
    expect(operations).toEqual({ read: 2, write: 2, delete: 0, list: 0 })
    const other = createIsolate({ clock })
    const theirs = defineUsers(other.cache, {
      load: () => Promise.reject(new Error('database down')),
      stale: 600,
      staleIfError: '1d',
    })
    expect((await theirs.read('ada')).status).toBe('stale_if_error')
    const third = createIsolate({ clock })
    const short = defineUsers(third.cache, options)
    await short.get('ada')
    await third.settle()
    clock.advance(2)
    await short.expire('ada')
    expect(third.operations.delete).toBe(1)
  })

  test('by tag reaches this isolate at once and others with the entry, in one call', async () => {
    const clock = new ManualClock(Date.now())
    let calls = 0
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) => {
        calls++
        return real(...args)
      },
    })
    const tags = ['a', 'b', 'c', 'd', 'e']
    const options = { ...createOrigin(), tags: () => tags }
    const first = createIsolate({ clock, kv })
    const users = defineUsers(first.cache, options)
    await users.get('ada')
    await first.settle()
    expect(calls).toBe(1)
    clock.advance(2)
    await expireTags(first.cache, ['c'])
    expect(await users.get('ada')).toEqual({ name: 'ada 2' })
    await first.settle()
    clock.advance(2)
    await expireTags(first.cache, ['c'])
    const second = createIsolate({ clock, kv })
    calls = 0
    expect(await defineUsers(second.cache, options).read('ada')).toMatchObject({
      value: { name: 'ada 3' },
      status: 'miss',
    })
    expect(calls).toBe(1)
    expect(second.operations.read).toBe(6)
  })

  test('by tag has whoever comes later join no load that began before', async () => {
    const { cache } = createIsolate()
    const older = Promise.withResolvers<User>()
    const load = vi.fn<() => Promise<User>>().mockReturnValueOnce(older.promise)
    load.mockResolvedValue({ name: 'newer' })
    const users = defineUsers(cache, { load, tags: () => ['t'] })
    const before = users.get('ada')
    await vi.waitUntil(() => load.mock.calls.length === 1)
    await expireTags(cache, ['t'])
    expect(await users.get('ada')).toEqual({ name: 'newer' })
    older.resolve({ name: 'older' })
    expect(await before).toEqual({ name: 'older' })
  })

  test('by tag is asked of KV again when memory has passed, and not before', async () => {
    const { cache, clock, operations, settle } = createIsolate()
    const users = defineUsers(cache, {
      ...createOrigin(),
      fresh: 600,
      memory: 10,
      tags: () => ['t'],
    })
    await users.get('ada')
    await settle()
    clock.advance(9.999)
    await users.get('bob')
    await settle()
    expect(operations.read).toBe(3)
    clock.advance(0.001)
    await users.get('eve')
    expect(operations.read).toBe(5)
  })

  test('by clear ends every value of a definition, also for stale reads', async () => {
    const { cache, clock, settle } = createIsolate()
    const users = defineUsers(cache, { ...createOrigin(), clearable: true, stale: 600 })
    const others = cache.define('other', { load: () => Promise.resolve(1), fresh: 60 })
    await users.get('ada')
    await others.get('x')
    await settle()
    clock.advance(1)
    await clearDefinition(cache, users)
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 2' }, status: 'miss' })
    expect((await others.read('x')).status).toBe('hit')
    await expect(clearDefinition(cache, others)).rejects.toThrow('clearable must be true')
  })

  test('by prefix is known to definitions', async () => {
    const { cache, clock, settle } = createIsolate()
    const users = defineUsers(cache, createOrigin())
    await users.get('ada')
    await settle()
    clock.advance(1)
    await deleteByPrefix(cache, 'cache:user:')
    expect(await users.get('ada')).toEqual({ name: 'ada 2' })
  })

  test('rejects when KV fails, and is obeyed here all the same', async () => {
    const kv = failingKV(env.KV, { methods: ['put', 'delete'] })
    const { cache } = createIsolate({ kv })
    const users = defineUsers(cache, { ...createOrigin(), tags: () => ['t'] })
    await users.get('ada')
    await expect(users.delete('ada')).rejects.toMatchObject({ name: 'KVError' })
    expect(await users.get('ada')).toEqual({ name: 'ada 2' })
    await expect(expireTags(cache, ['t'])).rejects.toMatchObject({ name: 'KVError' })
    expect(await users.get('ada')).toEqual({ name: 'ada 3' })
  })
})

describe('an isolate', () => {
  test('never goes back to an older value that KV shows it', async () => {
    const { cache, clock, settle } = createIsolate({ memory: false })
    const users = defineUsers(cache, createOrigin())
    await users.get('ada')
    await settle()
    const entry = await env.KV.getWithMetadata('cache:user:ada')
    clock.advance(2)
    await users.put('ada', { name: 'saved' })
    await env.KV.put('cache:user:ada', entry.value ?? '', { metadata: entry.metadata })
    expect(await users.get('ada')).toEqual({ name: 'ada 2' })
  })

  test('trusts what it wrote over a miss that KV has cached', async () => {
    const { cache, clock, settle } = createIsolate()
    const users = defineUsers(cache, { ...createOrigin(), fresh: 600, memory: 10 })
    await users.get('ada')
    await settle()
    await env.KV.delete('cache:user:ada')
    clock.advance(11)
    expect(await users.get('ada')).toEqual({ name: 'ada 1' })
    clock.advance(60)
    expect(await users.get('ada')).toEqual({ name: 'ada 2' })
  })
})

describe('when KV fails', () => {
  test('loads, keeps it in memory, writes nothing and reports', async () => {
    const { cache, events, operations, settle } = createIsolate({ kv: failingKV(env.KV) })
    const origin = createOrigin()
    const users = defineUsers(cache, origin)
    expect(await users.get('ada')).toEqual({ name: 'ada 1' })
    expect(await users.get('ada')).toEqual({ name: 'ada 1' })
    await settle()
    expect(operations).toEqual({ read: 1, write: 0, delete: 0, list: 0 })
    expect(events).toEqual([expect.objectContaining({ type: 'store_error', operation: 'get' })])
  })

  test('serves what memory has for as long as it may be served', async () => {
    let isDown = false
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) =>
        isDown ? Promise.reject(new Error('KV GET failed: 500')) : real(...args),
    })
    const { cache, clock, settle } = createIsolate({ kv })
    const users = defineUsers(cache, { ...createOrigin(), fresh: 600 })
    await users.get('ada')
    await settle()
    isDown = true
    clock.advance(100)
    expect(await users.read('ada')).toMatchObject({ value: { name: 'ada 1' }, status: 'hit' })
  })

  test('takes a read that does not answer for a failure', async () => {
    const silent = wrapKV(env.KV, { getWithMetadata: () => new Promise(() => undefined) })
    const clock = new ManualClock(Date.now())
    const kv = circuitBreaker(silent, { timeoutMs: 20, now: clock.now, timers: clock })
    const { cache, events } = createIsolate({ kv, clock })
    const reading = defineUsers(cache, createOrigin()).get('ada')
    await new Promise((resolve) => setTimeout(resolve))
    clock.advance(0.02)
    expect(await reading).toEqual({ name: 'ada 1' })
    expect(events).toEqual([expect.objectContaining({ type: 'store_error' })])
  })
})

describe('a stored value', () => {
  const positive = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'number' && value > 0
          ? { value }
          : { issues: [{ message: 'must be positive' }] },
    },
  } as const

  test.for([
    ['text that is not JSON', '{broken', 'it cannot be decoded'],
    [
      'a value that does not fit the schema',
      '-1',
      'Cannot use cached value: it does not fit the schema: must be positive',
    ],
  ])('that is %s is a miss, reported and not deleted', async ([, text = '', reason]) => {
    const { cache, events, operations } = createIsolate()
    const counts = cache.define('count', {
      load: () => Promise.resolve(1),
      fresh: 60,
      format: schemaFormat<number>(positive),
    })
    const nowMs = Date.now()
    const times = { loadedAtMs: nowMs, loadMs: 0, freshUntilMs: nowMs + 60_000 }
    await env.KV.put('cache:count:x', text, { metadata: { codex: 1, ...times } })
    expect(await counts.get('x')).toBe(1)
    expect(events).toEqual([
      { type: 'corrupt_value', client: 'cache', key: 'cache:count:x', reason },
    ])
    expect(operations.delete).toBe(0)
  })

  test('that no definition wrote is a miss', async () => {
    await env.KV.put('cache:count:x', '5')
    const { cache } = createIsolate()
    expect(
      await cache.define('count', { load: () => Promise.resolve(1), fresh: 60 }).get('x'),
    ).toBe(1)
  })

  test('of another version is migrated, or a miss', async () => {
    const first = createIsolate()
    const old = first.cache.define('user', {
      load: () => Promise.resolve({ full: 'Ada L' }),
      fresh: 60,
    })
    await old.get('a')
    await old.get('b')
    await first.settle()
    const { cache, events } = createIsolate()
    const users = cache.define('user', {
      load: () => Promise.resolve({ name: 'loaded' }),
      fresh: 60,
      format: valueFormat({
        version: 2,
        migrate: (value, from) =>
          from === 1 ? { name: (value as { full: string }).full } : undefined,
      }),
    })
    expect(await users.get('a')).toEqual({ name: 'Ada L' })
    const third = createIsolate()
    const later = third.cache.define('user', {
      load: () => Promise.resolve({ name: 'loaded' }),
      fresh: 60,
      format: valueFormat({ version: 3 }),
    })
    expect(await later.get('b')).toEqual({ name: 'loaded' })
    expect(events).toEqual([])
    expect(third.events).toEqual([
      expect.objectContaining({ reason: 'Cannot read cached value: its version is 1' }),
    ])
  })

  test('may be what a codec makes of it, anew for every reader', async () => {
    const { cache, settle } = createIsolate()
    const sets = cache.define('set', {
      load: () => Promise.resolve(new Set(['a'])),
      fresh: 60,
      format: valueFormat<Set<string>>({
        codec: {
          encode: (value) => JSON.stringify([...value]),
          decode: (text) => new Set(JSON.parse(text) as string[]),
        },
      }),
    })
    const first = await sets.get('x')
    first?.add('b')
    await settle()
    expect(await sets.read('x')).toMatchObject({ value: new Set(['a']), tier: 'memory' })
  })
})
