import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { serialize } from 'node:v8'
import type { StandardSchema } from '@codex/cloudflare-clients'
import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
import * as v from 'valibot'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  ConfigClient,
  ConfigError,
  type ConfigSource,
  envReferences,
  kvReferences,
  loadConfig,
  type LoadConfigOptions,
  type LoadedConfig,
  type ReferenceProvider,
  Secret,
  secretsStoreReferences,
} from '../../src/index.ts'
import { fileReferences } from '../../src/node.ts'

// A secret from everywhere a secret can come from, through everything that can go wrong, looked for in everything that can be seen.

/** Each is in its own words, so that what leaks says from where; with what JSON, a URL and base64 write otherwise. */
const canaries = {
  env: 'env-"canary/é ?&+1',
  kv: 'kv-"canary/é ?&+2',
  store: 'store-"canary/é ?&+3',
  file: 'file-"canary/é ?&+4',
  own: 'own-"canary/é ?&+5',
  code: 'code-"canary/é ?&+6',
  plain: 'plain-"canary/é ?&+7',
  variable: 'variable-"canary/é ?&+8',
  fallback: 'fallback-canary-9',
  overridden: 'displaced-canary-10',
  literal: 'literal-canary-11',
}

function toBase64(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

function toBase64Url(text: string): string {
  return toBase64(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function toHex(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Every way in which a piece of seven characters or more of a secret may be written, in lower case. */
function formsOf(secret: string): readonly string[] {
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    inspect(secret).slice(1, -1),
    encodeURIComponent(secret),
    encodeURI(secret),
    new URLSearchParams({ a: secret }).toString().slice(2),
    toBase64(secret).replace(/=+$/, ''),
    toBase64Url(secret),
    toHex(secret),
    secret.slice(0, 10),
    secret.slice(-10),
    Array.from(secret).reverse().join(''),
  ].map((form) => form.toLowerCase())
}

let folder = ''
const printed: string[] = []
const kv = createEdgeSimulator({ locations: ['AMS'] })
  .location('AMS')
  .kv('CONFIG_KV')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-config-canary-'))
  await writeFile(join(folder, 'password'), `${canaries.file}\n`)
  await kv.put('token', canaries.kv)
})

afterAll(() => rm(folder, { recursive: true }))

beforeEach(() => {
  printed.length = 0
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    vi.spyOn(console, method).mockImplementation((...values: unknown[]) => {
      printed.push(...values.map((value) => inspect(value, { depth: 20, showHidden: true })))
    })
  }
  const keep = (text: string | Uint8Array): boolean => printed.push(String(text)) > 0
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(process.stderr, 'write').mockImplementation(keep)
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** Everything that a value shows of itself. */
function showAll(value: unknown): string {
  const seen: string[] = []
  const show = (one: unknown, depth: number): void => {
    seen.push(inspect(one, { depth: 50, showHidden: true, getters: true, showProxy: true }))
    seen.push(inspect(one, { customInspect: false, depth: 50, showHidden: true }))
    seen.push(one as string, JSON.stringify(one, refuseCircles()))
    if (!(one instanceof Error) || depth > 10) return
    seen.push(one.message, String(one), one.stack ?? '', JSON.stringify(Object.entries(one)))
    show(one.cause, depth + 1)
    if (one instanceof AggregateError) for (const error of one.errors) show(error, depth + 1)
  }
  show(value, 0)
  return seen.join('\n').toLowerCase()
}

function refuseCircles(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>()
  return (_, value) => {
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return '[seen]'
    seen.add(value)
    return value
  }
}

function expectNoCanary(...values: readonly unknown[]): void {
  const text = [...values.map(showAll), ...printed].join('\n').toLowerCase()
  const leaks = Object.entries(canaries).flatMap(([name, secret]) =>
    formsOf(secret).some((form) => text.includes(form)) ? [name] : [],
  )
  expect(leaks).toStrictEqual([])
}

function textSource(uri: string, text: string): ConfigSource {
  return { uri, load: () => Promise.resolve([{ uri, text }]) }
}

const base = `
env: \${env:TOKEN}
kv: \${kv:token}
store: \${store:TOKEN}
file: \${file:password}
own: \${own:x}
part: "Bearer \${env:TOKEN} and \${kv:token}"
copy: \${config:file}
list:
  - \${env:TOKEN}
  - {deep: "\${own:x}"}
fallback: \${env:NONE:-${canaries.fallback}}
overridden: \${file:none:-${canaries.overridden}}
plain: ${JSON.stringify(canaries.plain)}
variable: x
port: 1
`

const own: ReferenceProvider = { isSecret: true, get: () => Promise.resolve(canaries.own) }

function optionsWith(
  changes: Partial<LoadConfigOptions<unknown>> = {},
): LoadConfigOptions<unknown> {
  return {
    defaults: { code: new Secret(canaries.code), overridden: canaries.overridden },
    sources: [textSource('file:base.yaml', base), textSource('file:top.yaml', 'overridden: none')],
    references: {
      env: envReferences({ TOKEN: canaries.env }, { isSecret: true }),
      kv: kvReferences(kv, { isSecret: true }),
      store: secretsStoreReferences({ TOKEN: { get: () => Promise.resolve(canaries.store) } }),
      file: fileReferences({ root: folder }),
      own,
    },
    overrides: { prefix: 'CANARY_', env: { CANARY_VARIABLE: canaries.variable } },
    secrets: ['plain', 'variable', 'overridden'],
    ...changes,
  }
}

async function failureOf(changes: Partial<LoadConfigOptions<unknown>>): Promise<ConfigError> {
  const error: unknown = await loadConfig(optionsWith(changes)).catch((reason: unknown) => reason)
  if (!(error instanceof ConfigError)) throw new Error('A ConfigError was wanted')
  return error
}

function withReference(name: string, get: () => unknown): Partial<LoadConfigOptions<unknown>> {
  const provider = { isSecret: true, get: get as ReferenceProvider['get'] }
  return { references: { ...optionsWith().references, [name]: provider } }
}

function echo(toMessage: (input: Record<string, string>) => string): StandardSchema<unknown> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const input = value as Record<string, string>
        const message = toMessage(input)
        return {
          issues: [
            { message, path: ['port'] },
            { message, path: ['env'] },
            { message, path: ['list', 1, { key: 'deep' }] },
            { message, path: ['none', message] },
            { message },
            { message, path: [message], expected: message },
          ],
        }
      },
    },
  }
}

