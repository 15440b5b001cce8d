import { expect, test } from 'vitest'
import { createSimulatedClient } from '../../../test/support/simulated-client.ts'
import { CacheCounters } from './cache-counters.ts'

test('counts reads by what answered them, and loads', async () => {
  const counters = new CacheCounters()
  const { cache, clock, settle } = createSimulatedClient({ observer: counters })
  let isDown = false
  const users = cache.define('user', {
    load: (id: string) => (isDown ? Promise.reject(new Error('down')) : Promise.resolve({ id })),
    fresh: 60,
    stale: 60,
    staleIfError: 600,
    memory: 10,
  })
  expect(counters.stats('user')).toMatchObject({ misses: 0, hitRate: null })
  await Promise.all([users.get('a'), users.get('a')])
  await settle()
  await users.get('a')
  await clock.advance(20_000)
  await users.get('a')
  isDown = true
  await clock.advance(50_000)
  await users.get('a')
  await settle()
  await clock.advance(300_000)
  await users.get('a')
  await settle()
  expect(counters.stats('user')).toEqual({
    memory: 1,
    location: 0,
    kv: 1,
    stale: 1,
    staleIfError: 1,
    misses: 2,
    loads: 3,
    loadErrors: 2,
    hitRate: 4 / 6,
  })
  expect(counters.names).toEqual(['user'])
  expect(counters.stats('unknown').hitRate).toBeNull()
})
