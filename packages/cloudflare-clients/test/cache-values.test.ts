import { describe, expect, test } from 'vitest'
import {
  loadMany,
  schemaFormat,
  type StandardSchema,
  CacheCounters,
  type CacheDefinitionOptions,
  deleteByPrefix,
  loadWithin,
  valueFormat,
  type ValueEncoder,
  xfetch,
} from '../src/cache.ts'
import { keys } from '../src/index.ts'
import { createSimulatedClient } from './support/simulated-client.ts'

type Options = CacheDefinitionOptions<string, unknown>
const load: Options['load'] = () => Promise.resolve(1)

describe('an option that is out of range', () => {
  test.for<[name: string, options: Partial<Options>, message: string]>([
    [
      'fresh',
      { fresh: 0 },
      "fresh must be at least 0.001 seconds or text such as '5m', received 0",
    ],
    ['fresh', { fresh: NaN }, 'fresh must be at least 0.001 seconds'],
    ['stale', { stale: -1 }, 'stale must be at least 0 seconds'],
    ['staleIfError', { staleIfError: Infinity }, 'staleIfError must be at least 0 seconds'],
    ['negative', { negative: '-1s' }, 'negative must be at least 0 seconds'],
    ['memory', { memory: -1 }, 'memory must be at least 0 seconds'],
    ['errorBackoff', { errorBackoff: -1 }, 'errorBackoff must be at least 0 seconds'],
    ['softTimeout', { softTimeout: 0 }, 'softTimeout must be at least 0.001 seconds'],
    ['jitter', { jitter: 1.1 }, 'jitter must be from 0 to 1, received 1.1'],
    ['jitter', { jitter: NaN }, 'jitter must be from 0 to 1, received NaN'],
    ['refreshAhead', { refreshAhead: -0.1 }, 'refreshAhead must be from 0 to 1, received -0.1'],
    ['cacheTtl', { cacheTtl: 29 }, 'cacheTtl must be from 30 to Infinity, received 29'],
    ['fresh with tags', { fresh: '31d', tags: () => [] }, 'fresh and grace must be from 0 to'],
    ['stale with clearable', { stale: '30d', clearable: true }, 'fresh and grace must be'],
  ])('%s is refused where it is defined: %o', ([, options, message]) => {
    const { cache } = createSimulatedClient()
    expect(() => cache.define('x', { load, fresh: 60, ...options })).toThrow(RangeError)
    expect(() => cache.define('x', { load, fresh: 60, ...options })).toThrow(
      `Cannot define cache "x": ${message}`,
    )
  })

  test('is refused where it is no duration', () => {
    const { cache } = createSimulatedClient()
    const fresh = '5 minutes' as unknown as number
    expect(() => cache.define('x', { load, fresh })).toThrow(TypeError)
  })

  test('is refused by the client', () => {
    for (const options of [{ takeoverMs: 0 }, { memory: { maxEntries: 0 } }]) {
      expect(() => createSimulatedClient(options)).toThrow(RangeError)
    }
  })

  test('is refused by what a definition is given', () => {
    expect(() => valueFormat({ version: NaN })).toThrow('version must be')
    expect(() => xfetch({ beta: -1 })).toThrow('beta must be from 0 to 100')
    expect(() => xfetch({ beta: Infinity })).toThrow('beta must be')
    expect(() => loadWithin('0s', load)).toThrow('it must be at least 0.001 seconds')
  })

  test('is a name that is taken, or too long', () => {
    const { cache } = createSimulatedClient()
    cache.define('x', { load, fresh: 60 })
    expect(() => cache.define('x', { load, fresh: 60 })).toThrow('it is already defined')
    expect(() => cache.define('x'.repeat(201), { load, fresh: 60 })).toThrow(RangeError)
  })
})

