import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import {
  countKV,
  dumpKV,
  failingKV,
  sparseListKV,
  wrapKV,
} from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { KVStore } from './kv-store.ts'

afterEach(async () => {
  await reset()
})

const createStore = (kv = env.KV): KVStore => new KVStore(kv, { prefix: 'test' })

async function fill(store: KVStore, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `k${String(i).padStart(4, '0')}`)
  await Promise.all(names.map((name, i) => store.set(name, i)))
  return names
}

describe('values', () => {
  test.for([[null], [0], [''], [false], ['text'], [[1, { a: null }]], [{ nested: { list: [] } }]])(
    'gives back %j as it was set',
    async ([value]) => {
      const store = createStore()
      await store.set('k', value)
      expect(await store.get('k')).toEqual(value)
      expect(await store.getMany(['k'])).toEqual(new Map([['k', value]]))
    },
  )

  test('gives null for a key that is not there', async () => {
    const store = createStore()
    expect(await store.get('missing')).toBeNull()
    expect(await store.getText('missing')).toBeNull()
    expect(await store.getWithMetadata('missing')).toEqual({ value: null, metadata: null })
  })

  test('stores text as it is', async () => {
    const store = createStore()
    await store.setText('k', '{not json')
    expect(await store.getText('k')).toBe('{not json')
    expect(await env.KV.get('test:k')).toBe('{not json')
  })

  test('keeps the caller’s metadata apart from its own', async () => {
    const store = createStore()
    await store.set('k', 1, { metadata: { by: 'ada' }, ttlSeconds: 5 })
    expect(await store.getWithMetadata('k')).toEqual({ value: 1, metadata: { by: 'ada' } })
  })

  test('reads values and metadata that other code wrote', async () => {
    await env.KV.put('test:k', '{"a":1}', { metadata: { v: 2 } })
    expect(await createStore().getWithMetadata('k')).toEqual({
      value: { a: 1 },
      metadata: { v: 2 },
    })
  })

  test.for([[undefined], [() => 1], [Symbol('s')]])('refuses to set %s', async ([value]) => {
    await expect(createStore().set('k', value)).rejects.toThrow(
      /^Cannot set KV entry "k": value must be plain JSON, received/,
    )
    expect(await dumpKV(env.KV)).toEqual([])
  })

  test('refuses a value that refers to itself, and text that is none', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    await expect(createStore().set('k', circular)).rejects.toBeInstanceOf(TypeError)
    await expect(createStore().setText('k', undefined as unknown as string)).rejects.toThrow(
      'value must be a string, received undefined',
    )
  })

  test('says which value is corrupt without quoting it', async () => {
    await env.KV.put('test:k', 'hunter2 is no JSON')
    const error: unknown = await createStore()
      .get('k')
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'corrupt_value', retryable: false })
    expect(String(error)).not.toContain('hunter2')
    // The parser's own error quotes the text.
    expect((error as Error).cause).toBeUndefined()
  })

  test('refuses metadata and values over KV’s limits before it asks KV', async () => {
    const { kv, operations } = countKV(env.KV)
    const store = createStore(kv)
    await expect(store.set('k', 1, { metadata: 'x'.repeat(1020) })).rejects.toThrow(
      /metadata must be at most 1024 bytes/,
    )
    await expect(store.setText('k', 'é'.repeat(13_107_201))).rejects.toThrow(
      'value bytes must be from 0 to 26214400, received 26214402',
    )
    expect(operations.write).toBe(0)
  })

  test('takes a value of exactly 25 MiB and one byte less than too much', async () => {
    let puts = 0
    const kv = wrapKV(env.KV, {
      put: () => {
        puts++
        return Promise.resolve()
      },
    })
    await createStore(kv).setText('k', 'x'.repeat(26_214_400))
    await expect(createStore(kv).setText('k', 'x'.repeat(26_214_401))).rejects.toThrow(
      'received 26214401',
    )
    expect(puts).toBe(1)
  })

  test('takes metadata that only resembles ours for the caller’s', async () => {
    const metadata = { codex: 1, expiresAtMs: 'soon' }
    await env.KV.put('test:k', '1', { metadata })
    expect(await createStore().getWithMetadata('k')).toEqual({ value: 1, metadata })
  })

  test('takes metadata of exactly 1024 bytes and one byte less than too much', async () => {
    const store = createStore()
    const overhead = '{"codex":1,"user":""}'.length
    await store.set('k', 1, { metadata: 'x'.repeat(1024 - overhead) })
    await expect(store.set('k', 1, { metadata: 'x'.repeat(1025 - overhead) })).rejects.toThrow(
      'received 1025',
    )
  })
})

