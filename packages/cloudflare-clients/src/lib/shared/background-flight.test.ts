import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { BackgroundFlight } from './background-flight.ts'

let clock: ManualClock
let anchored: Promise<unknown>[]
let flight: BackgroundFlight<string>

beforeEach(() => {
  clock = new ManualClock(0)
  anchored = []
  flight = new BackgroundFlight<string>({
    now: clock.now,
    timers: clock,
    takeoverMs: 1000,
    waitUntil: (work) => anchored.push(work),
  })
})

/** Work that died with its request. */
const never = (): Promise<string> => new Promise(() => undefined)

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds)
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

test('work is anchored with an anchor that never rejects', async () => {
  await expect(flight.run('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
  expect(anchored).toHaveLength(1)
  await expect(anchored[0]).resolves.toBeUndefined()
})

test('background work starts once, and again when it has not ended in 30 seconds', async () => {
  let runs = 0
  const die = (): Promise<string> => {
    runs++
    return never()
  }
  flight.start('k', die)
  await pass(29.999)
  flight.start('k', die)
  expect(runs).toBe(1)
  await pass(0.001)
  flight.start('k', die)
  expect(runs).toBe(2)
})

test('background work that fails rejects nowhere', async () => {
  flight.start('k', () => Promise.reject(new Error('down')))
  await pass(0)
  expect(await flight.run('k', () => Promise.resolve('v'))).toBe('v')
})
