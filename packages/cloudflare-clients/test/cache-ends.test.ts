import { describe, expect, test } from 'vitest'
import { circuitBreaker, expireTags } from '../src/cache.ts'
import {
  createCounter,
  createSimulatedClient,
  createSimulator,
} from './support/simulated-client.ts'
import { failingKV, wrapKV } from './support/wrapped-kv.ts'

// The edges of what the cache promises: the very millisecond in which something ends, and what is in between.

const day = 86_400_000

describe('in the same millisecond', () => {
  test('a tag that another isolate expires ends what was loaded', async () => {
    const simulator = createSimulator()
    const here = createSimulatedClient({ simulator })
    const there = createSimulatedClient({ simulator })
    let n = 0
    let expiring: Promise<void> | undefined
    const counts = here.cache.define('count', {
      fresh: '1h',
      tags: () => ['t'],
      load: () => {
        // The load has its stamp, and the clock has not moved since.
        expiring ??= expireTags(there.cache, ['t'])
        return Promise.resolve(++n)
      },
    })
    expect(await counts.get('a')).toBe(1)
    await simulator.clock.run(async () => expiring)
    await here.settle()
    await simulator.clock.advance(31_000)
    expect(await counts.get('a')).toBe(2)
  })

  test.for([
    ['a millisecond before a load leaves', -1, 1],
    ['of a load ends', 0, 2],
  ] as const)('a marker with the stamp %s its value', async ([, shiftMs, expected]) => {
    const { cache, clock, simulator, settle } = createSimulatedClient()
    let n = 0
    const counts = cache.define('count', {
      fresh: '1h',
      tags: () => ['t'],
      load: () => Promise.resolve(++n),
    })
    await counts.get('a')
    await settle()
    const store = simulator.store('CACHE_KV')
    const { loadedAtMs } = store.get('cache:count:a')?.metadata as { loadedAtMs: number }
    store.seed('cache-tag:t', String(loadedAtMs + shiftMs))
    await clock.advance(31_000)
    expect(await counts.get('a')).toBe(expected)
  })

  test('a value ends to stand in for a failed load', async () => {
    const { cache, clock, settle } = createSimulatedClient()
    let isDown = false
    const counts = cache.define('count', {
      fresh: 10,
      staleIfError: 10,
      errorBackoff: 0,
      memory: '1h',
      load: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(1)),
    })
    const startedMs = clock.now()
    await counts.get('a')
    const loadedAtMs = clock.now() - ((await counts.read('a')).ageMs || 0)
    expect(loadedAtMs).toBeGreaterThanOrEqual(startedMs)
    await settle()
    isDown = true
    await clock.advance(loadedAtMs + 19_999 - clock.now())
    expect(await counts.read('a')).toMatchObject({ value: 1, status: 'stale_if_error' })
    await clock.advance(loadedAtMs + 20_000 - clock.now())
    await expect(counts.get('a')).rejects.toThrow('down')
  })

  test('a value goes from fresh to stale', async () => {
    const { cache, clock, settle } = createSimulatedClient()
    const counter = createCounter()
    const counts = cache.define('count', { ...counter.options, fresh: 10, stale: 10, memory: 20 })
    await counts.get('a')
    await settle()
    const { ageMs } = await counts.read('a')
    await clock.advance(9999 - ageMs)
    expect(await counts.read('a')).toMatchObject({ status: 'hit' })
    await clock.advance(1)
    expect(await counts.read('a')).toMatchObject({ status: 'stale' })
  })

  test('a value that is stored and expired is not served stale', async () => {
    for (const end of ['tag', 'key'] as const) {
      const { cache, clock } = createSimulatedClient()
      const counter = createCounter()
      const counts = cache.define('count', {
        ...counter.options,
        stale: '1h',
        staleIfError: '1d',
        tags: () => ['t'],
      })
      const startedMs = clock.now()
      await counts.put('a', { n: 0 })
      await (end === 'tag' ? expireTags(cache, ['t']) : counts.expire('a'))
      expect(clock.now()).toBe(startedMs)
      expect(await counts.read('a')).toMatchObject({ value: { n: 1 }, status: 'miss' })
    }
  })
})

test('a missing value that stands in for a failed load is never called stale', async () => {
  const { cache, clock, settle } = createSimulatedClient()
  let isDown = false
  const counts = cache.define('count', {
    fresh: 60,
    negative: 10,
    stale: 100,
    staleIfError: 100,
    load: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(null)),
  })
  await counts.get('a')
  await settle()
  isDown = true
  await clock.advance(11_000)
  expect(await counts.read('a')).toMatchObject({ value: null, status: 'stale_if_error' })
})

test('a load that succeeds makes the pause after the next failure as short as after the first', async () => {
  const { cache, clock, settle } = createSimulatedClient()
  let isDown = false
  let loads = 0
  const counts = cache.define('count', {
    fresh: 10,
    staleIfError: '1h',
    memory: '1h',
    load: () => {
      loads++
      return isDown ? Promise.reject(new Error('down')) : Promise.resolve(loads)
    },
  })
  for (let round = 0; round < 3; round++) {
    isDown = false
    await counts.get('a')
    await settle()
    await clock.advance(10_000)
    isDown = true
    loads = 0
    await counts.get('a')
    await counts.get('a')
    expect(loads).toBe(1)
    await clock.advance(5000)
    await counts.get('a')
    expect(loads).toBe(2)
    await clock.advance(10_000)
  }
})

