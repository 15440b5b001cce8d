import type { EdgeSimulator, VirtualClock } from '@codex/cloudflare-clients/testing'
import type { CacheLibrary, CacheUnderTest, Item } from '../libraries/cache-under-test.ts'
import type { SimulatedOrigin } from '../simulation/simulated-origin.ts'

/** One library at one location, and what stands around it. */
interface OperationRig {
  readonly clock: VirtualClock
  readonly simulator: EdgeSimulator
  readonly origin: SimulatedOrigin
  /** A new isolate: the same store, and nothing in memory. */
  openIsolate(): CacheUnderTest
}

/** What was asked for, and what an answer may be called. */
export interface OperationCase {
  readonly name: string
  readonly tagged?: boolean
  readonly supports?: (library: CacheLibrary, cache: CacheUnderTest) => boolean
  /** Everything that happens before the counting starts. @returns What is counted. */
  prepare(rig: OperationRig): Promise<() => readonly Promise<Item | null>[]>
}

const minuteMs = 60_000
const settleMs = 5000

export const settings = { freshSeconds: 60, staleSeconds: 600 }
export const tagsOfItem: readonly string[] = ['shop', 'list', 'author', 'locale', 'plan']

/** A value that was loaded and stored a while ago. @returns The isolate that did it. */
async function warm(rig: OperationRig, ids: readonly string[] = ['a']): Promise<CacheUnderTest> {
  const cache = rig.openIsolate()
  for (const id of ids) await cache.get(id)
  await rig.clock.sleep(settleMs)
  return cache
}

/** A value that is past its fresh time, changed at the origin, and still in the isolate that loaded it. */
async function warmStale(rig: OperationRig): Promise<CacheUnderTest> {
  const cache = await warm(rig)
  await rig.clock.sleep(settings.freshSeconds * 1000 + minuteMs / 2)
  rig.origin.change('a')
  return cache
}

function times<T>(count: number, work: () => T): T[] {
  return Array.from({ length: count }, work)
}

const manyIds = times(100, () => 0).map((_, index) => `many-${index}`)

export const operationCases: readonly OperationCase[] = [
  {
    name: 'cold miss',
    prepare: (rig) => {
      const cache = rig.openIsolate()
      return Promise.resolve(() => [cache.get('a')])
    },
  },
  {
    name: 'hit, same isolate',
    prepare: async (rig) => {
      const cache = await warm(rig)
      return () => [cache.get('a')]
    },
  },
  {
    name: 'hit, new isolate',
    prepare: async (rig) => {
      await warm(rig)
      const cache = rig.openIsolate()
      return () => [cache.get('a')]
    },
  },
  {
    name: 'hit, new isolate, again',
    prepare: async (rig) => {
      await warm(rig)
      const cache = rig.openIsolate()
      await cache.get('a')
      await rig.clock.sleep(settleMs)
      return () => [cache.get('a')]
    },
  },
  {
    name: 'stale read',
    prepare: async (rig) => {
      const cache = await warmStale(rig)
      return () => [cache.get('a')]
    },
  },
  {
    name: '50 concurrent, cold',
    prepare: (rig) => {
      const cache = rig.openIsolate()
      return Promise.resolve(() => times(50, () => cache.get('a')))
    },
  },
  {
    name: '500 concurrent, cold',
    prepare: (rig) => {
      const cache = rig.openIsolate()
      return Promise.resolve(() => times(500, () => cache.get('a')))
    },
  },
  {
    name: '50 concurrent, stale',
    prepare: async (rig) => {
      const cache = await warmStale(rig)
      return () => times(50, () => cache.get('a'))
    },
  },
  {
    name: 'getMany of 100',
    supports: (_, cache) => cache.getMany !== undefined,
    prepare: async (rig) => {
      await warm(rig, manyIds)
      const cache = rig.openIsolate()
      return () => {
        const found = cache.getMany?.(manyIds) ?? Promise.resolve(new Map<string, Item>())
        return manyIds.map(async (id) => (await found).get(id) ?? null)
      }
    },
  },
  {
    name: 'hit guarded by 5 tags',
    tagged: true,
    supports: ({ hasTags }) => hasTags,
    prepare: async (rig) => {
      await warm(rig)
      const cache = rig.openIsolate()
      return () => [cache.get('a')]
    },
  },
  {
    name: 'KV reads failing',
    prepare: async (rig) => {
      await warm(rig)
      const cache = rig.openIsolate()
      rig.simulator.injectFault({ type: 'error', operations: ['read'] })
      return () => [cache.get('a')]
    },
  },
  {
    name: 'KV writes answering 429',
    prepare: (rig) => {
      const cache = rig.openIsolate()
      rig.simulator.injectFault({ type: 'rate_limited' })
      return Promise.resolve(() => [cache.get('a')])
    },
  },
  {
    name: 'corrupt value',
    prepare: async (rig) => {
      await warm(rig)
      const cache = rig.openIsolate()
      rig.simulator.injectFault({ type: 'corrupt' })
      return () => [cache.get('a')]
    },
  },
  {
    name: 'origin failing, value stale',
    prepare: async (rig) => {
      const cache = await warmStale(rig)
      rig.origin.isDown = true
      return () => [cache.get('a')]
    },
  },
]
