import { describe, expect, test } from 'vitest'
import { type KVMethodName, type Observation, observe } from './support/observe-kv.ts'

/** A call, and what it gives: a value, or the text of what it throws. */
type Case = readonly [method: KVMethodName, args: readonly unknown[], expected: Observation]

const gives = (returned: unknown): Observation => ({ returned })
const rejects = (thrown: string): Observation => ({ thrown, when: 'as a rejection' })
const throws = (thrown: string): Observation => ({ thrown, when: 'at the call' })

const longKey = 'k'.repeat(513)
const tooLong = 'UTF-8 encoded length of 513 exceeds key length limit of 512.'
const outOfRange =
  'TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).'
const wrongBody =
  'TypeError: KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.'
const unknownType =
  'TypeError: Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".'
const noSymbol = 'TypeError: Cannot convert a Symbol value to a string'
const map = (...entries: (readonly [string, unknown])[]): Observation => gives({ map: entries })
const result = (value: unknown, metadata: unknown = null): unknown => ({ value, metadata })

/** Text, metadata: what is there before each case. */
const stored: Readonly<Record<string, readonly [value: string | Uint8Array, metadata?: unknown]>> =
  {
    '1': ['an index'],
    '042': ['no index'],
    '4294967294': ['the last index'],
    '4294967295': ['no index'],
    bytes: [new Uint8Array([0xff, 0x41])],
    empty: ['', 'm'],
    json: ['{"a":[1]}', { m: 1 }],
    'json:bom': ['\uFEFF1'],
    'json:null': ['null', 'm'],
    'json:zero': ['-0'],
    null: ['the key null'],
    text: ['text', 'm'],
  }

