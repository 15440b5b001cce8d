import { env } from 'cloudflare:workers'
import { reset } from 'cloudflare:test'
import { afterEach, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { circuitBreaker } from '../kv/circuit-breaker.ts'
import { keys } from '../kv/keys.ts'
import { KVCache } from './kv-cache.ts'

// What KVCache has of its own: the rest is tested through CacheClient, which has the same plain calls.

afterEach(async () => {
  await reset()
})

test('reads what it stored under any key that KV takes, and under that key', async () => {
  const cache = new KVCache(env.KV)
  for (const key of ['k', '...', 'x'.repeat(512), 'é'.repeat(256), keys.cache('k', '\uD800')]) {
    await cache.set(key, { key }, 60)
    expect(await cache.get(key)).toEqual({ key })
    expect(await env.KV.get(key, 'json')).toEqual({ key })
  }
})

test.each([
  [0, ''],
  [1, '.'],
  [2, '..'],
  [3, '\uD800'],
  [513, 'x'.repeat(513)],
  [513, `${'é'.repeat(256)}x`],
])('rejects every call with a key of %i bytes that KV would refuse', async (bytes, key) => {
  const { kv, operations } = countKV(env.KV)
  const events: ClientEvent[] = []
  const load = vi.fn(() => Promise.resolve(1))
  const onEvent = (event: ClientEvent): void => void events.push(event)
  for (const waitUntil of [undefined, () => undefined]) {
    const cache = new KVCache(kv, { onEvent, waitUntil })
    const calls = [
      () => cache.get(key),
      () => cache.getEntry(key),
      () => cache.set(key, 1, 60),
      () => cache.delete(key),
      () => cache.getOrSet(key, 60, load),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toThrow(
        new RangeError(
          `Cannot use cache key: it must be one that KV takes, received ${bytes} bytes`,
        ),
      )
    }
  }
  expect(load).not.toHaveBeenCalled()
  expect(operations).toEqual({ read: 0, write: 0, delete: 0, list: 0 })
  expect(events).toEqual([])
})

test('shares a read and a load among those who want them at once, and gives each its own value', async () => {
  const { kv, operations } = countKV(env.KV)
  const cache = new KVCache(kv)
  let loads = 0
  const load = (): Promise<{ n: number }> => Promise.resolve({ n: ++loads })
  const values = await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', 60, load)))
  expect(values).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }])
  expect(new Set(values).size).toBe(3)
  expect(operations).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
  const entries = await Promise.all([cache.get('k'), cache.get('k')])
  expect(new Set(entries).size).toBe(2)
  expect(operations.read).toBe(2)
})

test('takes a read that does not answer in time for a failure, and loads', async () => {
  const asked = Promise.withResolvers<undefined>()
  const silent = wrapKV(env.KV, {
    getWithMetadata: () => {
      asked.resolve(undefined)
      return new Promise(() => undefined)
    },
  })
  const clock = new ManualClock(Date.now())
  const events: ClientEvent[] = []
  const kv = circuitBreaker(silent, { timeoutMs: 20, now: clock.now, timers: clock })
  const cache = new KVCache(kv, {
    now: clock.now,
    timers: clock,
    onEvent: (event) => events.push(event),
  })
  const reading = cache.getOrSet('k', 60, () => Promise.resolve('loaded'))
  await asked.promise
  clock.advance(0.02)
  expect(await reading).toBe('loaded')
  expect(events).toEqual([expect.objectContaining({ type: 'store_error', operation: 'get' })])
})

test('refuses a takeoverMs that is out of range', () => {
  const create = (): KVCache => new KVCache(env.KV, { takeoverMs: 0 })
  expect(create).toThrow('Cannot create cache: takeoverMs must be')
})
