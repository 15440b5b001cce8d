import {
  createDraft,
  isSignedIn,
  listCategory,
  pollUntil,
  publishItem,
  sampleUser,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedInSample, visitor } from '../src/visitor.ts'

describe('Server-Timing', () => {
  it('says for each cache that a page read whether it was a hit, and where', async () => {
    const reader = visitor()
    const itemPath = `/item/${(await listCategory(reader, 'writing'))[0]?.slug ?? ''}`
    for (const path of ['/', '/browse/writing', itemPath, '/creator/ada']) {
      expect((await reader.get(path)).headers.get('server-timing'), path).toMatch(
        /cache-settings;desc="(hit|stale) (memory|kv)";dur=\d/,
      )
    }
    const warm = await reader.get(itemPath)
    const timing = warm.headers.get('server-timing')
    expect(timing).toContain('cache-content-item;desc="hit memory";dur=0')
    expect(timing).toContain('cache-content-list;desc="hit memory";dur=0')
    expect(warm.operations).toMatchObject({ kvReads: 0, kvWrites: 0, d1Queries: 0 })
  })

  it('tells a load from a hit', async () => {
    const grace = await signedInSample('grace')
    await grace.postForm('/admin?/purge', { prefix: 'cache:content-' })
    const reader = visitor()
    const timingOf = async (): Promise<string | null> =>
      (await reader.get('/browse/film-assets')).headers.get('server-timing')
    expect(await timingOf()).toContain('cache-content-list;desc="miss origin"')
    expect(await timingOf()).toContain('cache-content-list;desc="hit memory"')
  })

  it('names no person and no item, and is not there where nothing was read', async () => {
    const sam = await signedInSample('sam')
    const library = (await sam.get('/library')).headers.get('server-timing')
    expect(library).toContain('cache-library;')
    expect(library).not.toContain(sampleUser('sam').id)
    expect((await visitor().get('/healthz')).headers.get('server-timing')).toBeNull()
  })
})

it('a page says in its footer what it read from the cache', async () => {
  const reader = visitor()
  await reader.get('/browse/courses')
  const { text } = await reader.get('/browse/courses')
  expect(text).toContain('What this page read from the cache')
  expect(text).toMatch(/>content-list<[^]*?fresh, from memory, \d+ (?:s|min) old/)
})

it('the owner sees hit rates, counts and what the operations cost, of this isolate', async () => {
  const grace = await signedInSample('grace')
  const rowOf = async (name: string): Promise<string[]> => {
    const { text } = await grace.get('/admin')
    const [, row = ''] =
      new RegExp(`<tr><td>${name}</td>(.*?)</tr>`).exec(
        text.replaceAll(/<!--.*?-->| class="[^"]*"|\s+(?=<)/gs, ''),
      ) ?? []
    return Array.from(row.matchAll(/<td>(.*?)<\/td>/gs), ([, cell = '']) => cell.trim())
  }
  await visitor().get('/browse/courses')
  const before = await rowOf('content-list')
  for (let view = 0; view < 3; view++) await visitor().get('/browse/courses')
  const after = await rowOf('content-list')
  expect(before[0]).toMatch(/^\d+ %$/)
  // The columns after the rate are what memory answered, and then KV.
  const served = (row: readonly string[]): number => Number(row[1]) + Number(row[2])
  expect(served(after)).toBe(served(before) + 3)

  const { text } = await grace.get('/admin')
  expect(text).toContain('Cache hits of this isolate')
  expect(text).toMatch(/KV cost \$0\.\d{6}|KV cost \$\d+\.\d\d/)
})

describe('while the database is out', () => {
  const warmPages = ['/', '/browse', '/browse/courses', '/creator/ada', '/api/content']
  let itemPath: string

  async function switchOutage(on: boolean): Promise<void> {
    expect((await visitor().postJson('/dev/d1-outage', { on })).status).toBe(200)
  }

  beforeAll(async () => {
    const reader = visitor()
    itemPath = `/item/${(await listCategory(reader, 'courses'))[0]?.slug ?? ''}`
    for (const path of [...warmPages, itemPath]) await reader.get(path)
  })
  afterAll(() => switchOutage(false))

  it('what is cached is served, to people who are signed in too', async () => {
    const lin = await signedInSample('lin')
    expect(await isSignedIn(lin)).toBe(true)
    await switchOutage(true)
    try {
      for (const path of [...warmPages, itemPath]) {
        const response = await visitor().get(path)
        expect(response.status, path).toBe(200)
        expect(response.operations?.d1Queries, path).toBe(0)
      }
      expect(await isSignedIn(lin)).toBe(true)
      const item = await lin.get(itemPath)
      expect(item.status).toBe(200)
      expect(item.text).toContain('Sign out')
    } finally {
      await switchOutage(false)
    }
  })

  it('nobody is given what is for sale on the word of a cache', async () => {
    const ada = await signedInSample('ada')
    const title = `Bought in the light ${crypto.randomUUID().slice(0, 8)}`
    const draft = { title, categoryId: 'sample-category-courses', price: '0' }
    expect((await publishItem(ada, await createDraft(ada, draft))).status).toBe(200)
    const [item] = await listCategory(visitor(), 'courses')
    const path = `/item/${item?.slug ?? ''}`
    const sam = await signedInSample('sam')
    await sam.postForm(`${path}?/buy`)
    // It is written a second after the older one was deleted.
    await pollUntil('the library is in KV', async () =>
      (await sam.get('/library')).headers.get('server-timing')?.includes('library;desc="hit kv"'),
    )
    expect((await sam.get(path)).text).toContain('In your library')
    await switchOutage(true)
    try {
      const page = await sam.get(path)
      expect(page.status).toBe(200)
      expect(page.text).toContain('We cannot look up right now whether this is yours')
      expect(page.text).not.toContain('What is inside.')
      expect((await sam.get(`${path}/download`)).status).toBe(500)
      expect((await sam.get('/library')).text).toContain(title)
    } finally {
      await switchOutage(false)
    }
    expect((await sam.get(path)).text).toContain('What is inside.')
  })

  it('what is not cached fails, and is there again afterwards', async () => {
    const grace = await signedInSample('grace')
    await grace.postForm('/admin?/purge', { prefix: 'cache:content-' })
    await switchOutage(true)
    try {
      expect((await visitor().get('/browse/courses')).status).toBe(500)
    } finally {
      await switchOutage(false)
    }
    expect((await visitor().get('/browse/courses')).status).toBe(200)
  })
})
