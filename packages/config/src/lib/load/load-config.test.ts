import { describe, expect, test } from 'vitest'
import * as v from 'valibot'
import { ConfigError } from '../config-error.ts'
import type { ConfigSource, SourceDocument } from '../config-source.ts'
import { Secret } from '../secret.ts'
import { envSource } from '../sources/env-source.ts'
import { loadConfig, type LoadConfigOptions } from './load-config.ts'
import { envReferences } from './reference-provider.ts'

function textSource(uri: string, text: string, version?: number): ConfigSource {
  const document = { uri, text, ...(version !== undefined && { version }) }
  return { uri, load: () => Promise.resolve([document]) }
}

function failingSource(uri: string, run: () => Promise<readonly SourceDocument[]>): ConfigSource {
  return { uri, load: run }
}

function missing(uri: string): ConfigSource {
  const error = new ConfigError(`Cannot read configuration ${uri}: it is not there`, {
    code: 'not_found',
    operation: 'read',
  })
  return failingSource(uri, () => Promise.reject(error))
}

async function failureOf<T>(options: LoadConfigOptions<T>): Promise<ConfigError> {
  const error: unknown = await loadConfig(options).catch((reason: unknown) => reason)
  if (error instanceof ConfigError) return error
  throw new Error('A ConfigError was wanted', { cause: error })
}

const secrets = envReferences({ TOKEN: 'correct horse' }, { isSecret: true })

