import { expect, test } from 'vitest'
import ownSource from './cache-pattern-guide.test.ts?raw'
import { readCachePatternGuide } from './support/provided.ts'
import { createExample } from './support/guide-example.ts'

// The examples of docs/choosing-a-cache-pattern.md, each as it stands there.

import {
  clearDefinition,
  createWriteBehind,
  deleteByPrefix,
  expireTags,
  gzipEncoder,
  keys,
  loadMany,
  valueFormat,
  warmCache,
} from '@codex/cloudflare-clients/cache'

test('cache-aside', async () => {
  const { cache, database, settle, billed } = createExample()

  async function findTitle(slug: string): Promise<string> {
    return cache.getOrSet(keys.cache('title', slug), 300, () => database.title(slug))
  }

  expect(await findTitle('kv')).toBe('kv, version 1')
  await settle()
  expect(billed()).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
  expect(await findTitle('kv')).toBe('kv, version 1')
  expect(billed()).toEqual({ read: 2, write: 1, delete: 0, list: 0 }) // every hit reads KV
})

test('read-through', async () => {
  const { cache, database, settle, billed } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '5m',
  })

  const readers = Array.from({ length: 50 }, () => titles.get('kv'))
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['kv, version 1']))
  await settle()
  expect(database.loads).toBe(1) // one load for all of them
  expect(billed()).toEqual({ read: 1, write: 1, delete: 0, list: 0 })
  expect((await titles.read('kv')).tier).toBe('memory') // and nothing from here on
  expect(billed().read).toBe(1)
})

test('stale-while-revalidate', async () => {
  const { cache, database, clock, settle } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '1m',
    stale: '10m',
  })

  await titles.get('kv')
  await settle()
  database.version = 2
  await clock.advance(120_000)
  expect(await titles.read('kv')).toMatchObject({ value: 'kv, version 1', status: 'stale' })
  await settle() // the background load
  expect(await titles.read('kv')).toMatchObject({ value: 'kv, version 2', status: 'hit' })
})

test('stale-if-error', async () => {
  const { cache, database, clock, settle } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '1m',
    staleIfError: '1d',
    softTimeout: '300ms',
  })

  await titles.get('kv')
  await settle()
  database.isDown = true
  await clock.advance(3_600_000)
  expect((await titles.read('kv')).status).toBe('stale_if_error')
  expect((await titles.read('kv')).status).toBe('stale_if_error')
  expect(database.loads).toBe(2) // the second read left the database alone: it tries again in 5 s, 10 s, … 60 s
  await expect(titles.get('never read')).rejects.toThrow('database down')
})

test('refresh-ahead', async () => {
  const { cache, database, clock, settle } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '10m',
    refreshAhead: 0.8, // or xfetch(), which spreads refreshes by chance
    memory: '10m',
  })

  await titles.get('kv')
  await settle()
  database.version = 2
  await clock.advance(9 * 60_000)
  expect((await titles.read('kv')).value).toBe('kv, version 1') // and a load begins
  await settle()
  expect((await titles.read('kv')).value).toBe('kv, version 2') // nobody has waited
})

test('negative caching', async () => {
  const { cache, database, clock, settle } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.findTitle(slug), // null where there is none
    fresh: '5m',
    negative: '10s',
  })

  expect(await titles.get('typo')).toBeNull()
  await settle()
  expect((await titles.read('typo')).status).toBe('negative')
  await clock.advance(10_000)
  expect((await titles.read('typo')).status).toBe('miss')
})

test('write-through', async () => {
  const { cache, database, settle, billed } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '5m',
  })

  await database.save('kv', 2) // the truth first
  await titles.put('kv', 'kv, version 2')
  expect(await titles.get('kv')).toBe('kv, version 2') // at once, in this isolate
  await settle()
  expect(billed()).toEqual({ read: 0, write: 1, delete: 0, list: 0 })
})

