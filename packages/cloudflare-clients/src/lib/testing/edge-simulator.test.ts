import { describe, expect, test } from 'vitest'
import type { ConsistencyPreset } from './consistency.ts'
import {
  createEdgeSimulator,
  type EdgeSimulator,
  type EdgeSimulatorOptions,
} from './edge-simulator.ts'

/** 2026-01-01T00:00:00Z, the start of a day. */
const startMs = 1_767_225_600_000

interface Pair {
  readonly simulator: EdgeSimulator
  readonly amsterdam: KVNamespace
  readonly singapore: KVNamespace
}

function createPair(options: EdgeSimulatorOptions = {}): Pair {
  const simulator = createEdgeSimulator({ locations: ['AMS', 'SIN'], ...options })
  return {
    simulator,
    amsterdam: simulator.location('AMS').kv('KV'),
    singapore: simulator.location('SIN').kv('KV'),
  }
}

const instant = { propagation: 0, readYourWrites: 1 }

describe('locations', () => {
  test('share the store of a namespace and not those of others', async () => {
    const { simulator, amsterdam } = createPair({ consistency: 'strong' })
    await amsterdam.put('k', 'v')
    expect(await simulator.location('SIN').kv('KV').get('k')).toBe('v')
    expect(await simulator.location('SIN').kv('OTHER').get('k')).toBeNull()
    expect(simulator.location('SIN').kv('KV')).toBe(simulator.location('SIN').kv('KV'))
  })

  test('that are not there are refused by name', () => {
    const { simulator } = createPair({ namespaces: ['KV'] })
    expect(() => simulator.location('LHR')).toThrow(
      new RangeError('Cannot find location "LHR": expected one of AMS, SIN'),
    )
    expect(() => simulator.location('AMS').kv('OTHER')).toThrow(
      new RangeError('Cannot find namespace "OTHER": expected one of KV'),
    )
  })

  test.each<readonly [string, () => unknown]>([
    ['no location', () => createEdgeSimulator({ locations: [] })],
    ['two of a name', () => createEdgeSimulator({ locations: ['AMS', { name: 'AMS' }] })],
    ['a plan', () => createEdgeSimulator({ plan: 'enterprise' as 'free' })],
    ['consistency', () => createEdgeSimulator({ consistency: 'perfect' as 'strong' })],
    ['latency', () => createEdgeSimulator({ latency: 'low' as 'none' })],
    ['readYourWrites', () => createEdgeSimulator({ consistency: { readYourWrites: 2 } })],
    ['cachesPerLocation', () => createEdgeSimulator({ consistency: { cachesPerLocation: 0 } })],
    ['tombstoneSeconds', () => createEdgeSimulator({ consistency: { tombstoneSeconds: -1 } })],
    ['propagation', () => createEdgeSimulator({ consistency: { propagation: [[0.5, 1]] } })],
    ['coldReadMs', () => createEdgeSimulator({ latency: { coldReadMs: -1 } })],
    ['hotReadMs', () => createEdgeSimulator({ locations: [{ name: 'AMS', hotReadMs: NaN }] })],
    ['writesPerDay', () => createEdgeSimulator({ limits: { writesPerDay: NaN } })],
  ])('and options out of range are refused: %s', (_, create) => {
    expect(create).toThrow(RangeError)
  })
})

