import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { countKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { cacheApiTier, type CacheApiTierOptions } from './cache-api-tier.ts'
import { CacheClient } from './cache-client.ts'

const work: Promise<unknown>[] = []
let caseNumber = 0

afterEach(async () => {
  await Promise.all(work.splice(0))
  await reset()
})

/** A tier on a cache of its own, in front of a namespace that counts. */
function createTier(options: Partial<CacheApiTierOptions> = {}): {
  kv: KVNamespace
  operations: ReturnType<typeof countKV>['operations']
  cacheName: string
  settle: () => Promise<unknown>
} {
  const counted = countKV(env.KV)
  const cacheName = `case-${++caseNumber}`
  const kv = cacheApiTier(counted.kv, {
    ttl: 60,
    cache: () => caches.open(cacheName),
    waitUntil: (one) => work.push(one),
    ...options,
  })
  return {
    kv,
    cacheName,
    operations: counted.operations,
    settle: () => Promise.all(work.splice(0)),
  }
}

function toMetadata(freshForMs = 3_600_000): {
  codex: 1
  freshUntilMs: number
  expiresAtMs: number
  name: string
} {
  const freshUntilMs = Date.now() + freshForMs
  return { codex: 1, freshUntilMs, expiresAtMs: freshUntilMs + 1000, name: '"%\n' }
}

describe('an entry that was read', () => {
  test('is answered by the location from then on, and says so', async () => {
    const { kv, operations, settle } = createTier()
    const metadata = toMetadata()
    await env.KV.put('k', '{"n":1}', { metadata })
    expect(await kv.getWithMetadata('k', { type: 'text' })).toMatchObject({
      value: '{"n":1}',
      metadata,
    })
    await settle()
    expect(await kv.getWithMetadata('k', 'text')).toMatchObject({
      value: '{"n":1}',
      metadata: { ...metadata, tier: 'location' },
    })
    expect(operations.read).toBe(1)
  })

  test('is asked for in bulk together with what the location lacks', async () => {
    const { kv, operations, settle } = createTier()
    const metadata = toMetadata()
    await env.KV.put('a', 'A', { metadata })
    await env.KV.put('b', 'B', { metadata })
    await kv.getWithMetadata('a')
    await settle()
    const found = await kv.getWithMetadata(['a', 'b', 'c'])
    expect(found.get('a')).toMatchObject({ value: 'A', metadata: { tier: 'location' } })
    expect(found.get('b')).toMatchObject({ value: 'B', metadata })
    expect(found.get('c')).toBeNull()
    expect(operations.read).toBe(3)
    await settle()
    expect((await kv.getWithMetadata(['a', 'b'])).size).toBe(2)
    expect(operations.read).toBe(3)
  })

  test.for([
    ['without metadata', undefined],
    ['that other code wrote', { freshUntilMs: Date.now() + 100_000 }],
    ['that does not say until when it is fresh', { codex: 1 }],
    ['that is no longer fresh', { codex: 1, freshUntilMs: 1, expiresAtMs: Date.now() + 100_000 }],
  ] as const)('is read again where it is one %s', async ([, metadata]) => {
    const { kv, operations, settle } = createTier()
    await env.KV.put('k', 'v', { ...(metadata && { metadata }) })
    await kv.getWithMetadata('k')
    await settle()
    expect(await kv.getWithMetadata('k')).toMatchObject({ value: 'v' })
    expect(operations.read).toBe(2)
  })

  test('is kept for the whole seconds of its TTL, or of its freshness, and no longer', async () => {
    const cache = await caches.open('ages')
    const put = vi.spyOn(cache, 'put')
    const { kv } = createTier({
      cache,
      ttl: (key) => (key === 'never' ? 0 : 59.9),
      now: () => 1000,
    })
    const own = { codex: 1 } as const
    await kv.put('long', 'v', { metadata: { ...own, freshUntilMs: 1e9 } })
    await kv.put('short', 'v', { metadata: { ...own, freshUntilMs: 3500 } })
    await kv.put('expiring', 'v', { metadata: { ...own, expiresAtMs: 4500 } })
    await kv.put('instant', 'v', { metadata: { ...own, freshUntilMs: 1999 } })
    await kv.put('never', 'v', { metadata: { ...own, freshUntilMs: 1e9 } })
    const ages = put.mock.calls.map(([, response]) => response.headers.get('Cache-Control'))
    expect(ages).toEqual(['max-age=59', 'max-age=2', 'max-age=3'])
  })
})

describe('a change', () => {
  test('by put is seen in the location at once', async () => {
    const { kv, operations, settle } = createTier()
    await kv.put('k', 'old', { metadata: toMetadata() })
    await kv.getWithMetadata('k')
    await settle()
    await kv.put('k', 'new', { metadata: { ...toMetadata(), tier: 'location' } })
    expect(await kv.getWithMetadata('k')).toMatchObject({ value: 'new' })
    expect(operations.read).toBe(0)
    expect((await env.KV.getWithMetadata('k')).metadata).not.toHaveProperty('tier')
  })

  test('by delete or by a put of something else leaves nothing behind', async () => {
    const { kv } = createTier()
    for (const end of [() => kv.delete('k'), () => kv.put('k', 'plain')]) {
      await kv.put('k', 'old', { metadata: toMetadata() })
      await end()
      expect((await kv.getWithMetadata('k')).value).not.toBe('old')
    }
  })

  test('that KV refuses leaves nothing behind and is the caller’s to know', async () => {
    const counted = wrapKV(env.KV, { delete: () => Promise.reject(new Error('KV DELETE failed')) })
    const kv = cacheApiTier(counted, { ttl: 60, cache: () => caches.open('refused') })
    await kv.put('k', 'old', { metadata: toMetadata() })
    await expect(kv.delete('k')).rejects.toThrow('KV DELETE failed')
    await env.KV.delete('k')
    expect((await kv.getWithMetadata('k')).value).toBeNull()
  })
})

test('a definition says which reads the location answered, and pays nothing for them', async () => {
  const { kv, operations, settle } = createTier()
  const first = new CacheClient(kv, { waitUntil: (one) => work.push(one) })
  const options = { load: (id: string) => Promise.resolve({ id }), fresh: 600, tags: () => ['t'] }
  await first.define('user', options).get('ada')
  await settle()
  const second = new CacheClient(kv)
  const users = second.define('user', options)
  expect(await users.read('ada')).toMatchObject({
    value: { id: 'ada' },
    status: 'hit',
    tier: 'location',
  })
  // The tag is read from KV each time.
  expect(operations.read).toBe(3)
  await users.delete('ada')
  expect((await new CacheClient(kv).define('user', options).read('ada')).status).toBe('miss')
})

test('never gives one key the entry of another, whatever is in a key', async () => {
  const special = fc.constantFrom(
    '.',
    '..',
    '/',
    '%',
    '%2e',
    '?',
    '#',
    'a',
    'A',
    "'",
    ' ',
    '\\',
    'é',
  )
  const key = fc.array(special, { minLength: 1, maxLength: 4 }).map((parts) => `k${parts.join('')}`)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { minLength: 2, maxLength: 5 }), async (keys) => {
      const { kv } = createTier()
      for (const one of keys) await kv.put(one, one, { metadata: toMetadata() })
      for (const one of keys) {
        expect(await kv.getWithMetadata(one)).toMatchObject({
          value: one,
          metadata: { tier: 'location' },
        })
      }
    }),
    { seed: 6, numRuns: 50 },
  )
})

