import { createExecutionContext, reset, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, dumpKV, failingKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { createEdgeSimulator } from '../testing/edge-simulator.ts'
import { CacheClient } from './cache-client.ts'
import { deleteByPrefix } from './delete-by-prefix.ts'

afterEach(async () => {
  await reset()
})

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  return Promise.withResolvers<T>()
}

describe('values', () => {
  test.for([[0], [''], [false], ['text'], [[1, 2]], [{ a: { b: null } }]])(
    'gives back %j as it was set',
    async ([value]) => {
      const cache = new CacheClient(env.KV)
      await cache.set('k', value, 300)
      expect(await cache.get('k')).toEqual(value)
    },
  )

  test('tells a cached null from a miss', async () => {
    const cache = new CacheClient(env.KV)
    await cache.set('k', null, 300)
    expect(await cache.getEntry('k')).toMatchObject({ value: null })
    expect(await cache.getEntry('missing')).toBeNull()
    expect(
      await cache.getOrSet('k', 300, () => Promise.reject(new Error('loaded again'))),
    ).toBeNull()
  })

  test('stores plain JSON under the key as given', async () => {
    const cache = new CacheClient(env.KV)
    await cache.set('cache:user:1', { name: 'Ada' }, 300)
    expect(await env.KV.get('cache:user:1', 'json')).toEqual({ name: 'Ada' })
  })

  test('stores, deletes and loads under any key, digesting what KV would refuse', async () => {
    const cache = new CacheClient(env.KV)
    const refused = ['', '.', '..', '\uD800', '\uD801', 'x'.repeat(513), 'x'.repeat(514)]
    for (const key of refused) await cache.set(key, { key }, 300)
    for (const key of refused) {
      expect(await cache.get(key)).toEqual({ key })
      await cache.delete(key)
      expect(await cache.getEntry(key)).toBeNull()
      expect(await cache.getOrSet(key, 300, () => Promise.resolve('loaded'))).toBe('loaded')
    }
  })

  test('reads JSON that other code wrote, with and without metadata', async () => {
    await env.KV.put('k', '{"a":1}', { metadata: { expiresAtMs: 1 } })
    await env.KV.put('l', '[2]')
    const cache = new CacheClient(env.KV)
    expect(await cache.getEntry('k')).toEqual({ value: { a: 1 }, expiresAtMs: null })
    expect(await cache.get('l')).toEqual([2])
  })

  test('takes what is not JSON for a miss, reports it and does not delete it', async () => {
    await env.KV.put('k', '{broken')
    const events: ClientEvent[] = []
    const cache = new CacheClient(env.KV, { onEvent: (event) => events.push(event) })
    expect(await cache.get('k')).toBeNull()
    expect(events).toEqual([
      { type: 'corrupt_value', client: 'cache', key: 'k', reason: 'it is not JSON' },
    ])
    expect(await env.KV.get('k')).toBe('{broken')
    expect(await cache.getOrSet('k', 60, () => Promise.resolve('good'))).toBe('good')
    expect(await cache.get('k')).toBe('good')
  })

  test('refuses undefined', async () => {
    await expect(new CacheClient(env.KV).set('k', undefined, 60)).rejects.toThrow(
      'Cannot set cache entry "k": value must be plain JSON, received undefined',
    )
  })
})

describe('expiry', () => {
  test.for([0.5, 1, 59, 60, 61, 86_400])(
    'ends at a TTL of %d s, not before',
    async (ttlSeconds) => {
      const clock = new ManualClock(Date.now())
      const cache = new CacheClient(env.KV, { now: clock.now })
      await cache.set('k', 'v', ttlSeconds)
      clock.advance(ttlSeconds - 0.001)
      expect(await cache.get('k')).toBe('v')
      clock.advance(0.001)
      expect(await cache.get('k')).toBeNull()
    },
  )

  test.for([
    [0.5, 60],
    [60, 60],
    [60.1, 61],
    [2_147_483_647, 2_147_483_647],
  ])('keeps an entry of %d s for %d s in KV', async ([ttlSeconds = 0, kvSeconds = 0]) => {
    let put: unknown
    const kv = wrapKV(env.KV, {
      put: (_real, args) => {
        put = args[2]
        return Promise.resolve()
      },
    })
    await new CacheClient(kv).set('k', 1, ttlSeconds)
    expect(put).toMatchObject({ expirationTtl: kvSeconds })
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
    const cache = new CacheClient(slow, { now: clock.now })
    await cache.set('k', 'v', 5)
    expect(await cache.get('k')).toBeNull()
  })

  test.for([0, -1, NaN, Infinity, 2_147_483_648])(
    'refuses a TTL of %d before it loads',
    async (ttl) => {
      const cache = new CacheClient(env.KV)
      await expect(cache.set('k', 1, ttl)).rejects.toBeInstanceOf(RangeError)
      await expect(
        cache.getOrSet('k', ttl, () => Promise.reject(new Error('loaded'))),
      ).rejects.toBeInstanceOf(RangeError)
    },
  )
})

