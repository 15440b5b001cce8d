import { env } from 'cloudflare:workers'
import { reset } from 'cloudflare:test'
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { circuitBreaker } from '../kv/circuit-breaker.ts'
import { KVCache } from './kv-cache.ts'

// What KVCache has of its own: the rest is tested through CacheClient, which extends it.

afterEach(async () => {
  await reset()
})

test('reads what it stored, under any key', async () => {
  const cache = new KVCache(env.KV)
  for (const key of ['k', '', '.', 'x'.repeat(600), '\uD800']) {
    await cache.set(key, { key }, 60)
    expect(await cache.get(key)).toEqual({ key })
  }
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
  const silent = wrapKV(env.KV, { getWithMetadata: () => new Promise(() => undefined) })
  const clock = new ManualClock(Date.now())
  const events: ClientEvent[] = []
  const kv = circuitBreaker(silent, { timeoutMs: 20, now: clock.now, timers: clock })
  const cache = new KVCache(kv, {
    now: clock.now,
    timers: clock,
    onEvent: (event) => events.push(event),
  })
  const reading = cache.getOrSet('k', 60, () => Promise.resolve('loaded'))
  clock.advance(0.02)
  expect(await reading).toBe('loaded')
  expect(events).toEqual([expect.objectContaining({ type: 'store_error', operation: 'get' })])
})

test('refuses a takeoverMs that is out of range', () => {
  const create = (): KVCache => new KVCache(env.KV, { takeoverMs: 0 })
  expect(create).toThrow('Cannot create cache: takeoverMs must be')
})
