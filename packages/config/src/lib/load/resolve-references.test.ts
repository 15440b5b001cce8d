import { describe, expect, test } from 'vitest'
import { env as bindings } from 'cloudflare:workers'
import { ConfigError } from '../config-error.ts'
import type { ConfigTree } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import { loadConfig, type LoadConfigOptions } from './load-config.ts'
import {
  envReferences,
  kvReferences,
  type ReferenceProvider,
  secretsStoreReferences,
} from './reference-provider.ts'

const env = { PORT: '8080', DIR: 'a', A: 'x', 'k:y': 'colon', EMPTY: '', TEMPLATE: '${env:PORT}' }
const references = {
  env: envReferences(env),
  secret: envReferences({ TOKEN: 'correct horse', a: 'of a' }, { isSecret: true }),
}

async function resolve(
  tree: ConfigTree,
  options: Partial<LoadConfigOptions> = {},
): Promise<unknown> {
  const load = () => Promise.resolve([{ uri: 'test:', tree, originOf: () => ({ uri: 'test:' }) }])
  return (await loadConfig({ sources: [{ uri: 'test:', load }], references, ...options })).value
}

async function faultsOf(
  tree: ConfigTree,
  options: Partial<LoadConfigOptions> = {},
): Promise<readonly string[]> {
  const error: unknown = await resolve(tree, options).catch((reason: unknown) => reason)
  if (!(error instanceof ConfigError)) throw new Error('A ConfigError was wanted')
  expect(error.code).toBe('invalid')
  return error.faults.map(({ path, reason }) => `${path}: ${reason}`)
}

const wanted = 'A reference such as ${env:PORT} was wanted: write $${ for a literal ${'

describe('a text', () => {
  test.each([
    ['${env:PORT}', '8080'],
    ['http://${env:A}:${env:PORT}/', 'http://x:8080/'],
    ['${env:NONE:-1}', '1'],
    ['${env:NONE:-}', ''],
    ['${env:NONE:-a:-b}', 'a:-b'],
    ['${env:NONE:-${env:A}}', 'x'],
    ['${env:EMPTY:-1}', ''],
    ['${env:k:y}', 'colon'],
    ['$${env:PORT}', '${env:PORT}'],
    ['$${env:PORT} ${env:PORT}', '${env:PORT} 8080'],
    ['$$${env:PORT}', '$${env:PORT}'],
    ['$', '$'],
    ['$$', '$$'],
    ['$PORT a$b $(x)', '$PORT a$b $(x)'],
    ['cost: 5$', 'cost: 5$'],
    ['}${env:A}}', '}x}'],
    // What a reference brings is never read for references.
    ['${env:TEMPLATE}', '${env:PORT}'],
    ['-${env:TEMPLATE}-', '-${env:PORT}-'],
  ])('%s is %s', async (text, result) => {
    expect(await resolve({ a: text })).toStrictEqual({ a: result })
  })

  test.each([
    ['${HOME}', wanted],
    ['${}', wanted],
    ['${ env:A}', wanted],
    ['${1:A}', wanted],
    ['a ${env:A', 'A reference is not closed with }'],
    ['${env:A:-${env:B}', 'A reference is not closed with }'],
    ['${env:NONE}', '${env:NONE} has no value, and no default'],
    ['${env:NONE:-${env:ALSO}}', '${env:ALSO} has no value, and no default'],
    [
      '${vault:A:-1}',
      '${vault:A} has a provider that is not known, there are: config, env, secret',
    ],
    [
      '${constructor:A}',
      '${constructor:A} has a provider that is not known, there are: config, env, secret',
    ],
    ['${env:toString}', '${env:toString} has no value, and no default'],
  ])('%s is refused: %s', async (text, reason) => {
    expect(await faultsOf({ a: text })).toStrictEqual([`a: ${reason}`])
  })

  test('eight levels are read, nine are refused', async () => {
    const nested = (levels: number): string =>
      '${env:NONE:-'.repeat(levels) + 'x' + '}'.repeat(levels)
    expect(await resolve({ a: nested(8) })).toStrictEqual({ a: 'x' })
    expect(await faultsOf({ a: nested(9) })).toStrictEqual([
      'a: At most 8 references within each other were wanted',
    ])
  })
})