describe('getOrSet', () => {
  test('costs a read and a write on a miss, a read on a hit', async () => {
    const { kv, operations } = countKV(env.KV)
    const cache = new CacheClient(kv)
    await cache.getOrSet('k', 60, () => Promise.resolve(1))
    expect(operations).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
    await cache.getOrSet('k', 60, () => Promise.resolve(2))
    expect(operations).toEqual({ read: 2, write: 1, delete: 0, list: 0 })
  })

  test('stores a loaded null and loads it once', async () => {
    const cache = new CacheClient(env.KV)
    expect(await cache.getOrSet('k', 60, () => Promise.resolve(null))).toBeNull()
    expect(
      await cache.getOrSet('k', 60, () => Promise.reject(new Error('loaded again'))),
    ).toBeNull()
  })

  test('returns undefined without storing it', async () => {
    const cache = new CacheClient(env.KV)
    expect(
      await cache.getOrSet<string | undefined>('k', 60, () => Promise.resolve(undefined)),
    ).toBeUndefined()
    expect(await dumpKV(env.KV)).toEqual([])
  })

  test('lets the loader’s error through unchanged and stores nothing', async () => {
    const error = new Error('database down')
    await expect(
      new CacheClient(env.KV).getOrSet('k', 60, () => Promise.reject(error)),
    ).rejects.toBe(error)
    expect(await dumpKV(env.KV)).toEqual([])
  })

  test('hands its write to waitUntil and returns before KV answers', async () => {
    const gate = deferred<undefined>()
    const kv = wrapKV(env.KV, {
      put: async (real, args) => {
        await gate.promise
        return real(...args)
      },
    })
    const ctx = createExecutionContext()
    const cache = new CacheClient(kv, {
      waitUntil: (work) => {
        ctx.waitUntil(work)
      },
    })
    expect(await cache.getOrSet('k', 60, () => Promise.resolve('v'))).toBe('v')
    expect(await env.KV.get('k')).toBeNull()
    gate.resolve(undefined)
    await waitOnExecutionContext(ctx)
    expect(await cache.get('k')).toBe('v')
  })

  test('tells the caller of a loaded value that is not JSON, also with waitUntil', async () => {
    const cache = new CacheClient(env.KV, { waitUntil: () => undefined })
    await expect(cache.getOrSet('k', 60, () => Promise.resolve(10n))).rejects.toThrow(
      'value must be plain JSON',
    )
  })

  test.for([
    ['delete', (cache: CacheClient) => cache.delete('a:k')],
    ['deleteMany', (cache: CacheClient) => cache.deleteMany(['a:k'])],
    ['deleteByPrefix', (cache: CacheClient) => deleteByPrefix(cache, 'a:')],
  ] as const)('does not write back a value that was loaded before %s', async ([, invalidate]) => {
    const clock = new ManualClock(Date.now())
    const cache = new CacheClient(env.KV, { now: clock.now })
    const older = deferred<string>()
    const reading = cache.getOrSet('a:k', 60, () => older.promise)
    // The read of the miss is under way; the load begins when it has answered.
    await new Promise((resolve) => setTimeout(resolve, 20))
    await invalidate(cache)
    older.resolve('older')
    expect(await reading).toBe('older')
    expect(await cache.get('a:k')).toBeNull()
    // KV takes no write within a second of the delete.
    clock.advance(2)
    expect(await cache.getOrSet('a:k', 60, () => Promise.resolve('newer'))).toBe('newer')
    expect(await cache.get('a:k')).toBe('newer')
  })
})

test('does not write back a value that finished loading while its delete was under way', async () => {
  const deleting = deferred<undefined>()
  const kv = wrapKV(env.KV, {
    delete: async (real, args) => {
      await real(...args)
      await deleting.promise
    },
  })
  const cache = new CacheClient(kv)
  const older = deferred<string>()
  const begun = deferred<undefined>()
  const reading = cache.getOrSet('k', 60, () => {
    begun.resolve(undefined)
    return older.promise
  })
  await begun.promise
  const deletion = cache.delete('k')
  older.resolve('older')
  await reading
  deleting.resolve(undefined)
  await deletion
  expect(await cache.get('k')).toBeNull()
})

test('does not write a loaded value over one that was set while it was loading', async () => {
  const cache = new CacheClient(env.KV)
  const older = deferred<string>()
  const begun = deferred<undefined>()
  const reading = cache.getOrSet('k', 60, () => {
    begun.resolve(undefined)
    return older.promise
  })
  await begun.promise
  await cache.set('k', 'newer', 60)
  older.resolve('older')
  expect(await reading).toBe('older')
  expect(await cache.get('k')).toBe('newer')
})