describe('a loaded configuration', () => {
  let loaded: LoadedConfig<unknown>

  beforeAll(async () => {
    loaded = await loadConfig(optionsWith())
  })

  test('has the secrets, for those who ask', () => {
    const value = loaded.value as Record<string, Secret>
    const { code, env, file, own: ownValue, plain, store, variable, fallback } = canaries
    const secrets = { code, env, file, own: ownValue, plain, store, variable, fallback }
    for (const [name, secret] of Object.entries(secrets)) {
      expect(value[name]?.reveal(), name).toBe(secret)
    }
    expect(value.kv?.reveal()).toBe(canaries.kv)
    expect(value.part?.reveal()).toBe(`Bearer ${canaries.env} and ${canaries.kv}`)
  })

  test('shows none of them', () => {
    console.log(loaded, loaded.value)
    console.error(`${String(loaded.value)} %o`, loaded)
    const { env } = loaded.value as Record<string, Secret>
    expectNoCanary(loaded, loaded.value, env, String(env), Object.entries(env ?? {}), [env])
    // What another thread, a cache or a crash report would get.
    expectNoCanary(structuredClone(loaded.value), serialize(loaded.value).toString('latin1'))
    expectNoCanary(new Error(`failed with ${String(env)}`, { cause: loaded.value }))
  })

  test('explains itself without them, and what was overridden too', () => {
    const all = loaded.explain('')
    const paths = all?.leaves.map(({ path }) => path) ?? []
    expect(paths).toContain('list[1].deep')
    expectNoCanary(all, ...paths.map((path) => loaded.explain(path)))
    expect(loaded.explain('overridden')).toMatchObject({
      value: '[secret]',
      isSecret: true,
      overrode: [{ value: '[secret]' }, { value: '[secret]' }],
    })
    expect(loaded.explain('fallback')?.references).toStrictEqual(['${env:NONE}'])
  })

  test('tells what changed without them', async () => {
    const changes = withReference('own', () => Promise.resolve(`${canaries.own}x`))
    const newer = await loadConfig(optionsWith(changes))
    const differences = newer.diffFrom(loaded)
    const secret = { kind: 'changed', before: '[secret]', after: '[secret]' }
    expect(differences).toStrictEqual([
      { path: 'list[1].deep', ...secret },
      { path: 'own', ...secret },
    ])
    expectNoCanary(differences, newer, newer.fingerprint, loaded.fingerprint)
    expect(newer.fingerprint).not.toBe(loaded.fingerprint)
    expectNoCanary((await loadConfig({ sources: [] })).diffFrom(loaded))
  })

  test('a default of a secret reference that was overridden is not shown, even where its path is no secret', async () => {
    const { explain } = await loadConfig(optionsWith({ secrets: [], defaults: {} }))
    expect(explain('overridden')).toMatchObject({
      value: 'none',
      overrode: [{ value: '${file:none:-[secret]}' }],
    })
  })
})

