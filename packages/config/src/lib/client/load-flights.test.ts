import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { expect, test } from 'vitest'
import { createLoadFlights } from './load-flights.ts'

function createWorld() {
  const clock = createVirtualClock()
  const ends: ((result: string) => void)[] = []
  const flights = createLoadFlights<string>({
    attempt: () =>
      new Promise((resolve) => {
        ends.push(resolve)
      }),
    timeoutMs: 1000,
    now: clock.now,
    timers: clock,
    waitUntil: undefined,
  })
  return { clock, flights, ends }
}

test('who joins gets the load under way, who asks for the next one gets one that began after', async () => {
  const { clock, flights, ends } = createWorld()
  const first = flights.join()
  const joined = flights.join()
  const next = flights.next()
  ends[0]?.('first')
  expect(await Promise.all([first, joined])).toEqual(['first', 'first'])
  await clock.advance(0)
  ends[1]?.('second')
  expect(await next).toBe('second')
  expect(ends).toHaveLength(2)
  void flights.join()
  expect(ends).toHaveLength(3)
})

test('one of those who wait for a dead load takes over, and the others wait for that one', async () => {
  const { clock, flights, ends } = createWorld()
  void flights.join()
  const waiting = [flights.join(), flights.next(), flights.join()]
  await clock.advance(500)
  expect(ends).toHaveLength(2)
  ends[1]?.('second')
  expect(await Promise.all(waiting)).toEqual(['second', 'second', 'second'])
  expect(ends).toHaveLength(2)
})

test('a load that is over later than one that began after it takes nothing away', async () => {
  const { clock, flights, ends } = createWorld()
  const dead = flights.join()
  const taking = flights.next()
  await clock.advance(250)
  const late = flights.next()
  await clock.advance(250)
  // `taking` leads. `late` waits for the first until its own timer ends.
  ends[1]?.('second')
  expect(await taking).toBe('second')
  ends[0]?.('first')
  expect(await dead).toBe('first')
  expect(await late).toBe('second')
  expect(ends).toHaveLength(2)
})

test('a dead load that ends after all leaves the one that took over', async () => {
  const { clock, flights, ends } = createWorld()
  void flights.join()
  const waiting = flights.join()
  await clock.advance(500)
  ends[0]?.('first')
  await clock.advance(0)
  const joined = flights.join()
  expect(ends).toHaveLength(2)
  ends[1]?.('second')
  expect(await Promise.all([waiting, joined])).toEqual(['second', 'second'])
})

test('a load that is under way for longer than it may be is passed over at once', async () => {
  const { clock, flights, ends } = createWorld()
  void flights.join()
  expect(flights.isFlying()).toBe(true)
  await clock.advance(1000)
  expect(flights.isFlying()).toBe(false)
  const next = flights.join()
  expect(ends).toHaveLength(2)
  ends[1]?.('second')
  expect(await next).toBe('second')
})