describe('keys', () => {
  test('of different parts never meet, in memory nor in KV', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const ids: (string | string[])[] = [
      ['a', 'b'],
      'a:b',
      'a%3Ab',
      '["a","b"]',
      ['a:b', ''],
      ['a', ':b'],
      ['', 'a', 'b'],
      ['a', 'b', ''],
      'A:B',
      'a~b',
      ' a:b',
      'é',
      'e\u0301',
      '\uD800',
      '\uD801',
      'x'.repeat(600),
      'x'.repeat(601),
      '.',
      '..',
      '',
    ]
    const values = cache.define('v', {
      key: (id: string | string[]) => id,
      load: (id) => Promise.resolve({ id: JSON.stringify(id) }),
      fresh: 600,
    })
    const expected = ids.map((id) => ({ id: JSON.stringify(id) }))
    expect(await Promise.all(ids.map((id) => values.get(id)))).toEqual(expected)
    await settle()
    expect(simulator.store('CACHE_KV').keys()).toHaveLength(ids.length)
    const other = createSimulatedClient({ simulator })
    const read = other.cache.define('v', {
      key: (id: string | string[]) => id,
      load: () => Promise.reject(new Error('loaded again')),
      fresh: 600,
    })
    expect(await Promise.all(ids.map((id) => read.get(id)))).toEqual(expected)
  })

  test('of parts that are built in one array anew for each id never meet', async () => {
    const { cache } = createSimulatedClient()
    const parts: string[] = []
    const values = cache.define('v', {
      key: (id: string) => {
        parts.splice(0, parts.length, 'of', id)
        return parts
      },
      load: (id) => Promise.resolve(id),
      fresh: 60,
    })
    expect([await values.get('a'), await values.get('b')]).toEqual(['a', 'b'])
  })

  test('of definitions never meet, whatever the names', async () => {
    const counters = new CacheCounters()
    const { cache } = createSimulatedClient({ observer: counters })
    const names = ['a', 'a:b', 'a\0b', 'a\0', '__proto__', 'constructor', '1']
    const values = names.map((name) => {
      const definition = cache.define(name, {
        load: (id: string) => Promise.resolve(`${name} ${id}`),
        fresh: 60,
      })
      return Promise.all(['b\0c', 'c', '\0c', 'b:c'].map((id) => definition.get(id)))
    })
    expect(await Promise.all(values)).toEqual(
      names.map((name) => ['b\0c', 'c', '\0c', 'b:c'].map((id) => `${name} ${id}`)),
    )
    expect(counters.names.sort()).toEqual([...names].sort())
  })

  test('of ids that are no text need to be defined', async () => {
    const { cache } = createSimulatedClient()
    const byNumber = cache.define('n', { load: (id: number) => Promise.resolve(id), fresh: 60 })
    expect(await byNumber.getMany([1, 2, 1])).toEqual(
      new Map([
        [1, 1],
        [2, 2],
      ]),
    )
    const byObject = cache.define('o', {
      load: (id: { a: number }) => Promise.resolve(id),
      fresh: 60,
    })
    await expect(byObject.get({ a: 1 })).rejects.toThrow(
      'Cannot read cache "o": key must be defined for object ids',
    )
  })

  test('of a name as long as it may be are under its prefix', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const name = 'é'.repeat(100)
    expect(() => cache.define(`${name}e`, { load, fresh: 60 })).toThrow(
      'name bytes must be from 0 to 200, received 201',
    )
    await cache.define(name, { load, fresh: 60 }).get('a')
    await settle()
    await deleteByPrefix(cache, keys.cachePrefix(name))
    expect(simulator.store('CACHE_KV').keys()).toEqual([])
  })
})

describe('getMany', () => {
  test('rejects with the error of one load, and keeps what the others loaded', async () => {
    const { cache } = createSimulatedClient()
    const failure = new Error('down')
    const loads: string[] = []
    const values = cache.define('v', {
      load: (id: string) => {
        loads.push(id)
        return id === 'b' ? Promise.reject(failure) : Promise.resolve(id)
      },
      fresh: 60,
    })
    await expect(values.getMany(['a', 'b', 'c'])).rejects.toBe(failure)
    expect(await values.getMany(['c', 'a', 'c'])).toEqual(
      new Map([
        ['c', 'c'],
        ['a', 'a'],
      ]),
    )
    expect(loads).toEqual(['a', 'b', 'c'])
  })

  test('calls loadMany with at most 100 ids', async () => {
    const { cache } = createSimulatedClient()
    const sizes: number[] = []
    const values = cache.define('v', {
      load: loadMany((ids: readonly number[]) => {
        sizes.push(ids.length)
        return Promise.resolve(new Map(ids.map((id) => [id, id])))
      }),
      fresh: 60,
    })
    const found = await values.getMany(Array.from({ length: 250 }, (_, id) => id))
    expect(found.size).toBe(250)
    expect(sizes).toEqual([100, 100, 50])
  })
})

