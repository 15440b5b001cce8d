import { env } from 'cloudflare:workers'
import { reset } from 'cloudflare:test'
import { afterEach, expect, it } from 'vitest'
import { createOperationCounts, formatOperations } from './operation-counts.ts'
import { OperationMeter } from './operation-meter.ts'

afterEach(async () => {
  await reset()
})

it('counts overlapping requests apart and together', async () => {
  const meter = new OperationMeter({ now: () => 5 })
  const kv = meter.meterKV(env.CACHE_KV)
  const d1 = meter.meterD1(env.DB)
  const objects = meter.meterDurableObjects({
    getByName: (_name: string) => ({ double: (value: number) => Promise.resolve(value * 2) }),
  })
  const first = createOperationCounts()
  const second = createOperationCounts()
  const firstMayEnd = Promise.withResolvers<undefined>()

  const firstDone = meter.run(first, async () => {
    await kv.get(['a', 'b'])
    await firstMayEnd.promise
    await d1.batch([d1.prepare('SELECT 1'), d1.prepare('SELECT 2'), d1.prepare('SELECT 3')])
  })
  await meter.run(second, async () => {
    await kv.put('a', '1')
    await kv.delete('a')
    await kv.list()
    const object = objects.getByName('a')
    expect(await object.double(2)).toBe(4)
    expect(await object.double(3)).toBe(6)
  })
  firstMayEnd.resolve(undefined)
  await firstDone

  expect(formatOperations(first)).toBe(
    'kv.read=2 kv.write=0 kv.delete=0 kv.list=0 d1.query=3 do.request=0',
  )
  expect(formatOperations(second)).toBe(
    'kv.read=0 kv.write=1 kv.delete=1 kv.list=1 d1.query=0 do.request=2',
  )
  expect(meter.totals).toEqual({
    ...createOperationCounts(),
    kv: { reads: 2, writes: 1, deletes: 1, lists: 1 },
    d1: { queries: 3 },
    durableObjects: { requests: 2 },
  })
  expect(meter.requests).toBe(2)
  expect(meter.startedAtMs).toBe(5)
})

it('counts a part of a request apart from the rest of it', async () => {
  const meter = new OperationMeter()
  const kv = meter.meterKV(env.CACHE_KV)
  const whole = createOperationCounts()
  const part = createOperationCounts()
  await meter.run(whole, async () => {
    await kv.get('a')
    await meter.runApart(part, () => kv.get(['b', 'c']))
    await kv.get('d')
  })
  expect([whole.kv.reads, part.kv.reads, meter.totals.kv.reads]).toEqual([2, 2, 4])
  expect(meter.requests).toBe(1)
})

it('counts what happens outside of a request into the totals only', async () => {
  const meter = new OperationMeter()
  const bucket = meter.meterR2(env.MEDIA)
  const counts = createOperationCounts()
  meter.run(counts, () => undefined)
  await bucket.put('a', 'text')
  expect(await (await bucket.get('a'))?.text()).toBe('text')
  await bucket.head('a')
  await bucket.list()
  await bucket.delete('a')
  expect(counts).toEqual(createOperationCounts())
  expect(meter.totals.r2).toEqual({ reads: 2, writes: 1, deletes: 1, lists: 1 })
})
