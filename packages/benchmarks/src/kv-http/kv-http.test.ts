import { expect, it } from 'vitest'
import { allKVClients } from './all-kv-clients.ts'
import { codexKVHttp } from './codex.ts'
import { faultPlans } from './fault-plans.ts'
import { runFaultPlan } from './faults.ts'
import { hostileKeys } from './hostile-keys.ts'
import { officialKV } from './official.ts'
import { runRoundTrips } from './round-trips.ts'

it('has 200 keys that KV takes', () => {
  const keys = hostileKeys()
  expect(new Set(keys).size).toBe(200)
  for (const key of keys) {
    expect(key.isWellFormed()).toBe(true)
    expect(new TextEncoder().encode(key).length).toBeLessThanOrEqual(512)
    expect(['', '.', '..']).not.toContain(key)
  }
})

it.each(allKVClients)('writes and reads plain keys with $id', async (contestant) => {
  // So that a row of faults is the client's, and not a mistake in how it is used here.
  const counts = await runRoundTrips(contestant, ['plain'])
  expect(counts.wrongReads).toBeLessThan(counts.trips / 2)
  expect(counts.wrongWrites).toBeLessThan(counts.trips)
})

it('has no wrong round trip of ours', async () => {
  const keys = hostileKeys().filter((_, index) => index % 20 === 0)
  const counts = await runRoundTrips(codexKVHttp, keys)
  expect(counts).toMatchObject({ trips: 300, wrongReads: 0, wrongWrites: 0, impossibleTaken: 0 })
})

const bulk = faultPlans.find(({ calls }) => calls === 'one bulk write')

it('sends again what a bulk write has not done', async () => {
  if (bulk === undefined) throw new Error('There is no bulk write')
  expect(await runFaultPlan(codexKVHttp, bulk)).toMatchObject({ succeededPercent: 100 })
  expect(await runFaultPlan(officialKV, bulk)).toMatchObject({ succeededPercent: 90 })
})