describe('a codec', () => {
  test('may write the text null for a value', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const options = {
      load: () => Promise.resolve('null'),
      fresh: 60,
      format: valueFormat<string>({ codec: { encode: (text) => text, decode: (text) => text } }),
    }
    expect(await cache.define('v', options).read('a')).toMatchObject({ value: 'null' })
    await settle()
    const other = createSimulatedClient({ simulator })
    expect(await other.cache.define('v', options).read('a')).toMatchObject({
      value: 'null',
      status: 'hit',
    })
  })

  test('does not see a missing value', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const options: CacheDefinitionOptions<string, Date> = {
      load: () => Promise.resolve(null),
      fresh: 60,
      format: valueFormat<Date>({
        codec: { encode: (date) => date.toJSON(), decode: (text) => new Date(text) },
      }),
    }
    expect(await cache.define('v', options).get('a')).toBeNull()
    await settle()
    const other = createSimulatedClient({ simulator })
    expect(await other.cache.define('v', options).read('a')).toMatchObject({
      value: null,
      status: 'negative',
      tier: 'kv',
    })
  })

  test('that cannot read an entry makes it a miss', async () => {
    const { cache, events, simulator, settle } = createSimulatedClient()
    const writer = createSimulatedClient({ simulator })
    await writer.cache.define('v', { load: () => Promise.resolve('old'), fresh: 60 }).get('a')
    await writer.settle()
    const values = cache.define('v', {
      load: () => Promise.resolve('new'),
      fresh: 60,
      format: valueFormat<string>({
        codec: {
          encode: (text) => `text ${text}`,
          decode: (text) => {
            if (!text.startsWith('text ')) throw new Error(`bad ${text}`)
            return text.slice(5)
          },
        },
      }),
    })
    expect(await values.get('a')).toBe('new')
    await settle()
    expect(events).toEqual([expect.objectContaining({ type: 'corrupt_value' })])
    expect(JSON.stringify(events)).not.toContain('old')
  })
})

describe('a version', () => {
  test('is migrated to the text that memory keeps, also for a codec and an unchanged value', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    await cache.define('v', { load: () => Promise.resolve('1970-01-01'), fresh: 60 }).get('a')
    await settle()
    simulator.resetBill()
    const other = createSimulatedClient({ simulator })
    const dates = other.cache.define<string, Date>('v', {
      load: () => Promise.reject(new Error('loaded again')),
      fresh: 60,
      format: valueFormat<Date>({
        version: 2,
        migrate: (text) => new Date(text as string),
        codec: {
          encode: (date) => date.toJSON(),
          decode: (text) => JSON.parse(text.startsWith('"') ? text : `"${text}"`) as unknown,
        },
      }),
    })
    expect((await dates.read('a')).tier).toBe('kv')
    expect((await dates.read('a')).tier).toBe('memory')
    expect(simulator.operations).toEqual({ read: 1, write: 0, delete: 0, list: 0 })
  })

  test('is kept with a missing value', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const missing = { load: () => Promise.resolve(null), fresh: 60 }
    await cache.define('v', missing).get('a')
    await settle()
    const other = createSimulatedClient({ simulator })
    const values = other.cache.define('v', { ...missing, format: valueFormat({ version: 2 }) })
    expect(await values.read('a')).toMatchObject({ status: 'negative', tier: 'kv' })
  })

  test('that a definition without a format meets makes a miss', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    await cache.define('v', { load, fresh: 60, format: valueFormat({ version: 2 }) }).get('a')
    await settle()
    const { cache: older, events } = createSimulatedClient({ simulator })
    expect(await older.define('v', { load, fresh: 60 }).read('a')).toMatchObject({ status: 'miss' })
    expect(events).toEqual([expect.objectContaining({ reason: 'it has another format' })])
  })

  test('that a schema alone meets makes a miss', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    await cache.define('v', { load, fresh: 60, format: valueFormat({ version: 2 }) }).get('a')
    await settle()
    const { cache: older, events } = createSimulatedClient({ simulator })
    const anything: StandardSchema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: String(value) }) },
    }
    const values = older.define('v', { load, fresh: 60, format: schemaFormat(anything) })
    expect(await values.read('a')).toMatchObject({ status: 'miss' })
    expect(events).toEqual([expect.objectContaining({ reason: 'it has another format' })])
  })

  test('is migrated before a schema checks it', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    await cache.define('v', { load, fresh: 60 }).get('a')
    await settle()
    const { cache: later } = createSimulatedClient({ simulator })
    const short: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => (value === 'new' ? { value } : { issues: [{ message: 'old' }] }),
      },
    }
    const format = schemaFormat(short, valueFormat({ version: 2, migrate: () => 'new' }))
    const values = later.define('v', { load, fresh: 60, format })
    expect(await values.read('a')).toMatchObject({ value: 'new', tier: 'kv' })
  })
})