const reads: Readonly<Record<string, readonly Case[]>> = {
  'reads in every type': [
    ['get', ['text'], gives('text')],
    ['get', ['text', 'text'], gives('text')],
    ['get', ['json', 'json'], gives({ a: [1] })],
    ['get', ['text', 'arrayBuffer'], gives({ bytes: [116, 101, 120, 116] })],
    ['get', ['text', 'stream'], gives({ stream: [116, 101, 120, 116] })],
    ['get', ['json', { type: 'json', cacheTtl: 30 }], gives({ a: [1] })],
    ['get', ['empty'], gives('')],
    ['get', ['empty', 'stream'], gives({ stream: [] })],
    ['get', ['empty', 'arrayBuffer'], gives({ bytes: [] })],
    ['get', ['bytes'], gives('\uFFFDA')],
    ['get', ['bytes', 'arrayBuffer'], gives({ bytes: [255, 65] })],
    ['get', ['json:bom'], gives('\uFEFF1')],
  ],
  'gives null for what is not there': [
    ['get', ['none'], gives(null)],
    ['get', ['none', 'json'], gives(null)],
    ['get', ['none', 'stream'], gives(null)],
    ['get', ['none', 'no type'], gives(null)],
    ['getWithMetadata', ['none'], gives({ value: null, metadata: null, cacheStatus: null })],
  ],
  'reads metadata': [
    ['getWithMetadata', ['text'], gives({ value: 'text', metadata: 'm', cacheStatus: null })],
    [
      'getWithMetadata',
      ['json', 'json'],
      gives({ value: { a: [1] }, metadata: { m: 1 }, cacheStatus: null }),
    ],
    ['getWithMetadata', ['bytes'], gives({ value: '\uFFFDA', metadata: null, cacheStatus: null })],
    [
      'getWithMetadata',
      ['empty', 'stream'],
      gives({ value: { stream: [] }, metadata: 'm', cacheStatus: null }),
    ],
  ],
  'refuses what cannot be read': [
    [
      'get',
      ['text', 'json'],
      rejects(`SyntaxError: Unexpected token 'e', "text" is not valid JSON`),
    ],
    ['get', ['empty', 'json'], rejects('SyntaxError: Unexpected end of JSON input')],
    ['get', ['text', 'no type'], rejects(unknownType)],
    ['get', ['text', ''], rejects(unknownType)],
    ['get', ['text', { type: null }], rejects(unknownType)],
    ['get', ['text', 5], rejects(unknownType)],
  ],
  'reads keys as the text of what is passed': [
    ['get', [null], gives('the key null')],
    ['get', [1], gives('an index')],
    ['get', [undefined], gives(null)],
    ['get', [{}], gives(null)],
    ['get', ['text', null], gives('text')],
    ['get', ['text', {}], gives('text')],
    ['get', ['text', ['json']], gives('text')],
    [
      'get',
      [],
      throws(
        "TypeError: Failed to execute 'get' on 'KvNamespace': parameter 1 is not of type 'string or Array'.",
      ),
    ],
    [
      'getWithMetadata',
      [],
      throws(
        "TypeError: Failed to execute 'getWithMetadata' on 'KvNamespace': parameter 1 is not of type 'Array or string'.",
      ),
    ],
    ['get', [Symbol('key')], throws(noSymbol)],
    ['get', ['text', Symbol('type')], throws(noSymbol)],
    ['get', [[Symbol('key')]], throws(noSymbol)],
  ],
  'refuses keys that cannot be': [
    ['get', [''], rejects('TypeError: Key name cannot be empty.')],
    ['get', ['.'], rejects('TypeError: "." is not allowed as a key name.')],
    ['get', ['..'], rejects('TypeError: ".." is not allowed as a key name.')],
    ['getWithMetadata', [''], throws('TypeError: Key name cannot be empty.')],
    ['get', [longKey], rejects(`Error: KV GET failed: 414 ${tooLong}`)],
    ['put', [longKey, 'v'], rejects(`Error: KV PUT failed: 414 ${tooLong}`)],
    ['delete', [longKey], rejects(`Error: KV DELETE failed: 414 ${tooLong}`)],
    ['getWithMetadata', [longKey], throws(`Error: KV GET failed: 414 ${tooLong}`)],
    ['get', ['a\uD800'], rejects('Error: KV GET failed: 400 Could not URL-decode key name')],
    ['put', ['a\uD800', 'v'], rejects('Error: KV PUT failed: 400 Could not URL-decode key name')],
    ['delete', ['a\uD800'], rejects('Error: KV DELETE failed: 400 Could not URL-decode key name')],
    ['put', ['', 'v'], rejects('TypeError: Key name cannot be empty.')],
    [
      'put',
      [],
      rejects(
        "TypeError: Failed to execute 'put' on 'KvNamespace': parameter 1 is not of type 'string'.",
      ),
    ],
    [
      'put',
      ['k'],
      rejects(
        "TypeError: Failed to execute 'put' on 'KvNamespace': parameter 2 is not of type 'string or Object'.",
      ),
    ],
    [
      'delete',
      [],
      rejects(
        "TypeError: Failed to execute 'delete' on 'KvNamespace': parameter 1 is not of type 'string'.",
      ),
    ],
  ],
  'refuses a cacheTtl that is too short': [
    [
      'get',
      ['text', { cacheTtl: 29 }],
      rejects('Error: KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.'),
    ],
    [
      'get',
      ['text', { cacheTtl: NaN }],
      rejects('Error: KV GET failed: 400 Invalid cache_ttl of 0. Cache TTL must be at least 30.'),
    ],
    [
      'get',
      [['text'], { cacheTtl: 29.9 }],
      rejects(
        'Error: KV GET_BULK failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.',
      ),
    ],
    ['get', ['text', { cacheTtl: 2 ** 31 }], throws(outOfRange)],
    [
      'get',
      ['text', { cacheTtl: 60n }],
      throws('TypeError: Cannot convert a BigInt value to a number'),
    ],
    ['get', ['text', { cacheTtl: '30' }], gives('text')],
    ['get', ['text', { cacheTtl: undefined }], gives('text')],
  ],
  'reads many keys': [
    [
      'get',
      [['text', 'none', 'text', '042']],
      map(['text', 'text'], ['none', null], ['042', 'no index']),
    ],
    ['get', [['json', 'json:null'], 'json'], map(['json', { a: [1] }], ['json:null', null])],
    ['get', [['text'], ''], map(['text', 'text'])],
    ['get', [[null, 'empty']], map(['null', 'the key null'], ['empty', ''])],
    ['getWithMetadata', [['text', 'none']], map(['text', result('text', 'm')], ['none', null])],
    ['getWithMetadata', [['empty']], map(['empty', result('', 'm')])],
    [
      'getWithMetadata',
      [['json', 'json:null'], 'json'],
      map(['json', result({ a: [1] }, { m: 1 })], ['json:null', null]),
    ],
    ['get', [['bytes', 'json:bom']], map(['bytes', '\uFFFDA'], ['json:bom', '1'])],
    ['get', [['json:bom', 'json:zero'], 'json'], map(['json:bom', 1], ['json:zero', 0])],
  ],
  'leaves integer-like keys and __proto__ out of a bulk read': [
    ['get', [['1', '4294967294', '__proto__', 'none']], map(['none', null])],
    ['getWithMetadata', [['1', 'none']], map(['none', null])],
    ['get', [['042', '4294967295']], map(['042', 'no index'], ['4294967295', 'no index'])],
    ['get', ['1'], gives('an index')],
    ['get', ['__proto__'], gives('a prototype')],
  ],
  'refuses a bulk read as a whole': [
    ['get', [[]], rejects('Error: KV GET_BULK failed: 400 You must request a minimum of 1 key')],
    [
      'get',
      [Array.from({ length: 101 }, () => 'k')],
      rejects('Error: KV GET_BULK failed: 400 You can request a maximum of 100 keys'),
    ],
    [
      'get',
      [['json', 'text'], 'json'],
      rejects(
        'Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value',
      ),
    ],
    [
      'get',
      [['text'], 'arrayBuffer'],
      rejects(
        'Error: KV GET_BULK failed: 400 "arrayBuffer" is not a valid type. Use "json" or "text"',
      ),
    ],
    [
      'getWithMetadata',
      [[], 'stream'],
      rejects('Error: KV GET_BULK failed: 400 "stream" is not a valid type. Use "json" or "text"'),
    ],
    ['get', [['text', '']], rejects('Error: KV GET_BULK failed: 400 Key names must not be empty')],
    [
      'get',
      [['.']],
      rejects('Error: KV GET_BULK failed: 400 Illegal key name ".". Please use a different name.'),
    ],
    ['get', [[longKey]], rejects(`Error: KV GET_BULK failed: 414 ${tooLong}`)],
    [
      'get',
      [['text', ''], 'json'],
      rejects(
        'Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value',
      ),
    ],
    ['get', [['a\uD800']], map(['a\uFFFD\uFFFD\uFFFD', null])],
  ],
}