describe('secrets', () => {
  test('a whole one, one in a text, and one that a secret led to', async () => {
    const value = (await resolve({
      whole: '${secret:TOKEN}',
      part: 'Bearer ${secret:TOKEN}',
      led: '${env:${secret:NONE:-A}}',
      fallback: '${secret:NONE:-dev}',
    })) as Record<string, Secret>
    expect(Object.values(value).every((one) => one instanceof Secret)).toBe(true)
    expect(Object.values(value).map((one) => one.reveal())).toStrictEqual([
      'correct horse',
      'Bearer correct horse',
      'x',
      'dev',
    ])
  })

  test('paths that are secrets whatever their source', async () => {
    const value = (await resolve(
      { db: { password: 'plain', user: 'u' }, keys: [{ token: '${env:A}' }, { token: null }] },
      { secrets: ['db.password', 'keys.*.token'] },
    )) as { db: { password: Secret; user: string }; keys: { token: Secret | null }[] }
    expect(value.db.password.reveal()).toBe('plain')
    expect(value.db.user).toBe('u')
    expect(value.keys.map(({ token }) => token?.reveal())).toStrictEqual(['x', undefined])
    expect(await faultsOf({ pin: 1234 }, { secrets: ['pin'] })).toStrictEqual([
      'pin: A secret has to be a text: quote it',
    ])
  })
})

describe('other values of the configuration', () => {
  test('keep their types alone, and are texts within one', async () => {
    const tree = {
      server: { port: 8080, hosts: ['a', 'b'], isOn: true, nothing: null },
      port: '${config:server.port}',
      on: '${config:server.isOn}',
      url: 'http://${config:server.hosts[1]}:${config:port}',
      again: '${config:url}/x',
      fallback: '${config:server.none:-d}',
      dir: '${env:${config:name}}',
      name: 'DIR',
    }
    expect(await resolve(tree)).toMatchObject({
      port: 8080,
      on: true,
      url: 'http://b:8080',
      again: 'http://b:8080/x',
      fallback: 'd',
      dir: 'a',
    })
  })

  test.each<[string, ConfigTree, readonly string[]]>([
    ['itself', { a: '${config:a}' }, ['a: It refers to itself: a → a']],
    [
      'a circle',
      { a: 'x${config:b}', b: '${config:c}', c: '${config:a}', d: '${config:a}' },
      [
        'a: It refers to itself: a → b → c → a',
        'b: It refers to itself: b → c → a → b',
        'c: It refers to itself: c → a → b → c',
      ],
    ],
    [
      'a circle by way of a default',
      { a: '${env:NONE:-${config:b}}', b: '${env:${config:a}}' },
      ['a: It refers to itself: a → b → a', 'b: It refers to itself: b → a → b'],
    ],
    [
      'a map',
      { a: '${config:b}', b: { c: 1 } },
      ['a: ${config:b}: a single value was wanted, there is a map'],
    ],
    ['nothing', { a: '${config:b.c}' }, ['a: ${config:b.c} has no value, and no default']],
    ['a null', { a: '-${config:b}', b: null }, ['a: ${config:b} has no value, and no default']],
    [
      'no path',
      { a: '${config:b..c}' },
      ['a: ${config:b..c}: a path such as server.ports[2] was wanted'],
    ],
    [
      'a path that is resolved',
      { a: '${config:${env:A}}' },
      ['a: ${config:${env:A}}: the path may have no reference in it'],
    ],
    [
      'one that failed, which says why itself',
      { a: '${config:b}', b: '${env:NONE}' },
      ['b: ${env:NONE} has no value, and no default'],
    ],
  ])('%s is refused', async (_, tree, faults) => {
    expect(await faultsOf(tree)).toStrictEqual(faults)
  })

  test('a few lines that double each other are refused', async () => {
    const tree: Record<string, string> = { a0: 'x'.repeat(64) }
    for (let level = 1; level < 200; level++) {
      tree[`a${level}`] = `\${config:a${level - 1}}`.repeat(2)
    }
    expect(await faultsOf(tree)).toContainEqual(
      expect.stringContaining('References made a text of over 1 MiB'),
    )
  })
})

