import { CacheClient, createEmptyKV } from '@codex/cloudflare-clients'
import { CacheCounters, toServerTiming } from '@codex/cloudflare-clients/cache'
import { expect, it } from 'vitest'
import { CacheReads, summarizeReads, type NotedRead } from './cache-reads.ts'

function setup() {
  const clock = { nowMs: 1_000_000 }
  const cacheReads = new CacheReads({ now: () => clock.nowMs })
  const counters = new CacheCounters()
  const now = (): number => clock.nowMs
  const client = new CacheClient(createEmptyKV(), { now, observer: counters })
  const values = cacheReads.observe(client).define<string, string>('value', {
    load: (id) => {
      clock.nowMs += 7
      return Promise.resolve(id === 'none' ? null : `value of ${id}`)
    },
    fresh: '5m',
  })
  return { cacheReads, clock, counters, values }
}

it('notes each request’s reads apart, with their status, tier, age and duration', async () => {
  const { cacheReads, clock, values } = setup()
  const first: NotedRead[] = []
  const second: NotedRead[] = []
  expect(await cacheReads.run(first, () => values.get('a'))).toBe('value of a')
  clock.nowMs += 2000
  await cacheReads.run(second, async () => {
    expect(await values.get('a')).toBe('value of a')
    expect(await values.get('none')).toBeNull()
  })
  const name = 'value'
  expect(first).toEqual([{ name, status: 'miss', tier: 'origin', ageMs: 7, durationMs: 7 }])
  expect(second).toEqual([
    { name, status: 'hit', tier: 'memory', ageMs: 2007, durationMs: 0 },
    { name, status: 'miss', tier: 'origin', ageMs: 7, durationMs: 7 },
  ])
})

it('notes every id of getMany, and counts in the client what it counts without', async () => {
  const { cacheReads, counters, values } = setup()
  const reads: NotedRead[] = []
  const many = await cacheReads.run(reads, () => values.getMany(['a', 'b', 'a']))
  expect([...many]).toEqual([
    ['a', 'value of a'],
    ['b', 'value of b'],
  ])
  expect(reads).toHaveLength(3)
  expect(counters.stats('value')).toMatchObject({ misses: 3, loads: 2 })
})

it('passes everything else on, and reads outside of a request are noted nowhere', async () => {
  const { cacheReads, values } = setup()
  expect(cacheReads.names).toEqual(['value'])
  expect(values.name).toBe('value')
  await values.put('a', 'another')
  expect(await values.get('a')).toBe('another')
  await values.delete('a')
  expect(await values.get('a')).toBe('value of a')
})

it('notes nothing for a read that fails, and fails it as it was', async () => {
  const cacheReads = new CacheReads()
  const cache = cacheReads.observe(new CacheClient(createEmptyKV()))
  const broken = cache.define<string, string>('broken', {
    load: () => Promise.reject(new Error('The database is away')),
    fresh: '5m',
  })
  const reads: NotedRead[] = []
  await expect(cacheReads.run(reads, () => broken.get('a'))).rejects.toThrow('is away')
  expect(reads).toEqual([])
})

it('summarizes reads that came to the same, with the oldest age', () => {
  const hit = { name: 'item', status: 'hit', tier: 'memory', durationMs: 0 } as const
  const reads: NotedRead[] = [
    { ...hit, ageMs: 10 },
    { ...hit, ageMs: 400, name: 'list', tier: 'kv', durationMs: 8 },
    { ...hit, ageMs: 90 },
  ]
  expect(summarizeReads(reads)).toEqual([
    { name: 'item', status: 'hit', tier: 'memory', reads: 2, ageMs: 90 },
    { name: 'list', status: 'hit', tier: 'kv', reads: 1, ageMs: 400 },
  ])
  expect(toServerTiming(reads)).toBe(
    'cache-item;desc="hit memory x2";dur=0, cache-list;desc="hit kv";dur=8',
  )
})