const circular: Record<string, unknown> = {}
circular.self = circular

const wrongPuts: Readonly<
  Record<string, readonly (readonly [args: readonly unknown[], thrown: string])[]>
> = {
  'refuses a value that is no text, buffer or stream': [
    [['k', {}], wrongBody],
    [['k', [1]], wrongBody],
    [['k', new Date(0)], wrongBody],
    [['k', () => 1], wrongBody],
    [['k', new Blob(['b'])], wrongBody],
    [['k', Symbol('v')], noSymbol],
  ],
  'refuses an expiry that cannot be': [
    [
      ['k', 'v', { expirationTtl: 59 }],
      'Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.',
    ],
    [
      ['k', 'v', { expirationTtl: 0 }],
      'Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.',
    ],
    [
      ['k', 'v', { expirationTtl: -60.5 }],
      'Error: KV PUT failed: 400 Invalid expiration_ttl of -60. Please specify integer greater than 0.',
    ],
    [
      ['k', 'v', { expirationTtl: Infinity }],
      'Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.',
    ],
    [
      ['k', 'v', { expirationTtl: null }],
      'Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.',
    ],
    [['k', 'v', { expirationTtl: 2 ** 31 }], outOfRange],
    [['k', 'v', { expirationTtl: 2 ** 31 - 0.5 }], outOfRange],
    [['', 'v', { expirationTtl: 2 ** 31 }], outOfRange],
    [
      ['k', 'v', { expiration: 1 }],
      'Error: KV PUT failed: 400 Invalid expiration of 1. Please specify integer greater than the current number of seconds since the UNIX epoch.',
    ],
    [
      ['k', 'v', 'options'],
      "TypeError: Failed to execute 'put' on 'KvNamespace': parameter 3 is not of type 'PutOptions'.",
    ],
  ],
  'refuses metadata that cannot be stored': [
    [
      ['k', 'v', { metadata: 'x'.repeat(1023) }],
      'Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.',
    ],
    [
      ['k', 'v', { metadata: 'é'.repeat(512) }],
      'Error: KV PUT failed: 413 Metadata length of 1026 exceeds limit of 1024.',
    ],
    [['k', 'v', { metadata: 10n }], 'TypeError: Do not know how to serialize a BigInt'],
    [['k', {}, { metadata: 10n }], 'TypeError: Do not know how to serialize a BigInt'],
    [['k', 'v', { metadata: () => 1 }], 'Error: KV PUT failed: 500 Internal Server Error'],
  ],
  'refuses a value over 25 MiB': [
    [
      ['k', 'x'.repeat(26_214_401)],
      'Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.',
    ],
    [
      ['k', new Uint8Array(26_214_401)],
      'Error: KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.',
    ],
  ],
}