test('deletes what it wrote back when the key was deleted while KV was writing', async () => {
  const gate = Promise.withResolvers<undefined>()
  const writing = Promise.withResolvers<undefined>()
  const kv = wrapKV(env.KV, {
    put: async (real, args) => {
      writing.resolve(undefined)
      await gate.promise
      return real(...args)
    },
  })
  const cache = new CacheClient(kv)
  const reading = cache.getOrSet('k', 60, () => Promise.resolve('older'))
  await writing.promise
  await cache.delete('k')
  gate.resolve(undefined)
  expect(await reading).toBe('older')
  expect(await env.KV.get('k')).toBeNull()
})

test('deletes once what KV refused to write when the key was deleted meanwhile', async () => {
  const gate = Promise.withResolvers<undefined>()
  const writing = Promise.withResolvers<undefined>()
  const { kv, operations } = countKV(
    wrapKV(env.KV, {
      put: async () => {
        writing.resolve(undefined)
        await gate.promise
        throw new Error('KV PUT failed: 429 Too Many Requests')
      },
    }),
  )
  const cache = new CacheClient(kv)
  const reading = cache.getOrSet('k', 60, () => Promise.resolve('older'))
  await writing.promise
  await cache.delete('k')
  gate.resolve(undefined)
  expect(await reading).toBe('older')
  expect(operations).toMatchObject({ write: 1, delete: 1 })
})

describe('when KV fails', () => {
  test('loads, does not write back and reports', async () => {
    const events: ClientEvent[] = []
    const { kv, operations } = countKV(failingKV(env.KV))
    const cache = new CacheClient(kv, { onEvent: (event) => events.push(event) })
    expect(await cache.getOrSet('k', 60, () => Promise.resolve('loaded'))).toBe('loaded')
    expect(operations).toEqual({ read: 1, write: 0, delete: 0, list: 0 })
    expect(events).toEqual([
      expect.objectContaining({ type: 'store_error', client: 'cache', operation: 'get', key: 'k' }),
    ])
  })

  test('reads as a miss, and sets nothing without rejecting', async () => {
    const events: ClientEvent[] = []
    const cache = new CacheClient(failingKV(env.KV), { onEvent: (event) => events.push(event) })
    expect(await cache.get('k')).toBeNull()
    await cache.set('k', 1, 60)
    expect(events.map((event) => event.type === 'store_error' && event.operation)).toEqual([
      'get',
      'set',
    ])
  })

  test('returns the loaded value when the key was written less than a second ago, and reports nothing', async () => {
    const events: ClientEvent[] = []
    const kv = failingKV(env.KV, {
      methods: ['put'],
      message: 'KV PUT failed: 429 Too Many Requests',
    })
    const cache = new CacheClient(kv, { onEvent: (event) => events.push(event) })
    expect(await cache.getOrSet('k', 60, () => Promise.resolve('v'))).toBe('v')
    expect(events).toEqual([])
  })

  test('rejects an invalidation that did not happen', async () => {
    const cache = new CacheClient(failingKV(env.KV))
    await expect(cache.delete('k')).rejects.toMatchObject({ name: 'KVError' })
    await expect(cache.deleteMany(['k'])).rejects.toMatchObject({ name: 'KVError' })
    await expect(deleteByPrefix(cache, 'k')).rejects.toMatchObject({ name: 'KVError' })
  })
})

describe('invalidation', () => {
  test('deletes many keys, each once', async () => {
    const { kv, operations } = countKV(env.KV)
    const cache = new CacheClient(kv)
    await Promise.all(['a', 'b', 'c'].map((key) => cache.set(key, 1, 60)))
    await cache.deleteMany(['a', 'b', 'a', 'missing'])
    expect(operations.delete).toBe(3)
    expect((await dumpKV(env.KV)).map(({ name }) => name)).toEqual(['c'])
  })

  test('deletes by prefix', async () => {
    const cache = new CacheClient(env.KV)
    await Promise.all(['a:1', 'a:2', 'b:1'].map((key) => cache.set(key, 1, 60)))
    expect(await deleteByPrefix(cache, 'a:')).toEqual({ deletedKeys: 2, cursor: null })
    await expect(deleteByPrefix(cache, '')).rejects.toThrow('its bytes must be from 1 to 468')
  })

  test('by prefix waits with the timers it was given where KV takes no write yet', async () => {
    const simulator = createEdgeSimulator({ locations: ['AMS'] })
    const { clock } = simulator
    const cache = new CacheClient(simulator.location('AMS').kv('CACHE_KV'), {
      now: clock.now,
      timers: clock,
    })
    await cache.set('a:1', 1, 60)
    const startedMs = clock.now()
    await clock.run(() => deleteByPrefix(cache, 'a:'))
    expect(clock.now() - startedMs).toBe(1100)
    expect(simulator.store('CACHE_KV').keys()).toEqual([])
  })
})
