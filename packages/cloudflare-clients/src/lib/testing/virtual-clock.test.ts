import { describe, expect, test } from 'vitest'
import { createSeededRandom } from './seeded-random.ts'
import { createVirtualClock } from './virtual-clock.ts'

describe('a virtual clock', () => {
  test('stands still until it is advanced', async () => {
    const clock = createVirtualClock({ startMs: 1000 })
    expect(clock.now()).toBe(1000)
    await clock.advance(500)
    expect(clock.now()).toBe(1500)
  })

  test('runs timers in the order they come due, those of one time in the order they were set', async () => {
    const clock = createVirtualClock()
    const random = createSeededRandom(1)
    const delays = Array.from({ length: 2000 }, (_, id) => ({
      id,
      ms: Math.floor(random() * 300),
    }))
    const ran: { id: number; ms: number }[] = []
    for (const delay of delays) clock.setTimeout(() => ran.push(delay), delay.ms)
    await clock.advance(300)
    expect(ran).toEqual(delays.toSorted((a, b) => a.ms - b.ms || a.id - b.id))
  })

  test('runs a timer at its time and not a millisecond before', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    let ranAtMs = -1
    clock.setTimeout(() => {
      ranAtMs = clock.now()
    }, 100)
    await clock.advance(99)
    expect(ranAtMs).toBe(-1)
    await clock.advance(1)
    expect(ranAtMs).toBe(100)
  })

  test('lets everything that follows from a timer happen before the next one', async () => {
    const clock = createVirtualClock()
    const order: string[] = []
    clock.setTimeout(() => {
      void (async () => {
        for (let step = 0; step < 10_000; step++) await Promise.resolve()
        order.push('what follows')
      })()
    }, 1)
    clock.setTimeout(() => order.push('next'), 1)
    await clock.advance(1)
    expect(order).toEqual(['what follows', 'next'])
  })

  test('runs timers that timers set, where they come due within the time', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const at: number[] = []
    const again = (): void => {
      at.push(clock.now())
      clock.setTimeout(again, 40)
    }
    clock.setTimeout(again, 40)
    await clock.advance(100)
    expect(at).toEqual([40, 80])
    expect(clock.now()).toBe(100)
  })

  test('does not run what was cancelled, and passes arguments on', async () => {
    const clock = createVirtualClock()
    const ran: string[] = []
    const { setTimeout, clearTimeout } = clock
    const id = setTimeout(() => ran.push('cancelled'), 10)
    setTimeout((name: string) => ran.push(name), 20, 'kept')
    clearTimeout(id)
    clearTimeout(undefined)
    clearTimeout(999)
    await clock.advance(20)
    expect(ran).toEqual(['kept'])
  })

  test('fails an advance with what a timer throws', async () => {
    const clock = createVirtualClock()
    clock.setTimeout(() => {
      throw new Error('from a timer')
    }, 1)
    await expect(clock.advance(1)).rejects.toThrow('from a timer')
  })

  test.each([
    ['startMs', () => createVirtualClock({ startMs: NaN })],
    ['turnsPerStep', () => createVirtualClock({ turnsPerStep: 0 })],
    ['hangAfterMs', () => createVirtualClock({ hangAfterMs: -1 })],
    ['delayMs', () => createVirtualClock().setTimeout(() => undefined, Infinity)],
  ])('refuses a %s that is out of range', (name, create) => {
    expect(create).toThrow(RangeError)
    expect(create).toThrow(name)
  })

  test('refuses to go back', async () => {
    await expect(createVirtualClock().advance(-1)).rejects.toThrow(RangeError)
  })
})

describe('work that a clock runs', () => {
  test('passes an hour at once', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const result = await clock.run(async () => {
      await clock.sleep(3_600_000)
      return 'done'
    })
    expect(result).toBe('done')
    expect(clock.now()).toBe(3_600_000)
  })

  test('leaves timers that it did not wait for', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    let hasRun = false
    clock.setTimeout(() => {
      hasRun = true
    }, 5000)
    await clock.run(() => clock.sleep(10))
    expect([clock.now(), hasRun]).toEqual([10, false])
  })

  test('leaves a clock that can be advanced and run at once', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    await clock.run(() => clock.sleep(10))
    await clock.advance(10)
    await clock.run(() => clock.sleep(10))
    await clock.run(() => clock.sleep(10))
    expect(clock.now()).toBe(40)
  })

  test('may run beside other work and inside it', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const slow = clock.run(() => clock.sleep(100).then(() => clock.now()))
    const quick = clock.run(async () => {
      await clock.run(() => clock.sleep(10))
      await clock.advance(10)
      return clock.now()
    })
    expect(await Promise.all([slow, quick])).toEqual([100, 20])
  })

  test('may really take time', async () => {
    const clock = createVirtualClock()
    const bytes = await clock.run(async () => {
      const { body } = new Response('a'.repeat(10_000))
      const gzip = body?.pipeThrough(new CompressionStream('gzip'))
      return (await new Response(gzip).arrayBuffer()).byteLength
    })
    expect(bytes).toBeLessThan(1000)
  })

  test('fails with its own error', async () => {
    const clock = createVirtualClock()
    const error = new Error('own')
    await expect(clock.run(() => Promise.reject(error))).rejects.toBe(error)
    await expect(
      clock.run(() => {
        throw error
      }),
    ).rejects.toBe(error)
    await expect(clock.run(() => clock.sleep(1).then(() => 'again'))).resolves.toBe('again')
  })

  test('that waits for nothing the clock brings is said to hang', async () => {
    const clock = createVirtualClock({ hangAfterMs: 5 })
    const hang = new Promise<never>(() => undefined)
    await expect(clock.run(() => hang)).rejects.toThrow(/has not settled and no timer is left/)
  })

  test('takes tens of thousands of timers in a second', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    let count = 0
    await clock.run(async () => {
      const sleepers = Array.from({ length: 1000 }, async (_, index) => {
        for (let round = 0; round < 50; round++) {
          await clock.sleep((index * 7919 + round * 31) % 1000)
          count++
        }
      })
      await Promise.all(sleepers)
    })
    expect(count).toBe(50_000)
  })
})