describe('a load', () => {
  test('merges, overrides, resolves, validates and freezes', async () => {
    const loaded = await loadConfig({
      defaults: { server: { port: 1, host: 'a' } },
      sources: [
        textSource('file:base.yaml', 'server:\n  port: ${env:PORT:-8080}\n  maxBytes: 1\n'),
        textSource('file:top.json', '{"token": "${secret:TOKEN}", "list": [1, {"a": 2}]}', 4),
      ],
      references: { env: envReferences({}), secret: secrets },
      overrides: { prefix: 'APP_', env: { APP_SERVER__MAX_BYTES: '12' } },
      schema: {
        jsonSchema: {
          properties: {
            server: { properties: { port: { type: 'integer' }, maxBytes: { type: 'integer' } } },
          },
        },
      },
    })

    expect(loaded.value).toStrictEqual({
      server: { port: 8080, host: 'a', maxBytes: 12 },
      token: new Secret('correct horse'),
      list: [1, { a: 2 }],
    })
    expect(loaded.versions).toStrictEqual({ 'file:top.json': 4 })
    expect(loaded.sources).toStrictEqual(['file:base.yaml', 'file:top.json'])
    const { server, list } = loaded.value as { server: object; list: object[] }
    for (const part of [loaded, loaded.value, server, list, list[1], loaded.versions]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('of nothing is an empty map', async () => {
    const loaded = await loadConfig({ sources: [] })
    expect(loaded.value).toStrictEqual({})
    expect(loaded.explain('')).toMatchObject({ path: '', value: {}, leaves: [] })
  })

  test('gives what the schema makes of it, with defaults, and leaves what is no map or list', async () => {
    const { value } = await loadConfig({
      sources: [textSource('a:', 'since: 2026-11-21\ntoken: ${secret:TOKEN}\nnested: {x: 1}')],
      references: { secret: secrets },
      schema: v.pipe(
        v.object({
          since: v.pipe(
            v.string(),
            v.transform((text) => new Date(text)),
          ),
          token: v.pipe(
            v.string(),
            v.minLength(5),
            v.transform((text) => new Secret(text)),
          ),
          nested: v.optional(v.object({ x: v.number(), y: v.optional(v.number(), 2) })),
        }),
        v.readonly(),
      ),
    })
    expect(value.since.getTime()).toBe(Date.UTC(2026, 10, 21))
    // The type says so too.
    expect(value.token.reveal()).toBe('correct horse')
    expect(value.nested).toStrictEqual({ x: 1, y: 2 })
  })

  test('puts secrets back where the schema left a text, even into what is frozen', async () => {
    const { value } = await loadConfig({
      sources: [textSource('a:', 'a: {b: " ${secret:TOKEN} "}')],
      references: { secret: secrets },
      schema: v.pipe(
        v.object({ a: v.object({ b: v.pipe(v.string(), v.trim()) }) }),
        v.transform((all) => Object.freeze({ a: Object.freeze(all.a) })),
      ),
    })
    expect((value.a.b as unknown as Secret).reveal()).toBe('correct horse')
  })

  test('puts secrets back into a list that the schema sorted and filtered', async () => {
    const { value } = await loadConfig({
      sources: [textSource('a:', 'l: [plain, "b${secret:TOKEN}", "a${secret:TOKEN}", drop]')],
      references: { secret: secrets },
      schema: v.object({
        l: v.pipe(
          v.array(v.string()),
          v.transform((list) => list.filter((text) => text !== 'drop').sort()),
        ),
      }),
    })
    expect(value.l.map(String)).toStrictEqual(['[secret]', '[secret]', 'plain'])
  })

  test('waits for a schema that answers later', async () => {
    const schema = v.objectAsync({
      a: v.pipeAsync(
        v.number(),
        v.checkAsync((a) => Promise.resolve(a > 1), 'It is too small'),
      ),
    })
    const sources = [textSource('file:a.yaml', '# settings\na: 1')]
    expect((await failureOf({ sources, schema })).faults).toStrictEqual([
      { path: 'a', reason: 'It is too small', origin: { uri: 'file:a.yaml', line: 2, column: 1 } },
    ])
  })

  test('resolves URIs, and refuses those that nobody knows without printing them', async () => {
    const resolver = (uri: string): ConfigSource | undefined =>
      uri.startsWith('x:') ? textSource(uri, 'a: 1') : undefined
    const { value } = await loadConfig({
      sources: ['x:1', { uri: 'x:2', optional: true }],
      resolver,
    })
    expect(value).toStrictEqual({ a: 1 })
    const unknown = loadConfig({ sources: ['https://user:hunter2@host/'], resolver })
    await expect(unknown).rejects.toThrow(
      new TypeError(
        'Cannot load configuration: a URI that the resolver knows was wanted, received https:',
      ),
    )
    await expect(loadConfig({ sources: ['a.yaml'] })).rejects.toThrow(
      new TypeError(
        'Cannot load configuration: a resolver for URIs was wanted, received a plain path',
      ),
    )
  })

  test('reads all sources at once', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly SourceDocument[]>()
    const first = failingSource('a:', () => promise)
    const second = failingSource('b:', () => {
      resolve([{ uri: 'a:', text: 'a: 1' }])
      return Promise.resolve([{ uri: 'b:', text: 'b: 2' }])
    })
    expect((await loadConfig({ sources: [first, second] })).value).toStrictEqual({ a: 1, b: 2 })
  })
})

describe('a failure', () => {
  test('has every fault of every stage that could run', async () => {
    const error = await failureOf({
      sources: [textSource('file:a.yaml', 'a: 1\nb: ${env:NONE}\nc: ${nobody:x}\nd: x\ne: {}\n')],
      references: { env: envReferences({}) },
      overrides: { prefix: 'APP_', env: { APP_: 'x' } },
      schema: v.object({
        a: v.string(),
        b: v.number(),
        d: v.number(),
        e: v.object({ f: v.string() }),
      }),
    })

    expect(error).toMatchObject({ code: 'invalid', operation: 'load', retryable: false })
    expect(error.message).toBe(`Cannot load configuration:
- A name between underscores was wanted (env:APP_)
- b: \${env:NONE} has no value, and no default (file:a.yaml:2)
- c: \${nobody:x} has a provider that is not known, there are: config, env (file:a.yaml:3)
- a: Invalid type: Expected string but received 1 (file:a.yaml:1)
- d: Invalid type: Expected number but received "x" (file:a.yaml:4)
- e.f: Invalid key: Expected "f" but received undefined (file:a.yaml:5)`)
  })

  test('of sources and texts comes before what needs all of them', async () => {
    const error = await failureOf({
      sources: [
        textSource('file:a.yaml', 'a: 010\nb: .inf'),
        missing('file:b.yaml'),
        textSource('file:c.yaml', 'a: ${env:NONE}'),
        failingSource('own:', () => Promise.reject(new Error('hunter2'))),
      ],
      schema: v.object({ a: v.number() }),
    })
    expect(error.code).toBe('not_found')
    expect(error.cause).toBeInstanceOf(ConfigError)
    expect(error.faults.map(({ path, origin }) => [origin?.uri, origin?.line, path])).toStrictEqual(
      [
        ['file:b.yaml', undefined, ''],
        ['own:', undefined, ''],
        ['file:a.yaml', 1, 'a'],
        ['file:a.yaml', 2, 'b'],
      ],
    )
  })

  test('of an optional source that is not there is none, and any other one is', async () => {
    const source = missing('file:b.yaml')
    const { value } = await loadConfig({ sources: [{ source, optional: true }] })
    expect(value).toStrictEqual({})
    expect((await failureOf({ sources: [{ source, optional: false }] })).code).toBe('not_found')
    const forbidden = failingSource('a:', () => {
      const options = { code: 'forbidden', operation: 'read' } as const
      return Promise.reject(new ConfigError('Cannot read', options))
    })
    const error = await failureOf({ sources: [{ source: forbidden, optional: true }] })
    expect(error.code).toBe('forbidden')
  })

  test('of a source that gives nothing in time, whether it heeds the signal or not', async () => {
    const timers: (() => void)[] = []
    const signals: AbortSignal[] = []
    const silent: ConfigSource = {
      uri: 'silent:',
      load: ({ signal }) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    }
    const failing = failureOf({
      sources: [silent],
      timeoutMs: 250,
      timers: {
        setTimeout: (callback, delayMs) => {
          expect(delayMs).toBe(250)
          return timers.push(callback)
        },
        clearTimeout: () => undefined,
      },
    })
    timers[0]?.()
    expect(await failing).toMatchObject({
      code: 'timed_out',
      retryable: true,
      faults: [{ path: '', reason: 'The source gave nothing within 250 ms' }],
    })
    expect(signals[0]?.aborted).toBe(true)
  })

  test('of a load that is given up is what it was given up with', async () => {
    const controller = new AbortController()
    const reason = new Error('Shutting down')
    const silent = failingSource('silent:', () => new Promise(() => undefined))
    const loading = loadConfig({ sources: [silent], signal: controller.signal })
    controller.abort(reason)
    await expect(loading).rejects.toBe(reason)
    await expect(loadConfig({ sources: [], signal: controller.signal })).rejects.toBe(reason)
  })

  test('of options is a mistake of the caller', async () => {
    const load = (options: Partial<LoadConfigOptions>): Promise<unknown> =>
      loadConfig({ sources: [], ...options })
    await expect(load({ timeoutMs: 0 })).rejects.toThrow(RangeError)
    await expect(load({ timeoutMs: NaN })).rejects.toThrow(RangeError)
    await expect(load({ timeoutMs: 600_001 })).rejects.toThrow(RangeError)
    await expect(load({ schema: { jsonSchema: { type: 'int' } } })).rejects.toThrow(TypeError)
    await expect(load({ secrets: ['a..b'] })).rejects.toThrow(TypeError)
    await expect(load({ lists: { 'a[': 'append' } })).rejects.toThrow(TypeError)
    await expect(load({ overrides: { prefix: '', env: {} } })).rejects.toThrow(TypeError)
  })
})

describe('explain', () => {
  test('says where a value comes from and what it replaced', async () => {
    const loaded = await loadConfig({
      defaults: { server: { port: 1 }, list: [1] },
      sources: [
        textSource('file:base.yaml', 'server:\n  port: ${env:PORT:-8080}\n  host: h\n'),
        textSource('kv://main/web', 'server:\n  port: ${env:OTHER:-9}\nlist: []\nlone: {}', 12),
        textSource('file:top.yaml', 'lone: 1'),
      ],
      references: { env: envReferences({ OTHER: '99' }) },
    })
    const port = {
      path: 'server.port',
      value: '99',
      origin: { uri: 'kv://main/web', version: 12, line: 2, column: 3 },
      overrode: [
        { value: '${env:PORT:-8080}', origin: { uri: 'file:base.yaml', line: 2, column: 3 } },
        { value: 1, origin: { uri: 'defaults:' } },
      ],
      references: ['${env:OTHER}'],
      isSecret: false,
      leaves: [],
    }
    expect(loaded.explain('server.port')).toStrictEqual(port)
    expect(loaded.explain('server')).toMatchObject({
      path: 'server',
      value: { port: '99', host: 'h' },
      leaves: [port, { path: 'server.host', origin: { uri: 'file:base.yaml', line: 3 } }],
    })
    expect(loaded.explain('list')).toMatchObject({ value: [], overrode: [{ value: [1] }] })
    expect(loaded.explain('lone')).toMatchObject({
      value: 1,
      overrode: [{ value: {} }],
      warning: 'A single value replaced a map',
    })
    expect(loaded.explain('')?.leaves.map(({ path }) => path)).toStrictEqual([
      'server.port',
      'server.host',
      'list',
      'lone',
    ])
    expect(loaded.explain('server.none')).toBeNull()
    expect(loaded.explain('server.port.x')).toBeNull()
    expect(() => loaded.explain('server..port')).toThrow(TypeError)
  })

  test('finds names with dots, and items by either notation', async () => {
    const { explain } = await loadConfig({
      sources: [textSource('a:', '"a.b": {c: [1, {d: 2}]}\n"": 3\n"x y": 4')],
    })
    expect(explain('["a.b"].c[1].d')?.value).toBe(2)
    expect(explain('["a.b"].c.1.d')?.value).toBe(2)
    expect(explain('[""]')?.value).toBe(3)
    expect(explain('')?.leaves.map(({ path }) => path)).toStrictEqual([
      '["a.b"].c[0]',
      '["a.b"].c[1].d',
      '[""]',
      '["x y"]',
    ])
  })
})

describe('two loads', () => {
  const load = (text: string): ReturnType<typeof loadConfig> =>
    loadConfig({ sources: [textSource('a:', text)], references: { secret: secrets } })

  test('that say the same have one fingerprint, and no differences', async () => {
    const one = await load('a: 1\nb: {c: x, d: "${secret:TOKEN}"}')
    const other = await load('b: {d: "${secret:TOKEN}", c: "x"}\na: 1')
    expect(other.fingerprint).toBe(one.fingerprint)
    expect(one.fingerprint).toMatch(/^[\da-f]{64}$/)
    expect(other.diffFrom(one)).toStrictEqual([])
  })

  test('have a fingerprint that nobody can compute who knows what they say', async () => {
    const { fingerprint } = await load('{}')
    const bytes = new TextEncoder().encode('{}')
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const noKey = await crypto.subtle.importKey('raw', new Uint8Array(32), algorithm, false, [
      'sign',
    ])
    for (const digest of [
      await crypto.subtle.digest('SHA-256', bytes),
      await crypto.subtle.sign('HMAC', noKey, bytes),
    ]) {
      const octets = Array.from(new Uint8Array(digest), (byte) =>
        byte.toString(16).padStart(2, '0'),
      )
      expect(fingerprint).not.toBe(octets.join(''))
    }
  })

  test.each([
    ['a: 1', 'a: "1"'],
    ['a: {}', 'a: []'],
    ['a: [1, 2]', 'a: [2, 1]'],
    ['a: null', '{}'],
    ['a: "[secret]"', 'a: "${secret:TOKEN}"'],
    ['a: "${secret:TOKEN}"', 'a: correct horse'],
    ['a: "${secret:TOKEN}"', 'a: "${secret:TOKEN}x"'],
    ['a: "b,c"', 'a: [b, c]'],
  ])('%s and %s differ', async (one, other) => {
    const [before, after] = [await load(one), await load(other)]
    expect(after.fingerprint).not.toBe(before.fingerprint)
    expect(after.diffFrom(before).length).toBeGreaterThan(0)
  })

  test('differ value by value', async () => {
    const before = await load('a: 1\nb: {c: 2, d: {}}\nl: [1, 2]\ns: "${secret:TOKEN}"')
    const after = await load('a: 1\nb: {c: 3}\nl: [1]\ns: "${secret:TOKEN}!"\nn: {x: y}')
    expect(after.diffFrom(before)).toStrictEqual([
      { path: 'b.c', kind: 'changed', before: 2, after: 3 },
      { path: 'b.d', kind: 'removed', before: {} },
      { path: 'l[1]', kind: 'removed', before: 2 },
      { path: 'n.x', kind: 'added', after: 'y' },
      { path: 's', kind: 'changed', before: '[secret]', after: '[secret]' },
    ])
    expect(() => after.diffFrom({ ...before })).toThrow(TypeError)
  })
})

test('a document in a variable is typed and has references, as one in a file; a variable for each value has neither', async () => {
  const schema = {
    jsonSchema: { properties: { port: { type: 'integer' }, token: { type: 'string' } } },
  }
  const references = { env: envReferences({ TOKEN: 'from the environment' }) }
  const load = (env: Record<string, string>, uri: string) =>
    loadConfig({ sources: [envSource(uri, env)], schema, references })
  const text = 'port: 8080\ntoken: ${env:TOKEN}'
  expect((await load({ APP_DOC: text }, 'env:APP_DOC')).value).toEqual({
    port: 8080,
    token: 'from the environment',
  })
  await expect(load({ APP_DOC: 'port: "8080"' }, 'env:APP_DOC')).rejects.toMatchObject({
    faults: [{ path: 'port' }],
  })
  const single = { APP_PORT: '8080', APP_TOKEN: '${env:TOKEN}' }
  expect((await load(single, 'env:APP_')).value).toEqual({ port: 8080, token: '${env:TOKEN}' })
})
