import { describe, expect, test } from 'vitest'
import { createVirtualClock } from '../../testing.ts'
import type { CoordinationNamespace } from './coordination-calls.ts'
import { CounterClient, type CounterOptions } from './counter-client.ts'
import { memoryCoordination } from './memory-coordination.ts'

type Fault = 'request lost' | 'reply lost' | 'hang' | undefined

function setUp({ latencyMs = 10, ...options }: CounterOptions & { latencyMs?: number } = {}) {
  const clock = createVirtualClock()
  const memory = memoryCoordination({ now: clock.now, timers: clock })
  const state = { fault: undefined as Fault, reports: 0 }
  const namespace: CoordinationNamespace = {
    getByName: (name) => ({
      ...memory.getByName(name),
      getTotal: () => memory.getByName(name).getTotal(),
      resetTotal: () => memory.getByName(name).resetTotal(),
      async count(report) {
        state.reports++
        const { fault } = state
        await clock.sleep(latencyMs)
        if (fault === 'request lost') throw new Error('network')
        await memory.getByName(name).count(report)
        if (fault === 'reply lost') throw new Error('network')
        if (fault === 'hang') await new Promise(() => undefined)
      },
    }),
  }
  const open = (more: CounterOptions = {}) =>
    new CounterClient(namespace, { timers: clock, ...options, ...more })
  return { clock, open, state }
}

describe('a counter', () => {
  test('has what all isolates counted, over its shards', async () => {
    const { clock, open } = setUp({ shards: 3 })
    await clock.run(async () => {
      const isolates = [0, 0.4, 0.99].map((at) => open({ random: () => at }))
      await Promise.all(isolates.map((isolate, index) => isolate.increment('a', index + 1)))
      await isolates[0]?.increment('a')
      await isolates[1]?.increment('a', -2)
      await isolates[0]?.increment('b')
      expect(await isolates[2]?.getCount('a')).toBe(5)
      // Whoever looks at fewer shards sees less.
      expect(await open({ shards: 1 }).getCount('a')).toBe(2)
    })
  })

  test('sends what comes at once in two reports', async () => {
    const { clock, open, state } = setUp()
    await clock.run(async () => {
      const counter = open()
      await Promise.all(Array.from({ length: 100 }, () => counter.increment('a')))
      expect(await counter.getCount('a')).toBe(100)
    })
    expect(state.reports).toBe(2)
  })

  test('sends what comes within batchMs in one report', async () => {
    const { clock, open, state } = setUp({ batchMs: 1000 })
    await clock.run(async () => {
      const counter = open()
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          await clock.sleep(index * 9)
          await counter.increment('a')
        }),
      )
      expect(await counter.getCount('a')).toBe(100)
    })
    expect(state.reports).toBe(1)
  })

  test.for(['request lost', 'reply lost'] as const)(
    'counts once what failed, with the next increment: %s',
    async (fault) => {
      const { clock, open, state } = setUp()
      await clock.run(async () => {
        const counter = open()
        state.fault = fault
        await expect(counter.increment('a', 5)).rejects.toMatchObject({
          code: 'unavailable',
          operation: 'increment',
        })
        state.fault = undefined
        await counter.increment('a', 2)
        expect(await counter.getCount('a')).toBe(7)
      })
    },
  )

  test('does not wait for ever for a report that another request took with it', async () => {
    const { clock, open, state } = setUp({ timeoutMs: 500 })
    await clock.run(async () => {
      const counter = open()
      state.fault = 'hang'
      const first = counter.increment('a')
      const failed = expect(first).rejects.toMatchObject({ code: 'no_answer' })
      await clock.sleep(1)
      state.fault = undefined
      const startMs = clock.now()
      await counter.increment('a')
      expect(clock.now() - startMs).toBeLessThan(600)
      await failed
      expect(await counter.getCount('a')).toBe(2)
    })
  })

  test('hands its reports to waitUntil', async () => {
    const background: Promise<unknown>[] = []
    const { clock, open } = setUp({ waitUntil: (work) => background.push(work) })
    await clock.run(() => open().increment('a'))
    expect(background).toHaveLength(1)
  })

  test('begins at 0 again', async () => {
    const { clock, open } = setUp()
    await clock.run(async () => {
      const counter = open()
      await counter.increment('a', 5)
      await counter.reset('a')
      expect(await counter.getCount('a')).toBe(0)
      await counter.increment('a')
      expect(await counter.getCount('a')).toBe(1)
    })
  })

  test('keeps a bounded number of names', async () => {
    const { clock, open } = setUp({ latencyMs: 0, shards: 1 })
    await clock.run(async () => {
      const counter = open()
      for (let name = 0; name < 1002; name++) await counter.increment(`name-${name}`)
      // The first was forgotten here, and not at the object.
      await counter.increment('name-0')
      expect(await counter.getCount('name-0')).toBe(2)
    })
  })

  test('refuses a mistake at the call', async () => {
    const { open } = setUp()
    await expect(open().increment('a', 0.5)).rejects.toThrow(
      'Cannot increment: by must be a whole number, received 0.5',
    )
    await expect(open().increment('')).rejects.toThrow('Cannot increment: the name must be')
    expect(() => open({ shards: 101 })).toThrow(
      'Cannot create CounterClient: shards must be from 1 to 100, received 101',
    )
  })
})
