import { describe, expect, test } from 'vitest'
import { deleteByPrefix } from '../src/cache.ts'
import {
  createCounter,
  createSimulatedClient,
  createSimulator,
} from './support/simulated-client.ts'
import { wrapKV } from './support/wrapped-kv.ts'
import { clearDefinition } from '../src/lib/cache/clear-definition.ts'
import { expireTags } from '../src/lib/cache/expire-tags.ts'

/** A namespace whose calls of one method wait, from when `hold` was called until they are let go. */
function gate(method: string): {
  readonly wrap: (kv: KVNamespace) => KVNamespace
  readonly hold: () => { readonly entered: Promise<void>; readonly release: () => void }
} {
  let held: { enter: () => void; open: Promise<void> } | undefined
  return {
    wrap: (kv) =>
      wrapKV(kv, {
        [method]: async (real, args) => {
          const own = held
          held = undefined
          const answer = method === 'getWithMetadata' ? await real(...args) : undefined
          own?.enter()
          await own?.open
          return answer ?? real(...args)
        },
      }),
    hold: () => {
      const entered = Promise.withResolvers<undefined>()
      const open = Promise.withResolvers<undefined>()
      held = {
        enter: () => {
          entered.resolve(undefined)
        },
        open: open.promise,
      }
      return {
        entered: entered.promise,
        release: () => {
          open.resolve(undefined)
        },
      }
    },
  }
}

describe('while KV is asked again for a value in memory', () => {
  test.for(['put', 'delete', 'expire', 'expireTags', 'clear'] as const)(
    'a %s is not undone by the answer',
    async (change) => {
      const reads = gate('getWithMetadata')
      const { cache, clock, settle } = createSimulatedClient({ wrap: reads.wrap })
      const counter = createCounter()
      const counts = cache.define('count', {
        ...counter.options,
        memory: '1s',
        tags: () => ['t'],
        clearable: true,
      })
      await counts.get('a')
      await settle()
      await clock.advance(2000)
      const asked = reads.hold()
      const reading = counts.get('a')
      await asked.entered
      counter.value = 2
      const changing = {
        put: () => counts.put('a', { n: 2 }),
        delete: () => counts.delete('a'),
        expire: () => counts.expire('a'),
        expireTags: () => expireTags(cache, ['t']),
        clear: () => clearDefinition(cache, counts),
      }[change]()
      const later = clock.run(async () => {
        await changing
        return counts.get('a')
      })
      asked.release()
      await reading
      expect(await later).toEqual({ n: 2 })
      expect(await counts.get('a')).toEqual({ n: 2 })
    },
  )
})

test('a value does not stand in when its time ended while the load was failing', async () => {
  const { cache, clock, settle } = createSimulatedClient()
  const failure = new Error('database down')
  let loads = 0
  const counts = cache.define('count', {
    fresh: 10,
    staleIfError: 10,
    load: async () => {
      if (++loads === 1) return { n: 1 }
      await clock.sleep(30_000)
      throw failure
    },
  })
  await counts.get('a')
  await settle()
  await clock.advance(15_000)
  const startedMs = clock.now()
  await expect(clock.run(() => counts.get('a'))).rejects.toBe(failure)
  expect(clock.now() - startedMs).toBe(30_000)
})

test('a value does not stand in for a slow load when its time ended before the soft timeout', async () => {
  const { cache, clock, settle } = createSimulatedClient()
  let n = 0
  const counts = cache.define('count', {
    fresh: 10,
    staleIfError: 10,
    softTimeout: 8,
    load: async () => {
      if (++n > 1) await clock.sleep(30_000)
      return { n }
    },
  })
  await counts.get('a')
  await settle()
  await clock.advance(15_000)
  expect(await clock.run(() => counts.read('a'))).toMatchObject({ value: { n: 2 }, status: 'miss' })
})

test('what was loaded while KV failed to read is not followed by the older value that KV has', async () => {
  const { cache, simulator } = createSimulatedClient()
  const other = createSimulatedClient({ simulator })
  await other.cache.set('k', 'older', 600)
  const end = simulator.injectFault({ type: 'error', operations: ['read'] })
  await simulator.clock.advance(1)
  expect(await cache.getOrSet('k', 600, () => Promise.resolve('newer'))).toBe('newer')
  end()
  expect(await cache.get('k')).toBeNull()
  expect(await cache.getOrSet('k', 600, () => Promise.resolve('newest'))).toBe('newest')
})