describe('a location', () => {
  test('serves a value it has cached until it is 60 seconds old', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    await amsterdam.put('k', 'old')
    expect(await singapore.get('k')).toBe('old')
    await simulator.clock.advance(1000)
    await amsterdam.put('k', 'new')
    expect(await amsterdam.get('k')).toBe('new')
    await simulator.clock.advance(58_999)
    expect(await singapore.get('k')).toBe('old')
    await simulator.clock.advance(1)
    expect(await singapore.get('k')).toBe('new')
  })

  test('serves a miss it has cached as long', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    expect(await singapore.get('k')).toBeNull()
    await amsterdam.put('k', 'v')
    await simulator.clock.advance(59_999)
    expect(await singapore.get('k')).toBeNull()
    await simulator.clock.advance(1)
    expect(await singapore.get('k')).toBe('v')
  })

  test('serves a deleted value as long', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    simulator.store('KV').seed('k', 'v')
    expect(await singapore.get('k')).toBe('v')
    await amsterdam.delete('k')
    await simulator.clock.advance(59_999)
    expect(await singapore.get('k')).toBe('v')
    await simulator.clock.advance(1)
    expect(await singapore.get('k')).toBeNull()
  })

  test('caches for the cacheTtl of the read, and a lower one shortens it', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    simulator.store('KV').seed('k', 'old')
    await singapore.get('k', { cacheTtl: 3600 })
    await amsterdam.put('k', 'new')
    await simulator.clock.advance(3_599_999)
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('old')
    // A reader that takes nothing older than a minute gets the new value at once, and so does everybody after it.
    expect(await singapore.get('k')).toBe('new')
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('new')
  })

  test('does not keep a value for longer because of a higher cacheTtl', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    simulator.store('KV').seed('k', 'old')
    await singapore.get('k')
    await amsterdam.put('k', 'new')
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('old')
    await simulator.clock.advance(60_000)
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('new')
  })

  test('caches each key of a bulk read', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    simulator.store('KV').seed('a', '1')
    await singapore.get(['a', 'b'], { cacheTtl: 30 })
    await amsterdam.put('a', '2')
    await amsterdam.put('b', '2')
    await simulator.clock.advance(29_999)
    expect(await singapore.get('a')).toBe('1')
    expect(await singapore.get(['a', 'b'])).toEqual(
      new Map([
        ['a', '1'],
        ['b', null],
      ]),
    )
    await simulator.clock.advance(1)
    expect([...(await singapore.get(['a', 'b'])).values()]).toEqual(['2', '2'])
  })

  test('does not serve a cached value past its expiration', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    await amsterdam.put('k', 'v', { expirationTtl: 60 })
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('v')
    await simulator.clock.advance(59_999)
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBe('v')
    await simulator.clock.advance(1)
    expect(await singapore.get('k', { cacheTtl: 3600 })).toBeNull()
    expect((await singapore.list()).keys).toEqual([])
  })

  test('asks the store again when a cached value has expired, and caches that it has', async () => {
    const { simulator, amsterdam, singapore } = createPair({ consistency: instant })
    await amsterdam.put('gone', 'v', { expirationTtl: 60 })
    await amsterdam.put('written', 'old', { expirationTtl: 60 })
    await singapore.get(['gone', 'written'], { cacheTtl: 3600 })
    await simulator.clock.advance(30_000)
    await amsterdam.put('written', 'new')
    await simulator.clock.advance(30_000)
    expect(await singapore.get('written', { cacheTtl: 3600 })).toBe('new')
    const statuses = [
      (await singapore.getWithMetadata('gone')).cacheStatus,
      (await singapore.getWithMetadata('gone')).cacheStatus,
    ]
    expect(statuses).toEqual(['MISS', 'HIT'])
  })

  test('goes on with what it has cached when it does not see its own write', async () => {
    const { simulator, amsterdam } = createPair({
      consistency: { propagation: 0, readYourWrites: 0 },
    })
    simulator.store('KV').seed('k', 'old')
    await amsterdam.get('k')
    await amsterdam.put('k', 'new')
    await simulator.clock.advance(59_999)
    expect(await amsterdam.get('k')).toBe('old')
    await simulator.clock.advance(1)
    expect(await amsterdam.get('k')).toBe('new')
  })

  test('says whether its cache answered', async () => {
    const { simulator, singapore } = createPair()
    const status = async (): Promise<string | null> =>
      (await singapore.getWithMetadata('k')).cacheStatus
    expect([await status(), await status()]).toEqual(['MISS', 'HIT'])
    simulator.location('SIN').evict('KV', 'k')
    expect([await status(), await status()]).toEqual(['MISS', 'HIT'])
    simulator.location('SIN').evict('KV')
    expect([await status(), await status()]).toEqual(['MISS', 'HIT'])
    simulator.location('SIN').evict()
    expect(await status()).toBe('MISS')
  })

  test('with several caches goes back to an older value', async () => {
    const { simulator, amsterdam, singapore } = createPair({
      consistency: { ...instant, cachesPerLocation: 2 },
    })
    await amsterdam.put('k', '1')
    const seen: (string | null)[] = []
    for (let version = 2; version < 12; version++) {
      for (let read = 0; read < 4; read++) {
        seen.push(await singapore.get('k'))
        await simulator.clock.advance(11_000)
      }
      await amsterdam.put('k', String(version))
    }
    const goesBack = seen.some((value, at) => Number(value) < Number(seen[at - 1]))
    expect(goesBack).toBe(true)
  })
})