describe('a client that refreshes', () => {
  test('shows no secret in events, lines of its log, changes, its status, nor in itself', async () => {
    let top = 'overridden: none'
    let answer = canaries.own
    const source: ConfigSource = {
      uri: 'file:top.yaml',
      load: () => Promise.resolve([{ uri: 'file:top.yaml', text: top }]),
    }
    const options = optionsWith({
      ...withReference('own', () => Promise.resolve(answer)),
      sources: [textSource('file:base.yaml', base), source],
      schema: { jsonSchema: { properties: { port: { type: 'integer' }, env: { minLength: 3 } } } },
    })
    const events: unknown[] = []
    const watching = new ConfigClient({
      ...options,
      refresh: 'on-read',
      onEvent: (event) => events.push(event),
    })
    // Its events go to the console.
    const logging = new ConfigClient({ ...options, refresh: 'on-read' })
    const seen: unknown[] = []
    for (const client of [watching, logging]) {
      client.watch((change) => seen.push(change))
      await client.ready()
    }
    const turns: (() => void)[] = [
      () => (answer = `${canaries.own}x`),
      () => (top = 'overridden: none\nport: "${own:x}"'),
      () => (top = `overridden: [\n${canaries.plain}`),
      () => (top = 'overridden: ${none:x}\nport: 2'),
      () => (top = 'overridden: none\nport: 3'),
    ]
    for (const turn of turns) {
      turn()
      for (const client of [watching, logging]) {
        seen.push(await client.refresh(), client.status(), client.explain(''))
      }
    }
    const statuses = seen.flatMap((one) => (Object(one) as { status?: unknown }).status ?? [])
    expect(statuses).toHaveLength(10)
    expect(statuses.filter((status) => status === 'failed')).toHaveLength(6)
    expect(events.length).toBeGreaterThanOrEqual(6)
    expect(printed.length).toBeGreaterThanOrEqual(3)
    expectNoCanary(watching, logging, ...events, ...seen)
  })
})

