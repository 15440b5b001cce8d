import { describe, expect, test } from 'vitest'
import { expireTags, valueFormat } from '../src/cache.ts'
import {
  createCounter,
  createSimulatedClient,
  createSimulator,
} from './support/simulated-client.ts'
import { wrapKV } from './support/wrapped-kv.ts'

// What reaches KV, and in which order, when writes, deletes and encoders take their time.

describe('a write', () => {
  test('waits for a delete under way, also when an earlier one has ended meanwhile', async () => {
    const simulator = createSimulator()
    const { clock } = simulator
    const lastsMs = [1500, 3000]
    const log: string[] = []
    const { cache, settle } = createSimulatedClient({
      simulator,
      wrap: (kv) =>
        wrapKV(kv, {
          delete: async (real, args) => {
            await clock.sleep(lastsMs.shift() ?? 0)
            await real(...args)
            log.push('deleted')
          },
          put: (real, args) => {
            log.push('put')
            return real(...args)
          },
        }),
    })
    await clock.run(async () => {
      const first = cache.delete('k')
      await clock.sleep(1000)
      const second = cache.delete('k')
      await clock.sleep(2000)
      await cache.set('k', 'v', 600)
      await Promise.all([first, second])
    })
    await settle()
    expect(log).toEqual(['deleted', 'deleted', 'put'])
    expect(await cache.get('k')).toBe('v')
  })
})

test('a deleted value stays away when more keys are deleted than an isolate remembers', async () => {
  const { cache, clock } = createSimulatedClient()
  const counter = createCounter()
  const counts = cache.define('count', counter.options)
  await counts.put('a', { n: 0 })
  await clock.run(async () => {
    await counts.delete('a')
    await cache.deleteMany(Array.from({ length: 10_001 }, (_, i) => `other:${i}`))
  })
  expect(await counts.get('a')).toEqual({ n: 1 })
})

describe('a value that takes its time to be encoded', () => {
  /** The first value waits to be encoded until it is let go. */
  function createSlow() {
    const client = createSimulatedClient()
    const entered = Promise.withResolvers<undefined>()
    const open = Promise.withResolvers<undefined>()
    const encoded: string[] = []
    const encode = async (text: string): Promise<string> => {
      encoded.push(text)
      entered.resolve(undefined)
      if (encoded.length === 1) await open.promise
      return text
    }
    const encoder = { name: 'slow', encode, decode: (text: string) => Promise.resolve(text) }
    const format = valueFormat<{ readonly n: number }>({ encoders: [encoder] })
    const release = (): void => {
      open.resolve(undefined)
    }
    const stored = (): string | undefined => client.simulator.store('CACHE_KV').get(key)?.text
    const key = 'cache:count:a'
    return { ...client, encoded, entered: entered.promise, format, release, stored }
  }

  test('is not written when its tag expires meanwhile', async () => {
    const { cache, entered, format, release, settle, stored } = createSlow()
    const options = { ...createCounter().options, format, tags: () => ['t'] }
    await cache.define('count', options).get('a')
    await entered
    await expireTags(cache, ['t'])
    release()
    await settle()
    expect(stored()).toBeUndefined()
  })

  test('is not written over one that was put later and was ready sooner', async () => {
    const { cache, clock, entered, format, release, settle, stored } = createSlow()
    const counts = cache.define('count', { ...createCounter().options, format })
    const first = counts.put('a', { n: 1 })
    await entered
    await counts.put('a', { n: 2 })
    release()
    await first
    await settle()
    await clock.advance(5000)
    expect(stored()).toBe('{"n":2}')
    expect(await counts.get('a')).toEqual({ n: 2 })
  })

  test('is not encoded at all when it is deleted while it is loading', async () => {
    const { cache, clock, encoded, format, settle } = createSlow()
    const loaded = Promise.withResolvers<{ n: number }>()
    const begun = Promise.withResolvers<undefined>()
    const counts = cache.define('count', {
      fresh: '1h',
      format,
      load: () => {
        begun.resolve(undefined)
        return loaded.promise
      },
    })
    const reading = counts.get('a')
    await begun.promise
    await counts.delete('a')
    // KV takes a write again.
    await clock.advance(2000)
    loaded.resolve({ n: 1 })
    await reading
    await settle()
    expect(encoded).toEqual([])
  })
})