describe('a write', () => {
  /** How long after a write each of many keys is first read in another location, which has none of them cached. */
  async function measureDelays(consistency: ConsistencyPreset): Promise<number[]> {
    const { simulator, amsterdam, singapore } = createPair({ seed: 5, consistency })
    const names = Array.from({ length: 3000 }, (_, index) => `k${index}`)
    for (const name of names) await amsterdam.put(name, 'v')
    const delays: number[] = []
    let missing = names
    for (let seconds = 0; missing.length > 0; seconds++) {
      simulator.location('SIN').evict()
      const found = await Promise.all(missing.map((name) => singapore.get(name)))
      for (const value of found) if (value !== null) delays.push(seconds)
      missing = missing.filter((_, index) => found[index] === null)
      await simulator.clock.advance(1000)
    }
    return delays
  }

  test('reaches other locations within seconds, and now and then after more than a minute', async () => {
    const delays = await measureDelays('typical')
    const shareWithin = (seconds: number): number =>
      delays.filter((delay) => delay <= seconds).length / delays.length
    expect(shareWithin(1)).toBeGreaterThan(0.5)
    expect(shareWithin(5)).toBeGreaterThan(0.985)
    expect(shareWithin(5)).toBeLessThan(1)
    expect(Math.max(...delays)).toBeGreaterThan(60)
    expect(Math.max(...delays)).toBeLessThanOrEqual(180)
  })

  test('reaches other locations after up to five minutes where all is at its worst', async () => {
    const delays = await measureDelays('adverse')
    expect(delays.filter((delay) => delay > 60).length).toBeGreaterThan(200)
    expect(Math.max(...delays)).toBeGreaterThan(250)
    expect(Math.max(...delays)).toBeLessThanOrEqual(300)
  })

  test('is not always visible to its own location', async () => {
    const shareSeen = async (readYourWrites: number): Promise<number> => {
      const { amsterdam } = createPair({ consistency: { readYourWrites, propagation: 10_000 } })
      let seen = 0
      for (let index = 0; index < 1000; index++) {
        await amsterdam.get(`k${index}`)
        await amsterdam.put(`k${index}`, 'v')
        if ((await amsterdam.get(`k${index}`)) === 'v') seen++
      }
      return seen / 1000
    }
    expect(await shareSeen(1)).toBe(1)
    expect(await shareSeen(0.95)).toBeCloseTo(0.95, 1)
    expect(await shareSeen(0.5)).toBeCloseTo(0.5, 1)
    expect(await shareSeen(0)).toBe(0)
  })

  test('that is stored last wins, also where it is seen first', async () => {
    const { simulator, amsterdam, singapore } = createPair({
      consistency: { propagation: 5000, readYourWrites: 1 },
    })
    await amsterdam.put('k', 'first')
    await simulator.clock.advance(1000)
    await singapore.put('k', 'second')
    expect(await singapore.get('k')).toBe('second')
    expect(await amsterdam.get('k')).toBe('first')
    await simulator.clock.advance(70_000)
    expect([await amsterdam.get('k'), await singapore.get('k')]).toEqual(['second', 'second'])
    expect(simulator.store('KV').get('k')?.text).toBe('second')
  })

  test('of a key within a second of another is refused, wherever it comes from', async () => {
    const { simulator, amsterdam, singapore } = createPair()
    await amsterdam.put('k', '1')
    await amsterdam.put('other', '1')
    await simulator.clock.advance(999)
    await expect(singapore.put('k', '2')).rejects.toThrow(
      new Error('KV PUT failed: 429 Too Many Requests'),
    )
    await expect(amsterdam.delete('k')).rejects.toThrow(
      new Error('KV DELETE failed: 429 Too Many Requests'),
    )
    await simulator.clock.advance(1)
    await singapore.put('k', '2')
    expect(simulator.store('KV').get('k')?.text).toBe('2')
  })
})