describe('a value that KV still has when memory is over', () => {
  test('is taken from KV again, and then from memory', async () => {
    const { cache, clock, settle } = createSimulatedClient()
    const counter = createCounter()
    const counts = cache.define('count', { ...counter.options, memory: '1s' })
    await counts.get('a')
    await settle()
    await clock.advance(2000)
    expect(await counts.read('a')).toMatchObject({ tier: 'kv' })
    expect(await counts.read('a')).toMatchObject({ tier: 'memory' })
    await clock.advance(2000)
    expect(await counts.read('a')).toMatchObject({ tier: 'kv' })
    expect(counter.loads).toBe(1)
  })

  test('is not replaced by the older one that KV goes on showing, however long', async () => {
    const answers: unknown[] = []
    let isStuck = false
    const { cache, clock, settle } = createSimulatedClient({
      wrap: (kv) =>
        wrapKV(kv, {
          getWithMetadata: async (real, args) => {
            if (!isStuck) answers.push(await real(...args))
            return answers.at(-1)
          },
        }),
    })
    const counter = createCounter()
    const counts = cache.define('count', { ...counter.options, memory: '1s' })
    await counts.get('a')
    await settle()
    await clock.advance(2000)
    expect(await counts.read('a')).toMatchObject({ value: { n: 1 }, tier: 'kv' })
    isStuck = true
    await counts.put('a', { n: 2 })
    await settle()
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000)
      expect(await counts.get('a')).toEqual({ n: 2 })
    }
    expect(counter.loads).toBe(1)
  })
})

describe('a value with tags', () => {
  test('lasts no longer than the markers that could end it', async () => {
    const { cache, clock, settle } = createSimulatedClient()
    let n = 0
    const counts = cache.define('count', {
      fresh: '1d',
      tags: () => ['t'],
      load: (_id, { setFresh }) => {
        setFresh('40d')
        return Promise.resolve(++n)
      },
    })
    await counts.get('a')
    await settle()
    await clock.advance(30 * day - 1000)
    expect(await counts.get('a')).toBe(1)
    await clock.advance(1000)
    expect(await counts.get('a')).toBe(2)
  })
})

describe('within a second after a write', () => {
  test('what is loaded is not written, and is written by the next load', async () => {
    const { cache, clock, events, settle, simulator } = createSimulatedClient()
    await cache.set('k', 'one', 0.2)
    await settle()
    await clock.advance(300)
    const written = simulator.operations
    expect(await cache.getOrSet('k', 600, () => Promise.resolve('two'))).toBe('two')
    await settle()
    expect(simulator.operations).toEqual({ ...written, read: written.read + 1 })
    await clock.advance(1000)
    expect(await cache.getOrSet('k', 600, () => Promise.resolve('three'))).toBe('three')
    await settle()
    expect(await cache.get('k')).toBe('three')
    expect(events).toEqual([])
  })
})

describe('the breaker', () => {
  function createFlaky(message: string) {
    const control = { isDown: true, reads: 0 }
    const simulator = createSimulator()
    const client = createSimulatedClient({
      simulator,
      memory: false,
      wrap: (kv) => {
        const broken = failingKV(kv, { message })
        const flaky = wrapKV(kv, {
          getWithMetadata: (real, args) => {
            control.reads++
            return control.isDown
              ? (broken.getWithMetadata as (...args: unknown[]) => unknown)(...args)
              : real(...args)
          },
        })
        return circuitBreaker(flaky, { now: simulator.clock.now, timers: simulator.clock })
      },
    })
    return { ...client, control }
  }

  test('spares KV after five failures, and probes it after the cooldown', async () => {
    const { cache, clock, control, events } = createFlaky('KV GET failed: 500')
    const counts = cache.define('count', { ...createCounter().options, memory: false })
    for (let i = 0; i < 10; i++) expect(await counts.get('a')).toEqual({ n: 1 })
    expect(control.reads).toBe(5)
    // The refusals are not reported: the failures that led to them were.
    expect(events).toHaveLength(5)
    await clock.advance(9999)
    await counts.get('a')
    expect(control.reads).toBe(5)
    await clock.advance(1)
    for (let i = 0; i < 3; i++) await counts.get('a')
    expect(control.reads).toBe(6)
  })

  test('counts failures in a row only', async () => {
    const { cache, control } = createFlaky('KV GET failed: 500 Internal Server Error')
    const counts = cache.define('count', { ...createCounter().options, memory: false })
    for (let round = 0; round < 3; round++) {
      control.isDown = true
      for (let i = 0; i < 4; i++) await counts.get('a')
      control.isDown = false
      await counts.get('b')
    }
    expect(control.reads).toBe(15)
  })

  test("does not count what is the request's own fault", async () => {
    const { cache, control } = createFlaky('KV GET failed: 400 Bad Request')
    const counts = cache.define('count', { ...createCounter().options, memory: false })
    for (let i = 0; i < 10; i++) await counts.get('a')
    expect(control.reads).toBe(10)
  })
})
