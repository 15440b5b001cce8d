import { expect, test } from 'vitest'
import ownSource from './coordination-guide.test.ts?raw'
import { createCoordinationExample as createExample } from './support/coordination-example.ts'
import { readCoordinationGuide } from './support/provided.ts'

// The examples of docs/coordination.md, each as it stands there.

import { CoordinationClient, memoryCoordination } from '@codex/cloudflare-clients/coordination'
import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'

/** Takes a lock in KV: right on a laptop. */
async function takeKVLock(kv: KVNamespace, owner: string): Promise<boolean> {
  if ((await kv.get('lock')) !== null) return false
  await kv.put('lock', owner, { expirationTtl: 60 })
  return (await kv.get('lock')) === owner
}

test('two locations hold the same lock', async () => {
  const simulator = createEdgeSimulator({ seed: 1, locations: ['AMS', 'SIN'] })
  const amsterdam = simulator.location('AMS').kv('LOCKS')
  const singapore = simulator.location('SIN').kv('LOCKS')

  expect(await singapore.get('lock')).toBeNull() // nobody has it, which Singapore now has cached
  expect(await takeKVLock(amsterdam, 'Ada')).toBe(true)
  await simulator.clock.advance(10_000)
  expect(await takeKVLock(singapore, 'Sin')).toBe(true) // ten seconds later
})

test('one of two locations holds the lock', async () => {
  const coordination = memoryCoordination()
  const amsterdam = new CoordinationClient(coordination)
  const singapore = new CoordinationClient(coordination)

  const lock = await amsterdam.acquireLock('lock')
  await expect(singapore.acquireLock('lock')).rejects.toMatchObject({ code: 'busy' })
  expect(await lock.release()).toBe(true)
  await singapore.acquireLock('lock')
})

test('a payout is made by one at a time', async () => {
  const { coordination, ledger } = createExample()
  const payOut = (): Promise<number> =>
    coordination.withLock(
      'payout:user-1',
      async ({ fencingToken, signal }) => {
        const balance = await ledger.readBalance()
        signal.throwIfAborted() // not ours any more: stop before anything is written
        await ledger.writeBalance(0, fencingToken)
        return balance
      },
      { ttlMs: 10_000, waitMs: 5000 },
    )

  expect(await Promise.all([payOut(), payOut()])).toEqual([100, 0]) // not 100 twice
})

test('a write that comes too late is refused', async () => {
  const { coordination, clock, ledger } = createExample()
  await clock.run(async () => {
    const slow = await coordination.acquireLock('payout:user-1', { ttlMs: 1000 })
    await clock.sleep(5000) // stands still
    const next = await coordination.acquireLock('payout:user-1')
    await ledger.writeBalance(50, next.fencingToken)

    await expect(ledger.writeBalance(0, slow.fencingToken)).rejects.toThrow('too late')
  })
})

test('a token is refreshed once', async () => {
  const { coordination, provider } = createExample()
  const refresh = (): Promise<string> =>
    coordination.once('refresh:user-1', () => provider.refreshToken(), { resultTtlMs: 30_000 })

  const tokens = await Promise.all([refresh(), refresh(), refresh()])
  expect(new Set(tokens).size).toBe(1)
  expect(await refresh()).toBe(tokens[0]) // for 30 s more
  expect(provider.refreshes).toBe(1)
})

test('two exports run at a time', async () => {
  const { coordination, clock } = createExample()
  let running = 0
  let most = 0
  const runExport = (): Promise<void> =>
    coordination.withPermit(
      'exports',
      async () => {
        running++
        most = Math.max(most, running)
        await clock.sleep(30_000)
        running--
      },
      { maxConcurrent: 2, ttlMs: 10_000, waitMs: 120_000 },
    )

  await clock.run(() => Promise.all([runExport(), runExport(), runExport(), runExport()]))
  expect(most).toBe(2)
})

test('visits are counted', async () => {
  const { counters, clock } = createExample()
  await clock.run(async () => {
    await Promise.all(Array.from({ length: 100 }, () => counters.increment('visits')))
    expect(await counters.getCount('visits')).toBe(100)
    await counters.increment('visits', -1)
    expect(await counters.getCount('visits')).toBe(99)
  })
})

test('the guide has these examples and no others', () => {
  const fences = [...readCoordinationGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = '']) => code.trim(),
  )
  expect(fences.length).toBeGreaterThan(6)
  for (const code of fences) expect(ownSource).toContain(code)
})