describe('a list', () => {
  test('shows what its location sees', async () => {
    const { simulator, amsterdam, singapore } = createPair({
      consistency: { propagation: 10_000, readYourWrites: 1 },
    })
    simulator.store('KV').seed('a', '1', { metadata: { m: 1 } })
    await amsterdam.put('b', '2')
    expect((await amsterdam.list()).keys.map(({ name }) => name)).toEqual(['a', 'b'])
    expect((await singapore.list()).keys).toEqual([{ name: 'a', metadata: { m: 1 } }])
    await simulator.clock.advance(10_000)
    expect((await singapore.list()).keys).toHaveLength(2)
  })

  test('has short and empty pages while deleted and expired keys are being cleared away', async () => {
    const { simulator, amsterdam } = createPair({
      consistency: { ...instant, tombstoneSeconds: 100 },
    })
    const store = simulator.store('KV')
    for (const key of ['a', 'b', 'c', 'd', 'e']) store.seed(key, 'v')
    const expirationSeconds = simulator.clock.now() / 1000 + 50
    store.seed('f', 'v', { expirationSeconds })
    await simulator.clock.advance(50_000)
    for (const key of ['a', 'b', 'd', 'never there']) await amsterdam.delete(key)

    const pages: string[][] = []
    let page = await amsterdam.list({ limit: 2 })
    for (; !page.list_complete; page = await amsterdam.list({ limit: 2, cursor: page.cursor })) {
      pages.push(page.keys.map(({ name }) => name))
    }
    expect([...pages, page.keys.map(({ name }) => name)]).toEqual([[], ['c'], ['e']])
    expect(store.keys()).toEqual(['c', 'e'])

    await simulator.clock.advance(100_000)
    expect(await amsterdam.list({ limit: 2 })).toMatchObject({ list_complete: true })
  })
})

describe('the quota of the free plan', () => {
  test('refuses the 1,001st write of a day, until the day is over', async () => {
    const simulator = createEdgeSimulator({
      plan: 'free',
      clock: { now: () => startMs + elapsedMs, setTimeout },
    })
    let elapsedMs = 86_399_999
    const kv = simulator.location('AMS').kv('KV')
    for (let index = 0; index < 1000; index++) await kv.put(`k${index}`, 'v')
    await expect(kv.put('k1000', 'v')).rejects.toThrow(
      new Error('KV put() limit exceeded for the day.'),
    )
    await expect(simulator.location('SIN').kv('OTHER').put('k', 'v')).rejects.toThrow()
    expect(simulator.operations.write).toBe(1000)
    elapsedMs++
    await kv.put('k1000', 'v')
  })

  test('counts every type of operation, and every key of a bulk read', async () => {
    const simulator = createEdgeSimulator({
      plan: 'free',
      limits: { readsPerDay: 3, deletesPerDay: 0, listsPerDay: 1 },
    })
    const kv = simulator.location('AMS').kv('KV')
    await kv.get(['a', 'b', 'a'])
    await expect(kv.get(['a', 'b'])).rejects.toThrow('KV get() limit exceeded for the day.')
    await kv.get('a')
    await expect(kv.get('a')).rejects.toThrow('KV get() limit exceeded for the day.')
    await expect(kv.delete('a')).rejects.toThrow('KV delete() limit exceeded for the day.')
    await kv.list()
    await expect(kv.list()).rejects.toThrow('KV list() limit exceeded for the day.')
    expect(simulator.operations).toEqual({ read: 3, write: 0, delete: 0, list: 1 })
  })

  test('is not there on the paid plan', async () => {
    const kv = createEdgeSimulator().location('AMS').kv('KV')
    for (let index = 0; index < 1001; index++) await kv.put(`k${index}`, 'v')
  })
})