describe('a failure shows no secret', () => {
  const leaky = (): Error => {
    const cause = new Error(canaries.own, { cause: { token: canaries.own } })
    return Object.assign(new Error(`401 for ${canaries.own}`, { cause }), { token: canaries.own })
  }

  test.each<[name: string, () => unknown]>([
    ['rejects', () => Promise.reject(leaky())],
    [
      'throws',
      () => {
        throw leaky()
      },
    ],
    [
      'throws a text',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw canaries.own
      },
    ],
    [
      'has a secret as the name of its error',
      () => Promise.reject(Object.assign(leaky(), { name: canaries.own })),
    ],
    ['gives an object', () => Promise.resolve({ token: canaries.own })],
    ['gives nothing', () => Promise.resolve(null)],
  ])('of a provider that %s', async (_, get) => {
    const error = await failureOf(withReference('own', get))
    expect(error.faults.map(({ path }) => path)).toStrictEqual(['own', 'list[1].deep'])
    expectNoCanary(error)
  })

  test('of a malformed reference, an unknown provider, a circle', async () => {
    const texts = ['${file:x:-CANARY', '${nobody:x:-CANARY}', '${file:${nobody:y:-CANARY}}']
    for (const text of [...texts, '${CANARY}', '${config:a}CANARY', '${config:a:-CANARY}']) {
      const source = textSource('file:a.yaml', `a: "${text.replace('CANARY', canaries.literal)}"`)
      const error = await failureOf({ sources: [source] })
      expect(error.faults).toHaveLength(1)
      expectNoCanary(error)
    }
  })

  test.each(['yaml', 'json'])('of a text that cannot be parsed as %s', async (syntax) => {
    const { literal } = canaries
    for (const text of [
      `a: "${literal}\\q"`,
      `a: ${literal}: x`,
      `{"a": ${literal}`,
      literal,
      `a: *${literal}`,
      `a: !${literal} x`,
      `"${literal}": 1\n"${literal}: 2`,
    ]) {
      expectNoCanary(await failureOf({ sources: [textSource(`file:a.${syntax}`, text)] }))
    }
  })

  test('of a source that fails', async () => {
    const load = (): Promise<never> => Promise.reject(leaky())
    const error = await failureOf({ sources: [{ uri: 'own:', load }] })
    expect(error.code).toBe('unavailable')
    expectNoCanary(error)
  })

  test('of a URI that has credentials and no source', async () => {
    const loading = loadConfig({
      sources: [`https://user:${canaries.literal}@example.com/a.yaml`],
      resolver: () => undefined,
    })
    const error: unknown = await loading.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expectNoCanary(error)
  })

  test('of an override', async () => {
    const env = { CANARY_: canaries.variable, CANARY_LIST__9: canaries.variable }
    const error = await failureOf({ overrides: { prefix: 'CANARY_', env } })
    expect(error.faults).toHaveLength(2)
    expectNoCanary(error)
  })

  test('of a JSON Schema that every value breaks', async () => {
    const no = { type: 'integer', const: 1, minLength: 100, pattern: '^$', format: 'uuid' }
    const names = ['code', 'env', 'kv', 'store', 'file', 'own', 'part', 'copy', 'fallback', 'plain']
    const jsonSchema = {
      properties: {
        ...Object.fromEntries([...names, 'variable'].map((name) => [name, no])),
        list: { items: no, uniqueItems: true, contains: no, maxItems: 0 },
      },
      anyOf: [{ properties: { env: { enum: ['a'] } } }, { required: ['none'] }],
      propertyNames: { maxLength: 1 },
      not: { required: ['env'] },
      additionalProperties: false,
      maxProperties: 0,
    }
    const error = await failureOf({ schema: { jsonSchema } })
    expect(error.faults.length).toBeGreaterThan(names.length)
    expectNoCanary(error)
  })

  test('of valibot, whose messages quote what they received', async () => {
    const no = v.literal('something else')
    const schema = v.strictObject({
      env: no,
      kv: v.pipe(v.string(), v.email()),
      file: v.pipe(v.string(), v.maxLength(1)),
      own: v.picklist(['a', 'b']),
      part: v.number(),
      copy: v.union([v.number(), no]),
      list: v.tuple([no, v.strictObject({ deep: v.null() })]),
      plain: v.pipe(
        v.string(),
        v.check(
          (text) => text === '',
          (issue) => issue.input,
        ),
      ),
      port: v.literal(2),
      missing: v.string(),
    })
    const error = await failureOf({ schema })
    expect(error.faults.map(({ path }) => path)).toStrictEqual(
      expect.arrayContaining([
        'env',
        'kv',
        'file',
        'own',
        'list[1].deep',
        'plain',
        'port',
        'missing',
      ]),
    )
    // What has no secret in it keeps its words.
    expect(error.faults.find(({ path }) => path === 'port')?.reason).toBe(
      'Invalid type: Expected 2 but received 1',
    )
    expectNoCanary(error)
  })

  test.each<[name: string, (input: Record<string, string>) => string]>([
    ['as they are', (input) => `received ${Object.values(input).join()}`],
    ['as JSON', (input) => JSON.stringify(input)],
    ['twice as JSON', (input) => JSON.stringify(JSON.stringify(input))],
    ['inspected', (input) => inspect(input)],
    ['percent-encoded', (input) => encodeURIComponent(input.env ?? '')],
    ['in a query', (input) => new URLSearchParams({ a: input.env ?? '' }).toString()],
    ['in base64', (input) => toBase64(input.env ?? '')],
    ['in base64url', (input) => toBase64Url(input.env ?? '')],
    ['in hexadecimal', (input) => toHex(input.env ?? '')],
    ['cut off', (input) => `received ${input.env?.slice(0, 12) ?? ''}…`],
    ['without a beginning', (input) => `received …${input.env?.slice(-12) ?? ''}`],
    ['in upper case', (input) => `RECEIVED ${input.env?.toUpperCase() ?? ''}`],
  ])('of a schema whose messages have them %s', async (_, toMessage) => {
    const error = await failureOf({ schema: echo(toMessage) })
    expect(error.faults).toHaveLength(6)
    expectNoCanary(error)
  })

  test('of a schema that tells how one begins, where it is or below', async () => {
    const error = await failureOf({
      schema: echo(({ env }) => `begins with ${env?.slice(0, 5) ?? ''}`),
    })
    const told = error.faults.filter(({ reason }) => reason.includes('begins with'))
    expect(told.map(({ path }) => path.split(' ')[0])).not.toContain('env')
    for (const path of ['env', 'list[1].deep', '']) {
      expect(error.faults.find((fault) => fault.path === path)?.reason).toBe(
        'It does not fit the schema: wanted what the schema asks',
      )
    }
  })

  test('of a schema that throws', async () => {
    const schema = echo((input) => {
      throw new Error(JSON.stringify(input), { cause: input })
    })
    const error = await failureOf({ schema })
    expect(error.faults.map(({ reason }) => reason)).toStrictEqual(['The schema threw an error'])
    expectNoCanary(error)
  })

  test('of a secret that is short', async () => {
    const references = { env: envReferences({ PIN: 'q7' }, { isSecret: true }) }
    const schema = echo(() => 'received Q7')
    const error = await failureOf({
      sources: [textSource('file:a.yaml', 'a: ${env:PIN}\nport: 1')],
      references,
      schema,
    })
    expect(showAll(error.faults)).not.toContain('q7')
  })
})

test('what is looked for would be found', () => {
  for (const secret of Object.values(canaries)) {
    const error = new Error('x', { cause: new Error(secret) })
    for (const leak of [secret, { a: [secret] }, error, encodeURIComponent(secret)]) {
      expect(() => {
        expectNoCanary(leak)
      }).toThrow()
    }
  }
  console.log(canaries.env)
  expect(() => {
    expectNoCanary()
  }).toThrow()
})
