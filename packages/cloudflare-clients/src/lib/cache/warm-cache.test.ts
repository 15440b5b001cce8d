import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import { countKV } from '../../../test/support/wrapped-kv.ts'
import { CacheClient } from './cache-client.ts'
import { warmCache } from './warm-cache.ts'

afterEach(async () => {
  await reset()
})

function idsTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

interface Recorded {
  readonly calls: (readonly number[])[]
  mostAtOnce: number
  getMany(ids: readonly number[]): Promise<void>
}

function createDefinition(failOn?: number): Recorded {
  let running = 0
  return {
    calls: [],
    mostAtOnce: 0,
    async getMany(ids) {
      this.calls.push(ids)
      this.mostAtOnce = Math.max(this.mostAtOnce, ++running)
      await new Promise((resolve) => setTimeout(resolve))
      running--
      if (failOn !== undefined && ids.includes(failOn)) throw new Error('origin is down')
    },
  }
}

test('warms every id, 100 at a time', async () => {
  const definition = createDefinition()
  const result = await warmCache(definition, idsTo(250))
  expect(result).toEqual({ warmed: 250, remaining: [], error: null })
  expect(definition.calls.map((ids) => ids.length)).toEqual([100, 100, 50])
  expect(definition.calls.flat()).toEqual(idsTo(250))
})

test('stops at its budget and goes on with what remains', async () => {
  const definition = createDefinition()
  const ids = idsTo(250)
  const first = await warmCache(definition, ids, { maxOperations: 301 })
  expect(first).toEqual({ warmed: 150, remaining: ids.slice(150), error: null })
  const second = await warmCache(definition, first.remaining, { maxOperations: 301 })
  expect(second).toEqual({ warmed: 100, remaining: [], error: null })
  expect(definition.calls.flat()).toEqual(ids)
})

test('spends at most 1,000 operations unless told otherwise, and more for each id where asked', async () => {
  expect(await warmCache(createDefinition(), idsTo(600))).toMatchObject({ warmed: 500 })
  expect(await warmCache(createDefinition(), idsTo(600), { operationsPerId: 4 })).toMatchObject({
    warmed: 250,
  })
})

test('asks for an id that is given twice once', async () => {
  const definition = createDefinition()
  expect(await warmCache(definition, [1, 2, 1])).toMatchObject({ warmed: 2 })
  expect(definition.calls).toEqual([[1, 2]])
})

test('runs two bulk reads at once, or as many as it is told', async () => {
  const definition = createDefinition()
  await warmCache(definition, idsTo(500))
  expect(definition.mostAtOnce).toBe(2)
  await warmCache(definition, idsTo(500), { concurrency: 3 })
  expect(definition.mostAtOnce).toBe(3)
})

test('ends at the first failing load, and gives back what failed and what was not tried', async () => {
  const definition = createDefinition(150)
  const result = await warmCache(definition, idsTo(450), { concurrency: 1 })
  expect(result).toEqual({
    warmed: 100,
    remaining: idsTo(450).slice(100),
    error: new Error('origin is down'),
  })
  expect(definition.calls).toHaveLength(2)
})

test('has nothing to do without ids', async () => {
  expect(await warmCache(createDefinition(), [])).toEqual({ warmed: 0, remaining: [], error: null })
})

test('fills a cache from its origin within the operations that it counts', async () => {
  const { kv, operations } = countKV(env.KV)
  const cache = new CacheClient(kv)
  const load = (id: string): Promise<string> => Promise.resolve(`value ${id}`)
  const values = cache.define<string, string>('value', { fresh: '5m', load })
  const ids = idsTo(30).map(String)
  const { remaining } = await warmCache(values, ids, { maxOperations: 40 })
  expect(remaining).toHaveLength(10)
  expect(operations.read + operations.write).toBeLessThanOrEqual(40)
  const elsewhere = new CacheClient(env.KV).define<string, string>('value', { fresh: '5m', load })
  expect(await elsewhere.read('1')).toMatchObject({ value: 'value 1', status: 'hit', tier: 'kv' })
})

test.for([
  [{ operationsPerId: 0 }, 'operationsPerId must be a whole number from 1, received 0'],
  [{ maxOperations: 1 }, 'maxOperations must be a whole number from 2, received 1'],
  [{ concurrency: 1.5 }, 'concurrency must be a whole number from 1, received 1.5'],
] as const)('refuses %j', async ([options, message]) => {
  await expect(warmCache(createDefinition(), [1], options)).rejects.toThrow(
    new RangeError(`Cannot warm cache: ${message}`),
  )
})
