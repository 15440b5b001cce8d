import { describe, expect, test } from 'vitest'
import { createEdgeSimulator } from './edge-simulator.ts'
import type { SimulatedOperation } from './ledger.ts'
import { createSeededRandom } from './seeded-random.ts'

describe('a bill', () => {
  test('counts every key, cached or not, found or not, and prices it', async () => {
    const seen: SimulatedOperation[] = []
    const simulator = createEdgeSimulator({
      locations: ['AMS', 'SIN'],
      onOperation: (operation) => seen.push(operation),
    })
    const amsterdam = simulator.location('AMS').kv('A')
    await amsterdam.get('none')
    await amsterdam.get('none')
    await amsterdam.get(['x', 'y', 'x'])
    await amsterdam.put('k', 'v')
    await simulator.location('SIN').kv('B').list({ prefix: 'p' })
    await simulator.location('SIN').kv('B').delete('none')

    const operations = { read: 4, write: 1, delete: 1, list: 1 }
    expect(simulator.operations).toEqual(operations)
    const atSingapore = {
      operations: { read: 0, write: 0, delete: 1, list: 1 },
      calls: { read: 0, write: 0, delete: 1, list: 1 },
      dollars: 0.000_01,
    }
    const atAmsterdam = {
      operations: { read: 4, write: 1, delete: 0, list: 0 },
      calls: { read: 3, write: 1, delete: 0, list: 0 },
      dollars: 0.000_007,
    }
    expect(simulator.bill()).toEqual({
      operations,
      calls: { read: 3, write: 1, delete: 1, list: 1 },
      dollars: 0.000_017,
      byLocation: { AMS: atAmsterdam, SIN: atSingapore },
      byNamespace: { A: atAmsterdam, B: atSingapore },
    })
    expect(seen.map(({ names }) => names)).toEqual([
      ['none'],
      ['none'],
      ['x', 'y'],
      ['k'],
      ['p'],
      ['none'],
    ])

    simulator.resetBill()
    expect(simulator.bill()).toMatchObject({ dollars: 0, byLocation: {} })
    await amsterdam.get('none')
    expect(simulator.operations.read).toBe(1)
  })

  test('counts what KV refuses, and not what never reaches it', async () => {
    const simulator = createEdgeSimulator()
    const kv = simulator.location('AMS').kv('KV')
    await kv.put('k', 'v')
    await expect(kv.put('k', 'v')).rejects.toThrow('429')
    await expect(kv.put('k', 'v', { expirationTtl: 1 })).rejects.toThrow('400')
    await expect(kv.put('', 'v')).rejects.toThrow(TypeError)
    await expect(kv.get('k'.repeat(513))).rejects.toThrow('414')
    expect(simulator.operations).toEqual({ read: 0, write: 3, delete: 0, list: 0 })
  })
})

describe('the same seed and the same calls', () => {
  /** An hour of readers and writers in three locations, as a list of all that they saw. */
  async function simulate(seed: number): Promise<unknown> {
    const simulator = createEdgeSimulator({ seed, latency: 'typical', consistency: 'adverse' })
    const { clock } = simulator
    simulator.injectFault({ type: 'error', rate: 0.01 })
    const random = createSeededRandom('traffic')
    const seen: unknown[] = []
    await clock.run(async () => {
      const users = Array.from({ length: 12 }, async (_, user) => {
        const kv = simulator.locations[user % 3]?.kv('KV')
        for (let round = 0; round < 60; round++) {
          await clock.sleep(random() * 120_000)
          const key = `k${Math.floor(random() * 5)}`
          const call = random() < 0.3 ? kv?.put(key, `${user}/${round}`) : kv?.get(key)
          seen.push([
            clock.now(),
            user,
            await call?.catch((error: unknown) => (error as Error).message),
          ])
        }
      })
      await Promise.all(users)
    })
    const store = simulator.store('KV')
    return { seen, bill: simulator.bill(), keys: store.keys().map((key) => store.get(key)) }
  }

  test('give the same answers at the same times and the same bill', async () => {
    const [first, second] = [await simulate(1), await simulate(1)]
    expect(second).toEqual(first)
    expect(await simulate(2)).not.toEqual(first)
  })

  test('write at the same speed, whatever is read in between', async () => {
    const simulate = async (reads: number): Promise<number> => {
      const simulator = createEdgeSimulator({ consistency: { propagation: [[1, 60_000]] } })
      await simulator.location('AMS').kv('KV').put('k', 'v')
      for (let read = 0; read < reads; read++) await simulator.location('IAD').kv('KV').get('x')
      const kv = simulator.location('SIN').kv('KV')
      const startMs = simulator.clock.now()
      while ((await kv.get('k')) === null) {
        simulator.location('SIN').evict()
        await simulator.clock.advance(20)
      }
      return simulator.clock.now() - startMs
    }
    expect(await simulate(100)).toBe(await simulate(0))
  })
})