test('keeps namespaces apart, and misses what other code put under its URL', async () => {
  const { kv, cacheName } = createTier()
  const cache = await caches.open(cacheName)
  await kv.put('k', 'v', { metadata: toMetadata() })
  await env.KV.delete('k')
  const other = cacheApiTier(env.KV, { ttl: 60, cache, namespace: '..' })
  expect((await other.getWithMetadata('k')).value).toBeNull()
  const headers = { 'Cache-Control': 'max-age=60' }
  await cache.put('https://cache-tier.invalid/ncache/kk', new Response('text', { headers }))
  expect((await kv.getWithMetadata('k')).value).toBeNull()
})

test('uses the default cache where none is given', async () => {
  const kv = cacheApiTier(env.KV, { ttl: 60 })
  await kv.put('default', 'v', { metadata: toMetadata() })
  expect(await kv.getWithMetadata('default')).toMatchObject({ metadata: { tier: 'location' } })
  await kv.delete('default')
})

test('asks KV and reports where the Cache API fails', async () => {
  const events: ClientEvent[] = []
  const { kv, settle } = createTier({
    cache: () => Promise.reject(new Error('no cache here')),
    onEvent: (event) => events.push(event),
  })
  await kv.put('k', 'v', { metadata: toMetadata() })
  expect(await kv.getWithMetadata('k')).toMatchObject({ value: 'v' })
  await settle()
  await kv.delete('k')
  expect(await env.KV.get('k')).toBeNull()
  expect(events.map((event) => event.type === 'store_error' && event.operation)).toEqual([
    'delete',
    'set',
    'get',
    'set',
    'delete',
    'delete',
  ])
})

test('passes every other call through', async () => {
  const { kv } = createTier()
  await kv.put('k', '{"n":1}', { metadata: toMetadata() })
  await env.KV.put('k', '{"n":2}')
  expect(await kv.get('k', 'json')).toEqual({ n: 2 })
  expect((await kv.getWithMetadata('k', { type: 'json' })).value).toEqual({ n: 2 })
  expect((await kv.list()).keys).toHaveLength(1)
})

test('refuses an empty namespace, a missing binding and a wrong ttl', () => {
  expect(() => cacheApiTier(env.KV, { ttl: 60, namespace: '' })).toThrow(
    new TypeError('Cannot create Cache API tier: namespace must not be empty'),
  )
  expect(() => cacheApiTier(undefined as unknown as KVNamespace, { ttl: 60 })).toThrow(TypeError)
  expect(() => cacheApiTier(env.KV, { ttl: -1 })).toThrow(RangeError)
})