describe('expiry', () => {
  test('ends at its TTL, not a millisecond before', async () => {
    const clock = new ManualClock(Date.now())
    const store = new KVStore(env.KV, { prefix: 'test', now: clock.now, defaultTtlSeconds: 30 })
    await store.set('k', 'v')
    clock.advance(29.999)
    expect(await store.get('k')).toBe('v')
    expect(await store.exists('k')).toBe(true)
    clock.advance(0.001)
    expect(await store.get('k')).toBeNull()
    expect(await store.exists('k')).toBe(false)
    expect(await store.getMany(['k'])).toEqual(new Map([['k', null]]))
    expect((await store.list()).keys).toEqual([])
  })

  test('is decided when KV has answered, however long that took', async () => {
    const clock = new ManualClock(Date.now())
    const slow = wrapKV(env.KV, {
      getWithMetadata: async (real, args) => {
        const answer = await real(...args)
        clock.advance(5)
        return answer
      },
    })
    const store = new KVStore(slow, { prefix: 'test', now: clock.now, defaultTtlSeconds: 5 })
    await store.set('k', 'v')
    expect(await store.get('k')).toBeNull()
    await store.set('k', 'v')
    await store.set('l', 'v')
    expect([...(await store.getMany(['k', 'l'])).values()]).toEqual([null, null])
  })

  test('does not expire without a TTL', async () => {
    await createStore().set('k', 'v')
    expect(await dumpKV(env.KV)).toEqual([{ name: 'test:k', value: '"v"', metadata: undefined }])
  })

  test.for([0, -1, NaN, Infinity, 2_147_483_648])('refuses a TTL of %d', async (ttlSeconds) => {
    await expect(createStore().set('k', 1, { ttlSeconds })).rejects.toBeInstanceOf(RangeError)
    expect(() => new KVStore(env.KV, { prefix: 'a', defaultTtlSeconds: ttlSeconds })).toThrow(
      RangeError,
    )
  })
})

describe('getMany', () => {
  test.for([0, 1, 99, 100, 101, 250])('reads %i keys, a hundred to a call', async (count) => {
    const names = await fill(createStore(), count)
    let calls = 0
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) => {
        calls++
        return real(...args)
      },
    })
    const found = await createStore(kv).getMany<number>([...names, ...names])
    expect([...found]).toEqual(names.map((name, i) => [name, i]))
    expect(calls).toBe(Math.ceil(count / 100))
  })

  test('finds integer-like keys, which KV’s bulk read drops', async () => {
    // A store cannot have a bare integer key, as it always has a prefix, so the reader below it is asked.
    const { readEntries } = await import('./read-entries.ts')
    await Promise.all(['1', '42', '042', 'x'].map((key) => env.KV.put(key, `v${key}`)))
    expect((await env.KV.get(['1', '42', 'x'])).has('42')).toBe(false)
    const entries = await readEntries(env.KV, ['1', '42', '042', 'x', '7', '__proto__'], {
      now: Date.now,
    })
    expect([...entries].map(([key, entry]) => [key, entry?.text ?? null])).toEqual(
      expect.arrayContaining([
        ['1', 'v1'],
        ['42', 'v42'],
        ['042', 'v042'],
        ['x', 'vx'],
        ['7', null],
        ['__proto__', null],
      ]),
    )
    const store = createStore()
    await store.set('42', 'v')
    expect(await store.getMany(['42', '43'])).toEqual(
      new Map([
        ['42', 'v'],
        ['43', null],
      ]),
    )
  })

  test('parses each value on its own: a corrupt one is null and reported', async () => {
    const events: ClientEvent[] = []
    const store = new KVStore(env.KV, { prefix: 'test', onEvent: (event) => events.push(event) })
    await store.set('good', 1)
    await env.KV.put('test:bad', '{oops')
    await env.KV.put('test:empty', '')
    expect(await store.getMany(['good', 'bad', 'empty'])).toEqual(
      new Map([
        ['good', 1],
        ['bad', null],
        ['empty', null],
      ]),
    )
    expect(events).toEqual([
      { type: 'corrupt_value', client: 'kv-store', key: 'test:bad', reason: 'it is not JSON' },
      { type: 'corrupt_value', client: 'kv-store', key: 'test:empty', reason: 'it is not JSON' },
    ])
  })

  test('reads the keys of a chunk one by one where its values are over 25 MiB together', async () => {
    const store = createStore()
    const names = await fill(store, 8)
    const sizes: number[] = []
    const kv = wrapKV(env.KV, {
      getWithMetadata: (real, args) => {
        const [asked] = args
        if (!Array.isArray(asked)) return real(...args)
        sizes.push(asked.length)
        return asked.length > 2
          ? Promise.reject(
              new Error('KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB'),
            )
          : real(...args)
      },
    })
    expect([...(await createStore(kv).getMany(names)).values()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(sizes).toEqual([8])
  })
})

