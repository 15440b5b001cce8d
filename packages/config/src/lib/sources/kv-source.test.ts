import { env } from 'cloudflare:workers'
import { reset } from 'cloudflare:test'
import { createEdgeSimulator, type EdgeSimulator } from '@codex/cloudflare-clients/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { ConfigDocument } from '../config-document.ts'
import type { ConfigSource, SourceDocument } from '../config-source.ts'
import { digestBody } from '../read-config-document.ts'
import { kvSource, type KVSourceOptions } from './kv-source.ts'
import { describeSource } from './source.contract.ts'

afterEach(() => reset())

// A name that ends in `*` is a prefix, and here it is none.
const open = (kv: KVNamespace, key: string): ConfigSource => kvSource(kv, { key })

describeSource('the KV of the runtime', {
  cannot: ['fail', 'hang'],
  createWorld: () => ({
    put: (name, content) => env.CONFIG_KV.put(name, content),
    delete: (name) => env.CONFIG_KV.delete(name),
    open: (name) => open(env.CONFIG_KV, name),
  }),
})

describeSource('a simulated location', {
  createWorld: () => {
    const simulator = createEdgeSimulator({ consistency: 'strong' })
    const kv = simulator.location('AMS').kv('CONFIG_KV')
    return {
      put: (name, content) => kv.put(name, content),
      delete: (name) => kv.delete(name),
      open: (name) => open(kv, name),
      fail: () => simulator.injectFault({ type: 'error' }),
      hang: () => simulator.injectFault({ type: 'slow', delayMs: 60_000 }),
    }
  },
})

function createLocation(): { simulator: EdgeSimulator; kv: KVNamespace } {
  const simulator = createEdgeSimulator()
  return { simulator, kv: simulator.location('AMS').kv('CONFIG_KV') }
}

async function load(source: ConfigSource): Promise<readonly SourceDocument[]> {
  return source.load({ signal: new AbortController().signal })
}

async function createDocument(body: string, isInline = true): Promise<ConfigDocument> {
  const digest = await digestBody(body)
  return {
    codexConfig: 1,
    name: 'web',
    version: 4,
    changedAtMs: 1000,
    stable: {
      version: 4,
      parent: 3,
      ...digest,
      syntax: 'json',
      author: 'ada',
      atMs: 1000,
      ...(isInline && { body }),
    },
    history: [],
  }
}