test('write-behind', async () => {
  const { cache, database, clock, waitUntil, settle } = createExample()
  const positions = cache.define('position', {
    load: (userId: string) => database.position(userId),
    fresh: '1d',
  })
  const behind = createWriteBehind(positions, {
    save: (entries) => database.savePositions(entries),
    delay: '5s',
    waitUntil,
    now: clock.now,
    timers: clock,
  })

  for (const seconds of [10, 20, 30]) await behind.put('ada', seconds)
  expect(await positions.get('ada')).toBe(30) // readers of this isolate see it
  expect(database.positions.get('ada')).toBeUndefined() // an isolate that ends now loses it
  await settle()
  expect(database.positions.get('ada')).toBe(30)
  expect(database.saves).toBe(1) // three changes, one save
  await behind.put('ada', 40)
  await clock.run(() => behind.flush()) // on demand
  expect(database.positions.get('ada')).toBe(40)
})

test('invalidation', async () => {
  const { cache, database, clock, settle, billed } = createExample()
  const titles = cache.define('title', {
    load: (slug: string) => database.title(slug),
    fresh: '1h',
    staleIfError: '1d',
    tags: (slug) => [`shelf:${slug.length}`],
    clearable: true,
  })
  await titles.get('kv')
  await settle()
  await clock.advance(2000)

  await titles.expire('kv') // loaded anew, kept for a load that fails: 1 read, 1 write
  await titles.delete('kv') // gone: 1 delete
  await expireTags(cache, ['shelf:2']) // all with the tag: 1 write
  await clearDefinition(cache, titles) // all of the definition: 1 write
  await deleteByPrefix(cache, keys.cachePrefix('title'), { maxOperations: 500 }) // 1 list, 1 delete each

  database.version = 2
  expect(await titles.get('kv')).toBe('kv, version 2') // at once, in this isolate
  expect(billed().list).toBe(1)
})

test('many at once', async () => {
  const { cache, database, settle, billed } = createExample()
  const titles = cache.define('title', {
    load: loadMany((slugs: readonly string[]) => database.titles(slugs)),
    fresh: '5m',
  })
  const slugs = Array.from({ length: 100 }, (_, index) => `page-${index}`)

  const found = await titles.getMany(slugs)
  expect(found.get('page-7')).toBe('page-7, version 1')
  expect(database.loads).toBe(1) // one query
  await settle()
  expect(billed()).toMatchObject({ read: 100, write: 100 }) // one bulk read: KV bills each key of it
})

test('warming', async () => {
  const { cache, database, settle } = createExample()
  const titles = cache.define('title', {
    load: loadMany((slugs: readonly string[]) => database.titles(slugs)),
    fresh: '1h',
  })

  const { warmed, remaining } = await warmCache(titles, ['a', 'b', 'c', 'd'], { maxOperations: 6 })
  await settle()
  expect(warmed).toBe(3) // a read and a write each
  expect(remaining).toEqual(['d']) // for the next run
})

test('shapes that change, and large values', async () => {
  const { cache, reopen, database, settle } = createExample()
  const first = cache.define('page', {
    load: (slug: string) => database.page(slug),
    fresh: '1h',
    format: valueFormat({ encoders: [gzipEncoder({ minBytes: 1024 })] }),
  })
  await first.get('kv')
  await settle()

  const later = reopen().define('page', {
    load: (slug: string) => database.page(slug).then(({ body }) => ({ text: body })),
    fresh: '1h',
    format: valueFormat<{ text: string }>({
      encoders: [gzipEncoder({ minBytes: 1024 })],
      version: 2,
      migrate: (page) => ({ text: (page as { body: string }).body }),
    }),
  })
  expect((await later.read('kv')).tier).toBe('kv') // migrated, not loaded
  expect((await later.get('kv'))?.text.length).toBe(5000)
})

test('the guide has these examples and no others', () => {
  const fences = [...readCachePatternGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = '']) => code.trim(),
  )
  expect(fences.length).toBeGreaterThan(10)
  for (const code of fences) expect(ownSource).toContain(code)
})