describe('an encoder', () => {
  const half: ValueEncoder = {
    name: 'half',
    encode: (text) => Promise.resolve(`${text.length}${text[1] ?? ''}`),
    decode: (text) =>
      Promise.resolve(JSON.stringify((text.at(-1) ?? '').repeat(parseInt(text) - 2))),
  }
  const huge = 'x'.repeat(27_000_000)

  test('may make a value over 25 MiB small enough', async () => {
    const { cache, events, simulator, settle } = createSimulatedClient()
    const options = {
      load: () => Promise.resolve(huge),
      fresh: 60,
      format: valueFormat<string>({ encoders: [half] }),
    }
    expect(await cache.define('v', options).get('a')).toHaveLength(huge.length)
    await settle()
    expect(events).toEqual([])
    const other = createSimulatedClient({ simulator })
    expect(await other.cache.define('v', options).read('a')).toMatchObject({ tier: 'kv' })
  })

  test('that there is none for a value over 25 MiB refuses a put', async () => {
    const { cache } = createSimulatedClient()
    const values = cache.define('v', { load, fresh: 60 })
    await expect(values.put('a', huge)).rejects.toThrow('value bytes must be from 0 to 26214400')
  })

  test('that fails reaches no caller, is reported, and leaves the value in memory', async () => {
    const { cache, events, simulator, settle } = createSimulatedClient()
    const down: ValueEncoder = {
      name: 'down',
      encode: () => Promise.reject(new Error('R2 down')),
      decode: () => Promise.reject(new Error('R2 down')),
    }
    const values = cache.define('v', { load, fresh: 60, format: valueFormat({ encoders: [down] }) })
    expect(await values.get('a')).toBe(1)
    await values.put('b', 2)
    await settle()
    expect(await values.read('a')).toMatchObject({ value: 1, tier: 'memory' })
    expect(await values.read('b')).toMatchObject({ value: 2, tier: 'memory' })
    expect(events.map(({ type }) => type)).toEqual(['store_error', 'store_error'])
    expect(simulator.store('CACHE_KV').keys()).toEqual([])
  })

  test('that cannot read an entry makes it a miss', async () => {
    const { cache, events, simulator, settle } = createSimulatedClient()
    await cache
      .define('v', {
        load: () => Promise.resolve('xx'),
        fresh: 60,
        format: valueFormat<string>({ encoders: [half] }),
      })
      .get('a')
    await settle()
    const unknowing = createSimulatedClient({ simulator })
    expect(await unknowing.cache.define('v', { load, fresh: 60 }).get('a')).toBe(1)
    expect(unknowing.events).toEqual([expect.objectContaining({ type: 'corrupt_value' })])
    expect(events).toEqual([])
  })
})

describe('a schema', () => {
  const names = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'string'
          ? { value: { name: value } }
          : { issues: [{ message: 'must be text' }] },
    },
  } as const

  test('does not see a missing value', async () => {
    const { cache } = createSimulatedClient()
    const values = cache.define('v', {
      load: () => Promise.resolve(null),
      fresh: 60,
      format: schemaFormat<object>(names),
    })
    expect(await values.get('a')).toBeNull()
    await values.put('b', null)
    expect(await values.read('b')).toMatchObject({ value: null, status: 'negative' })
  })

  test('may make another value of it, the same on a miss and a hit', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const options = {
      load: () => Promise.resolve('ada' as never),
      fresh: 60,
      format: schemaFormat<object>(names),
    }
    expect(await cache.define('v', options).get('a')).toEqual({ name: 'ada' })
    await settle()
    const other = createSimulatedClient({ simulator })
    expect(await other.cache.define('v', options).read('a')).toMatchObject({
      value: { name: 'ada' },
      tier: 'kv',
    })
  })

  test('that does not fit what was loaded or put rejects, and stores nothing', async () => {
    const { cache, simulator, settle } = createSimulatedClient()
    const values = cache.define('v', {
      load: () => Promise.resolve(5 as never),
      fresh: 60,
      format: schemaFormat<object>(names),
    })
    const invalid = { name: 'CacheLoadError', code: 'invalid_value' }
    await expect(values.get('a')).rejects.toMatchObject(invalid)
    await expect(values.put('a', 5 as never)).rejects.toMatchObject(invalid)
    await settle()
    expect(simulator.store('CACHE_KV').keys()).toEqual([])
  })
})