describe('listing', () => {
  test('gives pages in key order with expiry and metadata', async () => {
    const clock = new ManualClock(1_800_000_000_000)
    const store = new KVStore(env.KV, { prefix: 'test', now: clock.now })
    await store.set('b', 1, { metadata: 'm', ttlSeconds: 90 })
    await store.set('a', 1)
    await env.KV.put('other:x', '1')
    const first = await store.list({ limit: 1 })
    expect(first.keys).toEqual([{ name: 'a', expiresAtMs: null, metadata: null }])
    const second = await store.list({ limit: 1, cursor: first.cursor ?? '' })
    expect(second.keys).toEqual([{ name: 'b', expiresAtMs: 1_800_000_090_000, metadata: 'm' }])
    expect(second.cursor).toBeNull()
  })

  test('gives the cursor of an empty page that others follow', async () => {
    const [name = ''] = await fill(createStore(), 1)
    const store = createStore(sparseListKV(env.KV))
    const empty = await store.list()
    expect(empty.keys).toEqual([])
    expect(empty.cursor).not.toBeNull()
    const next = await store.list({ cursor: empty.cursor ?? '' })
    expect(next.keys.map((key) => key.name)).toEqual([name])
  })

  test('iterates past empty pages to the end', async () => {
    const names = await fill(createStore(), 5)
    const seen: string[] = []
    for await (const { name } of createStore(sparseListKV(env.KV)).iterate()) seen.push(name)
    expect(seen).toEqual(names)
  })

  test('iterates over only what is under the prefix', async () => {
    const store = createStore()
    await Promise.all(['a:1', 'a:2', 'b:1'].map((key) => store.set(key, 1)))
    const seen: string[] = []
    for await (const { name } of store.iterate({ prefix: 'a:' })) seen.push(name)
    expect(seen).toEqual(['a:1', 'a:2'])
  })

  test('shows when an entry of other code expires', async () => {
    const expiration = Math.floor(Date.now() / 1000) + 600
    await env.KV.put('test:k', '1', { expiration })
    expect((await createStore().list()).keys).toEqual([
      { name: 'k', expiresAtMs: expiration * 1000, metadata: null },
    ])
  })

  test.for([0, 1001, 1.5])('refuses a limit of %d', async (limit) => {
    await expect(createStore().list({ limit })).rejects.toThrow(
      'limit must be a whole number from 1 to 1000',
    )
  })

  test('refuses a prefix that could miss digested keys', async () => {
    await expect(createStore().list({ prefix: 'x'.repeat(464) })).rejects.toThrow(
      'it must be at most 468 bytes, received 469',
    )
    await expect(createStore().list({ prefix: '\ud800' })).rejects.toBeInstanceOf(TypeError)
  })
})

describe('deleteByPrefix', () => {
  test('deletes what is under the prefix and nothing else, over sparse pages, few at a time', async () => {
    await fill(createStore(), 20)
    await createStore().set('x', 1)
    let running = 0
    let mostRunning = 0
    const kv = wrapKV(sparseListKV(env.KV), {
      delete: async (real, args) => {
        mostRunning = Math.max(mostRunning, ++running)
        await real(...args)
        running--
      },
    })
    expect(await createStore(kv).deleteByPrefix('k', { concurrency: 3 })).toEqual({
      deletedKeys: 20,
    })
    expect(mostRunning).toBeLessThanOrEqual(3)
    expect((await dumpKV(env.KV)).map(({ name }) => name)).toEqual(['test:x'])
  })

  test('tries every key when one fails, then throws', async () => {
    await fill(createStore(), 5)
    const kv = wrapKV(env.KV, {
      delete: (real, [name]) =>
        name === 'test:k0002' ? Promise.reject(new Error('KV DELETE failed: 500')) : real(name),
    })
    await expect(createStore(kv).deleteByPrefix('k')).rejects.toMatchObject({
      code: 'unavailable',
      operation: 'delete',
    })
    expect((await dumpKV(env.KV)).map(({ name }) => name)).toEqual(['test:k0002'])
  })

  test('refuses a prefix that is not there', async () => {
    await fill(createStore(), 1)
    await expect(createStore().deleteByPrefix(undefined as unknown as string)).rejects.toThrow(
      'prefix must be a string, received undefined',
    )
    expect(await dumpKV(env.KV)).toHaveLength(1)
  })

  test('finds keys that were digested', async () => {
    const store = createStore()
    await store.set(`a${'x'.repeat(600)}`, 1)
    expect(await store.deleteByPrefix('a')).toEqual({ deletedKeys: 1 })
  })

  test.for([0, 1.5])('refuses a concurrency of %d', async (concurrency) => {
    await expect(createStore().deleteByPrefix('k', { concurrency })).rejects.toBeInstanceOf(
      RangeError,
    )
  })
})