const values: readonly (readonly [name: string, value: unknown, bytes: readonly number[]])[] = [
  ['undefined', undefined, [117, 110, 100, 101, 102, 105, 110, 101, 100]],
  ['null', null, [110, 117, 108, 108]],
  ['a number', 5, [53]],
  ['a BigInt', 10n, [49, 48]],
  ['true', true, [116, 114, 117, 101]],
  ['an empty text', '', []],
  ['a lone surrogate', 'v\uD800', [118, 237, 160, 128]],
  ['a buffer', new Uint8Array([1, 2]).buffer, [1, 2]],
  ['a view of part of a buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3), [2, 3]],
  ['a view of wider numbers', new Uint16Array([258]), [2, 1]],
]

/** Options, and how many of three keys are listed or what is thrown. */
const listOptions: readonly (readonly [options: unknown, expected: number | string])[] = [
  [undefined, 3],
  [null, 3],
  [{ limit: 0 }, 3],
  [{ limit: -1 }, 3],
  [{ limit: 1.9 }, 1],
  [{ limit: true }, 1],
  [{ prefix: 5 }, 0],
  [{ prefix: '\uD800' }, 0],
  [{ prefix: null, cursor: null }, 3],
  [{ cursor: '' }, 3],
  [{ cursor: '!!' }, 3],
  [{ cursor: 'YQ' }, 2],
  [{ cursor: 'YQYQY' }, 2],
  [
    { limit: 1001 },
    'Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.',
  ],
  [{ limit: 2 ** 31 }, outOfRange],
  [{ prefix: longKey }, `Error: KV GET failed: 414 ${tooLong}`],
  [
    { prefix: longKey, limit: 1001 },
    'Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.',
  ],
  [{ prefix: Symbol('p') }, noSymbol],
  [
    'p',
    "TypeError: Failed to execute 'list' on 'KvNamespace': parameter 1 is not of type 'ListOptions'.",
  ],
]

/** What Workers KV does with one location and no delay. It runs on the local KV of workerd and on the simulator. */
export function describeKVNamespace(name: string, createKV: () => KVNamespace): void {
  describe(name, () => {
    const fill = async (kv: KVNamespace): Promise<void> => {
      for (const [key, [value, metadata]] of Object.entries(stored)) {
        await kv.put(key, value, { metadata })
      }
      await kv.put('__proto__', 'a prototype')
    }

    test.for(Object.entries(reads))('%s', async ([, cases]) => {
      const kv = createKV()
      await fill(kv)
      for (const [method, args, expected] of cases) {
        expect([method, args, await observe(kv, method, ...args)]).toEqual([method, args, expected])
      }
    })

    test.for(Object.entries(wrongPuts))('%s, and stores nothing', async ([, cases]) => {
      const kv = createKV()
      for (const [args, thrown] of cases) {
        expect([thrown, await observe(kv, 'put', ...args)]).toEqual([thrown, rejects(thrown)])
      }
      expect(await observe(kv, 'list')).toEqual(
        gives({ keys: [], list_complete: true, cacheStatus: null }),
      )
    })

    test('says that metadata is circular', async () => {
      const observed = await observe(createKV(), 'put', 'k', 'v', { metadata: circular })
      expect(observed).toMatchObject({
        thrown: expect.stringMatching(
          /^TypeError: Converting circular structure to JSON/,
        ) as string,
      })
    })

    test.for(values)('stores %s', async ([, value, bytes]) => {
      const kv = createKV()
      expect(await observe(kv, 'put', 'k', value)).toEqual(gives(undefined))
      expect(await observe(kv, 'get', 'k', 'arrayBuffer')).toEqual(gives({ bytes }))
    })

    test('stores a buffer as it is at the call', async () => {
      const kv = createKV()
      const bytes = new Uint8Array([65])
      const pending = kv.put('k', bytes)
      bytes[0] = 66
      await pending
      expect(await kv.get('k')).toBe('A')
    })

    test('stores streams of bytes and of texts', async () => {
      const kv = createKV()
      await kv.put('response', new Response('hello').body ?? '')
      expect(await kv.get('response')).toBe('hello')
      const chunks = [new Uint8Array([65]), 'b', new Uint8Array([67]).buffer]
      const stream = new ReadableStream({
        start: (controller) => {
          for (const chunk of chunks) controller.enqueue(chunk)
          controller.close()
        },
      })
      await kv.put('chunks', stream)
      expect(await kv.get('chunks')).toBe('AbC')
    })

    test('refuses a stream that is locked or was read from', async () => {
      const kv = createKV()
      const locked = new Response('x').body
      locked?.getReader()
      expect(await observe(kv, 'put', 'k', locked)).toEqual(
        rejects('TypeError: The ReadableStream has been locked to a reader.'),
      )
      const used = new Response('x').body
      const reader = used?.getReader()
      await reader?.read()
      reader?.releaseLock()
      expect(await observe(kv, 'put', 'k', used)).toEqual(
        rejects('TypeError: This ReadableStream is disturbed.'),
      )
    })

    test('keeps what metadata has as JSON', async () => {
      const kv = createKV()
      const metadata = { date: new Date(0), none: undefined, text: 'é😀\uD800' }
      await kv.put('k', 'v', { metadata })
      const kept = { date: '1970-01-01T00:00:00.000Z', text: 'é😀\uD800' }
      expect(await kv.getWithMetadata('k')).toEqual({
        value: 'v',
        metadata: kept,
        cacheStatus: null,
      })
      expect((await kv.list()).keys).toEqual([{ name: 'k', metadata: kept }])
      for (const none of [null, undefined]) {
        await kv.put('k', 'v', { metadata: none })
        expect((await kv.list()).keys).toEqual([{ name: 'k' }])
      }
      await kv.put('k', 'v', { metadata: 0 })
      expect((await kv.list()).keys).toEqual([{ name: 'k', metadata: 0 }])
      await kv.put('k', 'v', { metadata: NaN })
      expect((await kv.list()).keys).toEqual([{ name: 'k', metadata: null }])
    })

    test('lists when a key expires: a TTL counts, where both are given', async () => {
      const kv = createKV()
      const before = Math.floor(Date.now() / 1000)
      const expiration = before + 100_000
      await kv.put('absolute', 'v', { expiration })
      await kv.put('both', 'v', { expiration: 1, expirationTtl: 60.9 })
      const { keys } = await kv.list()
      expect(keys[0]).toEqual({ name: 'absolute', expiration })
      const ttl = (keys[1]?.expiration ?? 0) - before
      expect(ttl).toBeGreaterThanOrEqual(60)
      expect(ttl).toBeLessThan(70)
      await kv.put('absolute', 'v')
      expect((await kv.list()).keys[0]).toEqual({ name: 'absolute' })
    })

    test('takes an expiry of 60 seconds from now and none before', async () => {
      const kv = createKV()
      const soon = Math.floor(Date.now() / 1000) + 30
      expect(await observe(kv, 'put', 'k', 'v', { expiration: soon })).toEqual(
        rejects(
          `Error: KV PUT failed: 400 Invalid expiration of ${soon}. Expiration times must be at least 60 seconds in the future.`,
        ),
      )
    })

    test('deletes what is there and what is not', async () => {
      const kv = createKV()
      await kv.put('k', 'v')
      expect(await observe(kv, 'delete', 'k')).toEqual(gives(undefined))
      expect(await observe(kv, 'delete', 'k')).toEqual(gives(undefined))
      expect(await kv.get('k')).toBeNull()
    })

    test('lists in the order of UTF-8 bytes, page by page', async () => {
      const kv = createKV()
      const names = ['Z', 'a', 'p/a', 'p/b', 'p/c', 'é', '\uFFEE', '😀']
      for (const name of names.toReversed()) await kv.put(name, 'v')
      const keys = names.map((name) => ({ name }))
      const complete = { list_complete: true, cacheStatus: null }
      expect(await kv.list()).toEqual({ keys, ...complete })
      expect(await kv.list({ prefix: 'p/', limit: 3 })).toEqual({
        keys: keys.slice(2, 5),
        ...complete,
      })
      const first = await kv.list({ prefix: 'p/', limit: 2 })
      expect(first).toEqual({
        keys: keys.slice(2, 4),
        list_complete: false,
        cursor: expect.any(String) as string,
        cacheStatus: null,
      })
      const cursor = first.list_complete ? null : first.cursor
      expect(await kv.list({ prefix: 'p/', cursor })).toEqual({
        keys: [{ name: 'p/c' }],
        ...complete,
      })
      const seen: string[] = []
      let page = await kv.list({ limit: 1 })
      for (; !page.list_complete; page = await kv.list({ limit: 1, cursor: page.cursor })) {
        seen.push(...page.keys.map((key) => key.name))
      }
      expect([...seen, page.keys[0]?.name]).toEqual(names)
    })

    test('takes options of a list as the runtime does', async () => {
      const kv = createKV()
      for (const key of ['a', 'b', 'c']) await kv.put(key, 'v')
      for (const [options, expected] of listOptions) {
        const observed = await observe(kv, 'list', options)
        if (typeof expected === 'string') expect(observed).toEqual(rejects(expected))
        else expect(observed).toMatchObject({ returned: { keys: { length: expected } } })
      }
    })

    test('refuses bulk reads of more than 25 MiB', async () => {
      const kv = createKV()
      await kv.put('large', 'x'.repeat(26_214_400))
      await kv.put('small', 'x')
      expect((await kv.get(['large'])).get('large')).toHaveLength(26_214_400)
      expect(await observe(kv, 'get', ['large', 'small'])).toEqual(
        rejects('Error: KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB'),
      )
    })

    test.for<KVMethodName>(['get', 'getWithMetadata', 'put', 'delete', 'list'])(
      'refuses %s without its receiver',
      (method) => {
        const detached = createKV()[method] as () => unknown
        expect(() => detached()).toThrow(
          /^Illegal invocation: function called with incorrect `this`/,
        )
      },
    )

    test('throws what a conversion of an argument throws', async () => {
      const kv = createKV()
      const fail = (): never => {
        throw new RangeError('own')
      }
      const bad = { toString: fail }
      expect(await observe(kv, 'get', bad)).toEqual(throws('RangeError: own'))
      expect(await observe(kv, 'put', bad, 'v')).toEqual(rejects('RangeError: own'))
      const options = { metadata: { toJSON: fail } }
      expect(await observe(kv, 'put', 'k', 'v', options)).toEqual(rejects('RangeError: own'))
    })
  })
}