describe('a clock that differs', () => {
  test('makes an entry from over a minute ahead a miss, and one from less a hit', async () => {
    for (const [aheadMs, tier] of [
      [60_001, 'origin'],
      [59_999, 'kv'],
    ] as const) {
      const { cache, clock, simulator } = createSimulatedClient()
      const loadedAtMs = clock.now() + aheadMs
      const freshUntilMs = loadedAtMs + 60_000
      simulator.store('CACHE_KV').seed('cache:v:a', '2', {
        metadata: { codex: 1, loadedAtMs, loadMs: 1, freshUntilMs },
      })
      expect(await cache.define('v', { load, fresh: 60 }).read('a')).toMatchObject({ tier })
    }
  })

  test('does not make what is loaded here last longer than fresh', async () => {
    const { cache, clock, simulator, settle } = createSimulatedClient()
    const loadedAtMs = clock.now() + 59_000
    simulator.store('CACHE_KV').seed('cache:v:ahead', '2', {
      metadata: {
        codex: 1,
        loadedAtMs,
        loadMs: 1,
        freshUntilMs: loadedAtMs + 60_000,
      },
    })
    const values = cache.define('v', { load, fresh: 60 })
    await values.get('ahead')
    await values.get('own')
    await settle()
    await clock.advance(60_000)
    expect(await values.read('own')).toMatchObject({ status: 'miss' })
  })

  test('of a marker ends no more than what was loaded until it is read', async () => {
    const { cache, clock, simulator, settle } = createSimulatedClient()
    const aheadMs = clock.now() + 30_000
    simulator.store('CACHE_KV').seed('cache-tag:t', String(aheadMs))
    const values = cache.define('v', { load, fresh: 600, memory: 60, tags: () => ['t'] })
    await values.get('a')
    await settle()
    await clock.advance(1)
    expect(await values.read('a')).toMatchObject({ status: 'hit', tier: 'memory' })
  })

  test.for(['', 'text', 'NaN', '-5', '{}'])(
    'leaves a marker of %j without effect',
    async (text) => {
      const { cache, simulator } = createSimulatedClient()
      simulator.store('CACHE_KV').seed('cache-tag:t', text)
      const values = cache.define('v', { load, fresh: 600, tags: () => ['t'] })
      await values.get('a')
      expect(await values.read('a')).toMatchObject({ status: 'hit' })
    },
  )
})

test('cacheTtl is passed to KV, for the entry and its markers', async () => {
  const { cache, clock, simulator, settle } = createSimulatedClient({
    memory: false,
    simulator: createSimulatedClient().simulator,
    wrap: (kv) =>
      new Proxy(kv, {
        get: (target, property) =>
          property === 'getWithMetadata'
            ? (...args: unknown[]) => {
                reads.push(args)
                return (target.getWithMetadata as (...args: unknown[]) => unknown)(...args)
              }
            : (Reflect.get(target, property) as unknown),
      }),
  })
  const reads: unknown[][] = []
  expect(clock.now()).toBeGreaterThan(0)
  await cache.define('v', { load, fresh: 60, cacheTtl: 300, tags: () => ['t'] }).get('a')
  await cache.define('w', { load, fresh: 60 }).get('a')
  await settle()
  expect(reads).toEqual([
    [['cache:v:a', 'cache-tag:t'], { cacheTtl: 300 }],
    ['cache:w:a', undefined],
  ])
  expect(simulator.operations.read).toBe(3)
})

test('without memory every read asks KV, and concurrent ones share it', async () => {
  const { cache, simulator, settle } = createSimulatedClient({ memory: false })
  const values = cache.define('v', { load, fresh: 60 })
  await values.get('a')
  await settle()
  simulator.resetBill()
  await Promise.all([values.get('a'), values.get('a')])
  await values.get('a')
  expect(simulator.operations).toEqual({ read: 2, write: 0, delete: 0, list: 0 })
})

test('chance refreshes early as often as XFetch says', async () => {
  const trials = 400
  let early = 0
  let draw = 0
  const counters = new CacheCounters()
  const { cache, clock, settle } = createSimulatedClient({
    random: () => draw,
    observer: counters,
  })
  let delayMs = 1000
  const values = cache.define('v', {
    load: async () => {
      await clock.sleep(delayMs)
      return 1
    },
    fresh: 100,
    memory: 100,
    jitter: 0,
    refreshAhead: xfetch(),
  })
  for (let trial = 0; trial < trials; trial++) {
    delayMs = 1000
    draw = 0
    await clock.run(() => values.get(String(trial)))
    await settle()
    delayMs = 0
    // Two of its load times before the end: e^-2 of all draws are early.
    await clock.advance(97_000)
    const before = counters.stats('v').loads
    draw = (trial + 0.5) / trials
    await values.get(String(trial))
    await settle()
    early += counters.stats('v').loads - before
  }
  expect(early / trials).toBeCloseTo(Math.exp(-2), 2)
})