describe('increment', () => {
  test('counts from 0, by any number, and keeps expiry and metadata', async () => {
    const clock = new ManualClock(Date.now())
    const store = new KVStore(env.KV, { prefix: 'test', now: clock.now })
    expect(await store.increment('n', 2, { ttlSeconds: 100, metadata: 'm' })).toBe(2)
    clock.advance(60)
    expect(await store.increment('n', -0.5)).toBe(1.5)
    expect(await store.getWithMetadata('n')).toEqual({ value: 1.5, metadata: 'm' })
    clock.advance(40)
    expect(await store.get('n')).toBeNull()
  })

  test('does not prolong an entry by the store’s default TTL', async () => {
    const clock = new ManualClock(Date.now())
    const store = new KVStore(env.KV, { prefix: 'test', now: clock.now, defaultTtlSeconds: 100 })
    await store.increment('n')
    clock.advance(60)
    await store.increment('n')
    clock.advance(40)
    expect(await store.get('n')).toBeNull()
  })

  test('refuses a sum that no number holds, and keeps the number', async () => {
    const store = createStore()
    await store.set('n', Number.MAX_VALUE)
    await expect(store.increment('n', Number.MAX_VALUE)).rejects.toBeInstanceOf(RangeError)
    expect(await store.get('n')).toBe(Number.MAX_VALUE)
  })

  test('refuses what is no number', async () => {
    const store = createStore()
    await store.set('k', 'seven')
    await expect(store.increment('k')).rejects.toMatchObject({ code: 'corrupt_value' })
    await expect(store.increment('n', NaN)).rejects.toBeInstanceOf(TypeError)
  })
})

describe('getOrSet', () => {
  test('loads once and then reads', async () => {
    const { kv, operations } = countKV(env.KV)
    const store = createStore(kv)
    let loads = 0
    const load = (): Promise<null> => {
      loads++
      return Promise.resolve(null)
    }
    expect(await store.getOrSet('k', load)).toBeNull()
    expect(await store.getOrSet('k', load)).toBeNull()
    expect(loads).toBe(1)
    expect(operations).toEqual({ read: 2, write: 1, delete: 0, list: 0 })
  })

  test('refuses a TTL out of range before it loads', async () => {
    const load = (): Promise<never> => Promise.reject(new Error('loaded'))
    await expect(createStore().getOrSet('k', load, { ttlSeconds: 0 })).rejects.toBeInstanceOf(
      RangeError,
    )
  })

  test('returns undefined without storing it', async () => {
    expect(
      await createStore().getOrSet<string | undefined>('k', () => Promise.resolve(undefined)),
    ).toBeUndefined()
    expect(await dumpKV(env.KV)).toEqual([])
  })
})

test('separates its prefix from the key with one colon', async () => {
  await new KVStore(env.KV, { prefix: 'a' }).set('b', 1)
  await new KVStore(env.KV, { prefix: 'a:' }).set('c', 1)
  expect((await dumpKV(env.KV)).map(({ name }) => name)).toEqual(['a:b', 'a:c'])
})

test('refuses an empty prefix', () => {
  expect(() => new KVStore(env.KV, { prefix: '' })).toThrow('prefix must not be empty')
})

test('throws when KV fails, and never answers as if there were no entry', async () => {
  const store = createStore(failingKV(env.KV))
  const calls: (() => Promise<unknown>)[] = [
    () => store.get('k'),
    () => store.getText('k'),
    () => store.getMany(['k', 'l']),
    () => store.getWithMetadata('k'),
    () => store.exists('k'),
    () => store.set('k', 1),
    () => store.delete('k'),
    () => store.list(),
    () => store.deleteByPrefix('k'),
    () => store.increment('k'),
    () => store.getOrSet('k', () => Promise.resolve(1)),
  ]
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({ name: 'KVError', code: 'unavailable' })
})
