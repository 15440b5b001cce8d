import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { cacheApiTier } from './cache-api-tier.ts'

const entry = { text: '{"name":"Ada"}', metadata: { codex: 1, loadedAtMs: 1.001, name: 'é\n' } }

test('gives back text and metadata as they were written, from the default cache and from a named one', async () => {
  for (const tier of [cacheApiTier(), cacheApiTier(() => caches.open('data'))]) {
    await tier.write('k', entry, 60)
    expect(await tier.read('k')).toEqual(entry)
    await tier.delete('k')
    expect(await tier.read('k')).toBeNull()
  }
})

test('takes a cache that is open already', async () => {
  const tier = cacheApiTier(await caches.open('open'))
  await tier.write('k', { text: '', metadata: undefined }, 60)
  expect(await tier.read('k')).toEqual({ text: '', metadata: null })
})

test('misses a key that was never written, and deletes it without an error', async () => {
  expect(await cacheApiTier().read('never')).toBeNull()
  await expect(cacheApiTier().delete('never')).resolves.toBeUndefined()
})

test('never gives one key the entry of another, whatever is in a key', async () => {
  const tier = cacheApiTier(() => caches.open('keys'))
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
  const key = fc.array(special, { maxLength: 4 }).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { minLength: 2, maxLength: 5 }), async (keys) => {
      for (const one of keys) await tier.write(one, { text: one, metadata: null }, 60)
      for (const one of keys) expect(await tier.read(one)).toEqual({ text: one, metadata: null })
    }),
    { seed: 6, numRuns: 100 },
  )
})

test('keeps namespaces apart', async () => {
  const [staging, production] = [
    cacheApiTier(undefined, { namespace: 'staging' }),
    cacheApiTier(undefined, { namespace: 'production' }),
  ]
  await staging.write('k', entry, 60)
  expect(await production.read('k')).toBeNull()
  expect(await cacheApiTier(undefined, { namespace: '..' }).read('k')).toBeNull()
})

test('lets the cache keep an entry for the whole seconds of its TTL and no longer', async () => {
  const cache = await caches.open('ttl')
  const put = vi.spyOn(cache, 'put')
  const tier = cacheApiTier(cache)
  await tier.write('k', entry, 59.9)
  await tier.write('k', entry, 1)
  const ages = put.mock.calls.map(([, response]) => response.headers.get('Cache-Control'))
  expect(ages).toEqual(['max-age=59', 'max-age=1'])
})

test.for([0.999, 0, -1, NaN])('does not store an entry with a TTL of %d seconds', async (ttl) => {
  const tier = cacheApiTier(() => caches.open('short'))
  await tier.write('k', entry, ttl)
  expect(await tier.read('k')).toBeNull()
})

test('misses what other code put under its URL', async () => {
  const cache = await caches.open('foreign')
  const headers = { 'Cache-Control': 'max-age=60' }
  await cache.put('https://cache-tier.invalid/ncache/kk', new Response('text', { headers }))
  expect(await cacheApiTier(cache).read('k')).toBeNull()
})

test('rejects when the Cache API fails', async () => {
  const tier = cacheApiTier(() => Promise.reject(new Error('no cache here')))
  await expect(tier.read('k')).rejects.toThrow('no cache here')
  await expect(tier.write('k', entry, 60)).rejects.toThrow('no cache here')
  await expect(tier.delete('k')).rejects.toThrow('no cache here')
})

test('refuses an empty namespace', () => {
  expect(() => cacheApiTier(undefined, { namespace: '' })).toThrow(
    new TypeError('Cannot create Cache API tier: namespace must not be empty'),
  )
})