describe('a published configuration in KV', () => {
  test('is one read, and has its version', async () => {
    const { simulator, kv } = createLocation()
    simulator.store('CONFIG_KV').seed('web', JSON.stringify(await createDocument('{"a":1}')))
    expect(await load(kvSource(kv, 'web', { uri: 'kv://main/web' }))).toEqual([
      { uri: 'kv://main/web', text: '{"a":1}', syntax: 'json', version: 4 },
    ])
    expect(simulator.operations).toMatchObject({ read: 1, list: 0 })
  })

  test('whose body is beside it is two reads, and one when the body is known', async () => {
    const { simulator, kv } = createLocation()
    const store = simulator.store('CONFIG_KV')
    const document = await createDocument('{"a":1}', false)
    store.seed('web', JSON.stringify(document))
    store.seed(`config-body:${document.stable.sha256}`, '{"a":1}')
    const source = kvSource(kv, 'web')
    expect(await load(source)).toMatchObject([{ text: '{"a":1}' }])
    expect(simulator.operations.read).toBe(2)
    expect(await load(source)).toMatchObject([{ text: '{"a":1}' }])
    expect(simulator.operations.read).toBe(3)
  })

  test('is no empty layer while its body is not there, and there when it is', async () => {
    const { simulator, kv } = createLocation()
    const store = simulator.store('CONFIG_KV')
    const document = await createDocument('{"a":1}', false)
    store.seed('web', JSON.stringify(document))
    const source = kvSource(kv, 'web')
    await expect(load(source)).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    store.seed(`config-body:${document.stable.sha256}`, '{"a":1}')
    await simulator.clock.advance(300_000)
    expect(await load(source)).toMatchObject([{ text: '{"a":1}' }])
  })

  test('is corrupt when half of it is read', async () => {
    const { simulator, kv } = createLocation()
    simulator.store('CONFIG_KV').seed('web', JSON.stringify(await createDocument('{"a":1}')))
    simulator.injectFault({ type: 'corrupt' })
    await expect(load(kvSource(kv, 'web'))).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('is refused where it is older than one that was seen', async () => {
    await env.CONFIG_KV.put('web', JSON.stringify(await createDocument('{"a":1}')))
    let minVersion = 4
    const source = kvSource(env.CONFIG_KV, 'web', { minVersion: () => minVersion })
    expect(await load(source)).toMatchObject([{ version: 4 }])
    minVersion = 5
    await expect(load(source)).rejects.toMatchObject({ code: 'outdated' })
  })

  test('gives each reader the release of a rollout that is theirs', async () => {
    const stable = await createDocument('{"a":1}')
    const next = await createDocument('{"a":2}')
    const candidate = { release: next.stable, percentage: 50 }
    await env.CONFIG_KV.put('web', JSON.stringify({ ...stable, candidate }))
    const textFor = async (options: KVSourceOptions): Promise<unknown> =>
      (await load(kvSource(env.CONFIG_KV, 'web', options)))[0]
    const texts = await Promise.all(
      Array.from({ length: 40 }, (_, index) => textFor({ unit: `pod-${index}` })),
    )
    const candidates = texts.filter((document) => JSON.stringify(document).includes('2}'))
    expect(candidates.length).toBeGreaterThan(8)
    expect(candidates.length).toBeLessThan(32)
    expect(await textFor({})).toMatchObject({ text: '{"a":1}' })
  })

  test('may be larger than a plain text, which may not', async () => {
    const document = await createDocument('{"a":1}')
    const history = Array.from({ length: 50 }, () => ({
      ...document.stable,
      body: undefined,
      description: '\u0001'.repeat(5000),
    }))
    const text = JSON.stringify({ ...document, history })
    expect(text.length).toBeGreaterThan(1_048_576)
    await env.CONFIG_KV.put('web', text)
    expect(await load(kvSource(env.CONFIG_KV, 'web'))).toMatchObject([{ text: '{"a":1}' }])
  })
})

describe('a prefix in KV', () => {
  test('gives one document each, in the order of their names, without the bodies', async () => {
    const kv = env.CONFIG_KV
    await kv.put('production/web', 'b: 1')
    await kv.put('production/a.json', '{"a":1}')
    await kv.put('production/deep/er', JSON.stringify(await createDocument('{"c":1}')))
    await kv.put('staging/web', 'd: 1')
    const uri = 'kv://main/production/*'
    expect(await load(kvSource(kv, 'production/*', { uri }))).toEqual([
      { uri: 'kv://main/production/a.json', text: '{"a":1}', syntax: 'json' },
      { uri: 'kv://main/production/deep/er', text: '{"c":1}', syntax: 'json', version: 4 },
      { uri: 'kv://main/production/web', text: 'b: 1' },
    ])
    await kv.put('config-body:0000', 'x: 1')
    const all = await load(kvSource(kv, '*'))
    expect(all.map((document) => document.uri)).toEqual([
      'kv:production/a.json',
      'kv:production/deep/er',
      'kv:production/web',
      'kv:staging/web',
    ])
  })

  test('gives names that a bulk read leaves out', async () => {
    const kv = env.CONFIG_KV
    for (const name of ['1', '42', '__proto__', 'a']) await kv.put(name, `name: "${name}"`)
    const documents = await load(kvSource(kv, '*'))
    expect(documents.map((document) => 'text' in document && document.text)).toEqual([
      'name: "1"',
      'name: "42"',
      'name: "__proto__"',
      'name: "a"',
    ])
  })

  test('is a list and a read for each hundred', async () => {
    const { simulator, kv } = createLocation()
    for (let index = 0; index < 250; index++) {
      simulator.store('CONFIG_KV').seed(`many/${index}`, `n${index}: 1`)
    }
    const calls: string[] = []
    const counted = new Proxy(kv, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          calls.push(String(name))
          return Reflect.apply(value, target, args) as unknown
        }
      },
    })
    expect(await load(kvSource(counted, 'many/*'))).toHaveLength(250)
    expect(calls).toEqual(['list', 'get', 'get', 'get'])
  })

  test('gives values that are too large to be read at once', async () => {
    const { simulator, kv } = createLocation()
    const text = `#${'x'.repeat(1_000_000)}`
    for (let index = 10; index < 40; index++) simulator.store('CONFIG_KV').seed(`${index}#`, text)
    const documents = await load(kvSource(kv, '*'))
    expect(documents).toHaveLength(30)
    expect(documents.every((document) => 'text' in document && document.text === text)).toBe(true)
  })

  test('is not there when nothing is under it', async () => {
    await expect(load(kvSource(env.CONFIG_KV, 'none/*'))).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('is not handed out without a key that it should have', async () => {
    const { simulator, kv } = createLocation()
    const store = simulator.store('CONFIG_KV')
    store.seed('part/a', 'a: 1')
    // The location keeps for a while that there is none.
    expect(await kv.get('part/b')).toBeNull()
    store.seed('part/b', 'b: 1')
    const source = kvSource(kv, 'part/*')
    await expect(load(source)).rejects.toMatchObject({ code: 'unavailable' })
    await simulator.clock.advance(300_000)
    expect(await load(source)).toHaveLength(2)
  })

  test('refuses a value that is not UTF-8, and names it', async () => {
    await env.CONFIG_KV.put('part/a', 'a: "\uFFFD"')
    await env.CONFIG_KV.put('part/b', Uint8Array.of(0xff))
    await expect(load(kvSource(env.CONFIG_KV, 'part/*'))).rejects.toMatchObject({
      code: 'corrupt',
      message: 'Cannot load kv:part/b: it must be UTF-8',
    })
  })

  test('has 1,000 keys at most', async () => {
    const { simulator, kv } = createLocation()
    const store = simulator.store('CONFIG_KV')
    for (let index = 0; index < 1001; index++) store.seed(`many/${index}`, '')
    await expect(load(kvSource(kv, 'many/*'))).rejects.toMatchObject({ code: 'too_large' })
  })
})

describe('a source in KV', () => {
  test.each(['', '.', '..', 'x'.repeat(513), '\ud800'])('has no key %j', (key) => {
    expect(() => kvSource(env.CONFIG_KV, key)).toThrow('Cannot create KV source: key must be')
  })

  test('tells how long a location may keep what it has', async () => {
    const { simulator, kv } = createLocation()
    const store = simulator.store('CONFIG_KV')
    store.seed('web', 'a: 1')
    const source = kvSource(kv, 'web', { cacheTtlSeconds: 3600 })
    await load(source)
    await simulator.location('SIN').kv('CONFIG_KV').put('web', 'a: 2')
    await simulator.clock.advance(3_000_000)
    expect(await load(source)).toMatchObject([{ text: 'a: 1' }])
    expect(() => kvSource(kv, 'web', { cacheTtlSeconds: 29 })).toThrow(
      'Cannot create KV source: cacheTtlSeconds must be an integer from 30, received 29',
    )
  })
})