describe('latency', () => {
  test('is what a location has for hot and cold reads, writes and lists', async () => {
    const simulator = createEdgeSimulator({
      consistency: instant,
      latency: { coldReadMs: 100 },
      locations: ['AMS', { name: 'SIN', hotReadMs: 2, coldReadMs: 300, writeMs: 400, listMs: 500 }],
    })
    const { clock } = simulator
    const measure = async (call: () => Promise<unknown>): Promise<number> => {
      const beforeMs = clock.now()
      await clock.run(call)
      return clock.now() - beforeMs
    }
    const kv = simulator.location('SIN').kv('KV')
    expect(await measure(() => kv.get('k'))).toBe(300)
    expect(await measure(() => kv.get('k'))).toBe(2)
    expect(await measure(() => kv.get(['k']))).toBe(2)
    expect(await measure(() => kv.get(['k', 'l']))).toBe(300)
    expect(await measure(() => kv.put('k', 'v'))).toBe(400)
    expect(await measure(() => kv.list())).toBe(500)
    const amsterdam = simulator.location('AMS').kv('KV')
    expect(await measure(() => amsterdam.get('k'))).toBe(100)
    expect(await measure(() => amsterdam.get('k'))).toBe(0)
    expect(await measure(() => amsterdam.list())).toBe(100)
  })

  test('of the typical preset has its published percentiles', async () => {
    const simulator = createEdgeSimulator({ latency: 'typical' })
    const kv = simulator.location('AMS').kv('KV')
    const times: number[] = []
    await simulator.clock.run(async () => {
      for (let index = 0; index < 2000; index++) {
        const beforeMs = simulator.clock.now()
        await kv.get(`k${index}`)
        times.push(simulator.clock.now() - beforeMs)
      }
    })
    times.sort((a, b) => a - b)
    expect(times[1000]).toBeGreaterThan(45)
    expect(times[1000]).toBeLessThan(55)
    expect(times[1980]).toBeGreaterThan(230)
    expect(times[1980]).toBeLessThan(500)
  })

  test('does not let a value change while it is read', async () => {
    const simulator = createEdgeSimulator({
      consistency: { ...instant, caching: false },
      latency: { coldReadMs: 100, writeMs: 20 },
    })
    const { clock } = simulator
    const kv = simulator.location('AMS').kv('KV')
    simulator.store('KV').seed('k', 'before')
    const [early, late] = await clock.run(() =>
      Promise.all([
        // It meets the store after 50 ms, when the write, which does so after 30 ms, is there.
        kv.get('k', 'stream'),
        clock.sleep(20).then(() => kv.put('k', 'after')),
      ]).then(([stream]) => Promise.all([new Response(stream).text(), kv.get('k')])),
    )
    expect([early, late]).toEqual(['after', 'after'])

    await clock.advance(1000)
    const stream = await clock.run(async () => {
      const pending = kv.get('k', 'stream')
      await clock.sleep(50)
      await kv.put('k', 'much later')
      return pending
    })
    expect(await new Response(stream).text()).toBe('after')
  })
})
