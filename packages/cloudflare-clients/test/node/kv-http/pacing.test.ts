import { createRequestPacer } from '@codex/cloudflare-clients/kv-http'
import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, test } from 'vitest'
import { createFakeWorld } from './fake-world.ts'

const forever = { deadlineAtMs: Infinity, signal: undefined, isRepeat: false }

describe('a pacer', () => {
  test('lets no more than the limit through in any five minutes', async () => {
    const clock = createVirtualClock()
    const pacer = createRequestPacer({ now: clock.now, timers: clock })
    const times: number[] = []
    await clock.run(async () => {
      // Bursts, with pauses in which the bucket fills again.
      for (const count of [700, 50, 900, 1, 1500]) {
        await Promise.all(
          Array.from({ length: count }, async () => {
            await pacer.take(forever)
            times.push(clock.now())
          }),
        )
        await clock.sleep(count * 100)
      }
    })
    const most = Math.max(
      ...times.map(
        (startMs) => times.filter((at) => at >= startMs && at < startMs + 300_000).length,
      ),
    )
    expect(times).toHaveLength(3151)
    expect(most).toBeLessThanOrEqual(1200)
    expect(most).toBeGreaterThan(1190)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  test('gives half at once and the rest evenly', async () => {
    const clock = createVirtualClock()
    const pacer = createRequestPacer({ requestsPer5Minutes: 4, now: clock.now, timers: clock })
    const startedMs = clock.now()
    const waits: number[] = []
    await clock.run(async () => {
      for (let index = 0; index < 4; index++) {
        await pacer.take(forever)
        waits.push(clock.now() - startedMs)
      }
    })
    expect(waits).toEqual([0, 0, 150_000, 300_000])
  })

  test('says at once where a turn would come too late, and gives it to the next', async () => {
    const clock = createVirtualClock()
    const pacer = createRequestPacer({ requestsPer5Minutes: 2, now: clock.now, timers: clock })
    await pacer.take(forever)
    const deadlineAtMs = clock.now() + 299_999
    expect(await pacer.take({ ...forever, deadlineAtMs })).toBe(300_000)
    expect(await pacer.take({ ...forever, deadlineAtMs })).toBe(300_000)
    const startedMs = clock.now()
    await clock.run(() => pacer.take(forever))
    expect(clock.now() - startedMs).toBe(300_000)
  })

  test('forgets a turn whose signal is aborted', async () => {
    const clock = createVirtualClock()
    const pacer = createRequestPacer({ requestsPer5Minutes: 2, now: clock.now, timers: clock })
    await pacer.take(forever)
    const controller = new AbortController()
    const waiting = pacer.take({ ...forever, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await pacer.take({ ...forever, deadlineAtMs: clock.now() })).toBe(300_000)
  })

  test('holds whoever comes and whoever waits for a turn, each once', async () => {
    const clock = createVirtualClock()
    const pacer = createRequestPacer({ requestsPer5Minutes: 2, now: clock.now, timers: clock })
    const startedMs = clock.now()
    const waits: number[] = []
    const take = async (isRepeat = false): Promise<void> => {
      await pacer.take({ ...forever, isRepeat })
      waits.push(clock.now() - startedMs)
    }
    clock.setTimeout(() => {
      pacer.pauseUntil(startedMs + 400_000)
    }, 1000)
    clock.setTimeout(() => {
      pacer.pauseUntil(startedMs + 450_000)
    }, 399_000)
    await clock.run(async () => {
      await take()
      const waiting = take()
      await clock.sleep(2000)
      // It has waited already.
      await take(true)
      await waiting
    })
    expect(waits).toEqual([0, 400_000, 600_000])
  })

  test('refuses a limit that cannot be', () => {
    expect(() => createRequestPacer({ requestsPer5Minutes: 1 })).toThrow(RangeError)
  })
})

describe('against the limit of the API', () => {
  test('2,000 writes at once all succeed, and none is refused', async () => {
    const { open, clock, api, events } = await createFakeWorld({ requestsPer5Minutes: 1200 })
    const pacer = createRequestPacer({ now: clock.now, timers: clock })
    const kv = open({ pacer, deadlineMs: 3_600_000, timeoutMs: 3_600_000 })
    await clock.run(() =>
      Promise.all(Array.from({ length: 2000 }, (_, index) => kv.put(`k${index}`, 'v'))),
    )
    expect(new Set(api.requests.map(({ path }) => path)).size).toBe(2000)
    expect(events.filter(({ status }) => status === 429)).toEqual([])
  })

  test('who was refused for others waits as long as the API says', async () => {
    const { open, clock, api } = await createFakeWorld({ requestsPer5Minutes: 3 })
    const pacer = createRequestPacer({ now: clock.now, timers: clock })
    const kv = open({ pacer, deadlineMs: 600_000 })
    const startedMs = clock.now()
    await clock.run(async () => {
      for (let index = 0; index < 4; index++) await kv.put(`k${index}`, 'v')
    })
    expect(clock.now() - startedMs).toBe(300_250)
    expect(api.requests).toHaveLength(5)
  })
})
