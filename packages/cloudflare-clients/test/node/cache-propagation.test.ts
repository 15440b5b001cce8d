import { describe, expect, test } from 'vitest'
import {
  createCounter,
  createSimulatedClient,
  type SimulatedClient,
} from '../support/simulated-client.ts'
import { createEdgeSimulator, createSeededRandom } from '../../src/testing.ts'
import { clearDefinition } from '../../src/lib/cache/clear-definition.ts'
import { expireTags } from '../../src/lib/cache/expire-tags.ts'

const locations = ['AMS', 'SIN', 'IAD']
const memorySeconds = 30
const changes = ['put', 'delete', 'expire', 'expireTags', 'clear', 'set', 'plainDelete'] as const
/** What the simulator takes at most until a write can be read everywhere, and a location keeps what it read. */
const propagationSeconds = { typical: 180, adverse: 300 }
const cacheTtlSeconds = 60
/** Writes take up to two seconds, and wait for their second, some of them several times. */
const writingSeconds = 10

interface Isolate extends SimulatedClient {
  readonly read: () => Promise<number>
  readonly change: (change: (typeof changes)[number]) => Promise<unknown>
}

function createIsolate(
  client: SimulatedClient,
  counter: ReturnType<typeof createCounter>,
): Isolate {
  const { cache } = client
  const load = (): Promise<{ n: number }> => Promise.resolve({ n: counter.value })
  const counts = cache.define('count', {
    load,
    fresh: '1d',
    staleIfError: '1d',
    memory: memorySeconds,
    tags: () => ['t'],
    clearable: true,
  })
  const plainKey = 'cache:plain:a'
  return {
    ...client,
    read: async () => {
      const [own, plain] = await Promise.all([
        counts.get('a'),
        cache.getOrSet(plainKey, 86_400, load),
      ])
      return Math.min(own?.n ?? -1, plain.n)
    },
    // Both kinds are changed each time, one of them by the named call.
    change: (change) =>
      Promise.all([
        {
          put: () => counts.put('a', { n: counter.value }),
          delete: () => counts.delete('a'),
          expire: () => counts.expire('a'),
          expireTags: () => expireTags(cache, ['t']),
          clear: () => clearDefinition(cache, counts),
          set: () => counts.delete('a'),
          plainDelete: () => counts.delete('a'),
        }[change](),
        change === 'set'
          ? cache.set(plainKey, { n: counter.value }, 86_400)
          : cache.delete(plainKey),
      ]),
  }
}

describe.for(['typical', 'adverse'] as const)('in %s conditions', (consistency) => {
  test.for(changes)('every isolate has obeyed a %s when its time has passed', async (change) => {
    for (let seed = 0; seed < 20; seed++) {
      const simulator = createEdgeSimulator({ seed, locations, consistency, latency: 'typical' })
      const { clock } = simulator
      const random = createSeededRandom(seed)
      const counter = createCounter()
      const isolates = [...locations, ...locations].map((location, index) =>
        createIsolate(
          createSimulatedClient({ simulator, location, hasWaitUntil: index % 2 === 0 }),
          counter,
        ),
      )
      const readAll = (): Promise<number[]> =>
        Promise.all(isolates.map((isolate) => isolate.read()))
      /** Traffic, which keeps the memories and the caches of the locations as busy as they may be. */
      const pass = async (seconds: number): Promise<void> => {
        const endMs = clock.now() + seconds * 1000
        while (clock.now() < endMs) {
          await clock.sleep(random() * 5000)
          await isolates[Math.floor(random() * isolates.length)]?.read()
        }
      }
      await clock.run(async () => {
        await readAll()
        await pass(600)
        counter.value = 2
        await isolates[seed % isolates.length]?.change(change)
        await pass(
          propagationSeconds[consistency] + cacheTtlSeconds + memorySeconds + writingSeconds,
        )
        expect(await readAll()).toEqual(isolates.map(() => 2))
      })
    }
  })

  test('the later of two expirations of a tag stays, whichever KV took last', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const simulator = createEdgeSimulator({ seed, locations, consistency, latency: 'typical' })
      const { clock } = simulator
      const [first, second] = locations.map((location) =>
        createSimulatedClient({ simulator, location }),
      )
      await clock.run(async () => {
        const earlier = first && expireTags(first.cache, ['t'])
        await clock.sleep(seed * 40)
        const laterMs = clock.now()
        await Promise.all([earlier, second && expireTags(second.cache, ['t'])])
        const stampMs = Number(simulator.store('CACHE_KV').get('cache-tag:t')?.text)
        expect(stampMs).toBeGreaterThanOrEqual(laterMs)
      })
    }
  })
})