test('what was loaded before a tag expired, and served after, is not followed by an older value', async () => {
  const { cache, clock, simulator, settle } = createSimulatedClient({ memory: false })
  const other = createSimulatedClient({ simulator })
  const older = { load: () => Promise.resolve({ n: 1 }), fresh: '1h', tags: () => ['t'] } as const
  await other.cache.define('count', older).get('a')
  await other.settle()
  const entry = simulator.store('CACHE_KV').get('cache:count:a')
  await clock.advance(2000)
  const begun = Promise.withResolvers<undefined>()
  const loaded = Promise.withResolvers<{ n: number }>()
  let hasFailed = false
  const counts = cache.define('count', {
    ...older,
    staleIfError: '1h',
    load: () => {
      begun.resolve(undefined)
      return hasFailed ? Promise.reject(new Error('down')) : loaded.promise
    },
  })
  await expireTags(cache, ['t'])
  await clock.advance(2000)
  const reading = counts.get('a')
  await begun.promise
  await expireTags(cache, ['t'])
  loaded.resolve({ n: 2 })
  expect(await reading).toEqual({ n: 2 })
  hasFailed = true
  await settle()
  expect(entry?.text).toBe('{"n":1}')
  // The older value may stand in by its time, but not after a newer one was served.
  await expect(counts.get('a')).rejects.toThrow('down')
})

describe('a delete', () => {
  test.for(['put', 'set'] as const)('outlives a %s that KV is still storing', async (change) => {
    const writes = gate('put')
    const { cache, clock, simulator } = createSimulatedClient({ wrap: writes.wrap })
    const counts = cache.define('count', createCounter().options)
    const held = writes.hold()
    const key = 'cache:count:a'
    const writing = change === 'put' ? counts.put('a', { n: 7 }) : cache.set(key, 7, 600)
    await held.entered
    await clock.run(() => (change === 'put' ? counts.delete('a') : cache.delete(key)))
    await clock.advance(2000)
    held.release()
    await clock.run(() => writing)
    await clock.advance(10_000)
    expect(simulator.store('CACHE_KV').get(key)).toBeNull()
  })
})

describe('a tag that two isolates expire within a second', () => {
  test('keeps the later stamp, whichever write KV takes last', async () => {
    const simulator = createSimulator({ limits: { writesPerSecondPerKey: 1 } })
    const { clock } = simulator
    const [first, second, third] = [1, 2, 3].map(() => createSimulatedClient({ simulator }))
    if (!first || !second || !third) throw new Error('unreachable')
    // Takes the only write of this second, so that the one of the first isolate has to be tried again.
    await simulator.location('AMS').kv('CACHE_KV').put('cache-tag:t', '1')
    const counter = createCounter()
    const options = { ...counter.options, tags: () => ['t'] }
    const expiring = clock.run(() => expireTags(first.cache, ['t']))
    await clock.sleep(1)
    await third.cache.define('count', options).get('a')
    await third.settle()
    counter.value = 2
    const later = clock.run(() => expireTags(second.cache, ['t']))
    await Promise.all([expiring, later])
    const fourth = createSimulatedClient({ simulator })
    expect(await fourth.cache.define('count', options).get('a')).toEqual({ n: 2 })
  })

  test('is expired by a retry for what was loaded since the first try', async () => {
    const simulator = createSimulator({ limits: { writesPerSecondPerKey: 1 } })
    const { clock } = simulator
    const { cache } = createSimulatedClient({ simulator })
    const other = createSimulatedClient({ simulator })
    await simulator.location('AMS').kv('CACHE_KV').put('cache-tag:t', '1')
    await clock.run(async () => {
      const expiring = expireTags(cache, ['t'])
      await clock.sleep(1050)
      // Another isolate's later stamp, which a retry with the stamp of the first try would put back.
      await expireTags(other.cache, ['t'])
      await expiring
    })
    const stampMs = Number(simulator.store('CACHE_KV').get('cache-tag:t')?.text)
    expect(stampMs).toBeGreaterThanOrEqual(1_700_000_000_000 + 1050)
  })
})

test('a value that is the same as before it was expired is written for the others', async () => {
  const { cache, clock, simulator, settle } = createSimulatedClient()
  const counter = createCounter()
  const counts = cache.define('count', { ...counter.options, tags: () => ['t'], staleIfError: 600 })
  await counts.get('a')
  await settle()
  await clock.advance(5000)
  await expireTags(cache, ['t'])
  await counts.get('a')
  await settle()
  await clock.advance(5000)
  await counts.expire('a')
  await clock.advance(5000)
  await counts.get('a')
  await settle()
  expect(counter.loads).toBe(3)
  const other = createSimulatedClient({ simulator })
  const read = await other.cache
    .define('count', { ...counter.options, tags: () => ['t'], staleIfError: 600 })
    .read('a')
  expect(read).toMatchObject({ status: 'hit', tier: 'kv' })
})

test('a load that began before deleteByPrefix is joined by nobody who comes after it', async () => {
  const { cache, clock, settle } = createSimulatedClient()
  const older = Promise.withResolvers<number>()
  let loads = 0
  const counts = cache.define('count', {
    load: () => (loads++ === 0 ? older.promise : Promise.resolve(2)),
    fresh: '1h',
  })
  const before = counts.get('a')
  await clock.advance(10)
  await deleteByPrefix(cache, 'cache:count:')
  expect(await counts.get('a')).toBe(2)
  older.resolve(1)
  expect(await before).toBe(1)
  await settle()
  expect(await counts.get('a')).toBe(2)
})