describe('providers', () => {
  test('each distinct reference is asked once, all at once', async () => {
    const asked: string[] = []
    const waiting = Promise.withResolvers<string>()
    const slow: ReferenceProvider = {
      isSecret: false,
      get(key) {
        asked.push(key)
        if (key === 'last') waiting.resolve('v')
        return waiting.promise
      },
    }
    // None is answered before the last one is asked.
    const tree = { a: '${slow:x}', b: '${slow:x}-${slow:y}', c: '${slow:last}' }
    expect(await resolve(tree, { references: { slow } })).toStrictEqual({
      a: 'v',
      b: 'v-v',
      c: 'v',
    })
    expect(asked.sort()).toStrictEqual(['last', 'x', 'y'])
  })

  test('at most a thousand references', async () => {
    const list = (count: number): ConfigTree => ({
      a: Array.from({ length: count }, () => '${env:A}'),
    })
    expect(((await resolve(list(1000))) as { a: unknown[] }).a).toHaveLength(1000)
    expect(await faultsOf(list(1001))).toStrictEqual([
      ': At most 1000 references were wanted, received 1001',
    ])
  })

  test('a provider that fails, and one that gives no text', async () => {
    const broken = (run: () => unknown): ReferenceProvider => ({
      isSecret: true,
      get: run as ReferenceProvider['get'],
    })
    const options = {
      references: {
        rejects: broken(() => Promise.reject(new RangeError('hunter2'))),
        throws: broken(() => {
          throw new Error('hunter2')
        }),
        number: broken(() => Promise.resolve(1)),
        nothing: broken(() => undefined),
      },
    }
    const tree = { a: '${rejects:x:-d}', b: '${throws:x}', c: '${number:x}', d: '${nothing:x}' }
    expect(await faultsOf(tree, options)).toStrictEqual([
      'a: ${rejects:x}: the provider failed (RangeError)',
      'b: ${throws:x}: the provider failed',
      'c: ${number:x}: the provider gave no text',
      'd: ${nothing:x}: the provider gave no text',
    ])
    const passing = resolve({ a: '${rejects:x}' }, options)
    await expect(passing).rejects.toMatchObject({ code: 'unavailable', retryable: true })
  })

  test('the time for references ends, whatever the provider does', async () => {
    const timers = {
      run: undefined as (() => void) | undefined,
      setTimeout(callback: () => void): void {
        this.run = callback
      },
      clearTimeout(): void {
        this.run = undefined
      },
    }
    const signals: AbortSignal[] = []
    const silent: ReferenceProvider = {
      isSecret: false,
      get(_, { signal }) {
        signals.push(signal)
        timers.run?.()
        return new Promise(() => undefined)
      },
    }
    const loading = resolve({ a: '${silent:x}', b: 1 }, { references: { silent }, timers })
    await expect(loading).rejects.toMatchObject({
      code: 'timed_out',
      faults: [{ path: 'a', reason: '${silent:x}: the provider failed (TimeoutError)' }],
    })
    expect(signals[0]?.aborted).toBe(true)
  })

  test('KV and Secrets Store', async () => {
    const kv = (bindings as { CONFIG_KV: KVNamespace }).CONFIG_KV
    await kv.put('shared:banner/x', 'hello')
    const options = {
      references: {
        kv: kvReferences(kv, { prefix: 'shared:' }),
        store: secretsStoreReferences({ TOKEN: { get: () => Promise.resolve('hunter2') } }),
      },
    }
    const value = await resolve(
      { a: '${kv:banner/x}', b: '${kv:none:-d}', c: '${store:TOKEN}' },
      options,
    )
    expect(value).toStrictEqual({ a: 'hello', b: 'd', c: new Secret('hunter2') })
    expect((value as { c: Secret }).c.reveal()).toBe('hunter2')
    expect(await faultsOf({ a: '${store:OTHER}' }, options)).toStrictEqual([
      'a: ${store:OTHER} has no value, and no default',
    ])
  })
})
