import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { createSingleFlights, type Share, type SingleFlights } from './single-flight.ts'

let clock: ManualClock
let flights: SingleFlights
let join: Share<string>

beforeEach(() => {
  clock = new ManualClock(0)
  flights = createSingleFlights({ timers: clock, takeoverMs: 1000 })
  join = flights.createShare()
})

/** Work that died with its request. */
const never = (): Promise<string> => new Promise(() => undefined)

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds)
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('callers at the same time', () => {
  test('share one piece of work, its value and its error', async () => {
    let runs = 0
    const work = (): Promise<string> => Promise.resolve(`run ${++runs}`)
    expect(await Promise.all([1, 2, 3].map(() => join('k', work)))).toEqual([
      'run 1',
      'run 1',
      'run 1',
    ])
    const failure = new Error('down')
    const fail = (): Promise<string> => Promise.reject(failure)
    const answers = await Promise.allSettled([join('k', fail), join('k', fail)])
    expect(
      answers.map((answer) => answer.status === 'rejected' && answer.reason === failure),
    ).toEqual([true, true])
    expect(await join('k', work)).toBe('run 2')
  })

  test('do not share that of another key', async () => {
    const values = ['a', 'b'].map((key) => join(key, () => Promise.resolve(key)))
    expect(await Promise.all(values)).toEqual(['a', 'b'])
  })
})

describe('a follower of work that never settles', () => {
  test('takes over after its wait, and others follow it', async () => {
    void join('k', never)
    const runs: string[] = []
    const work = (name: string) => async (): Promise<string> => {
      runs.push(name)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 500))
      return name
    }
    const followers = ['b', 'c', 'd'].map((name) => join('k', work(name)))
    await pass(0.999)
    expect(runs).toEqual([])
    await pass(0.001)
    expect(runs).toEqual(['b'])
    await pass(0.5)
    expect(await Promise.all(followers)).toEqual(['b', 'b', 'b'])
  })

  test('waits twice as long for each that dies after it', async () => {
    void join('k', never)
    let runs = 0
    const die = (): Promise<string> => {
      runs++
      return never()
    }
    for (let i = 0; i < 3; i++) void join('k', die)
    for (const [atSeconds, expected] of [
      [1, 1],
      [1.999, 1],
      [0.001, 2],
      [3.999, 2],
      [0.001, 3],
    ] as const) {
      await pass(atSeconds)
      expect(runs).toBe(expected)
    }
  })

  test('is not cleared by the one it took over from, should that come late', async () => {
    const late = Promise.withResolvers<string>()
    const first = join('k', () => late.promise)
    const own = Promise.withResolvers<string>()
    const second = join('k', () => own.promise)
    await pass(1)
    late.resolve('late')
    expect(await first).toBe('late')
    await pass(0)
    const third = join('k', () => Promise.resolve('a third time'))
    own.resolve('own')
    expect(await Promise.all([second, third])).toEqual(['own', 'own'])
  })
})

test('who comes after a detach starts anew, and who waits goes on waiting', async () => {
  const older = Promise.withResolvers<string>()
  const before = [join('k', () => older.promise), join('k', never)]
  flights.detach('k')
  expect(await join('k', () => Promise.resolve('newer'))).toBe('newer')
  older.resolve('older')
  expect(await Promise.all(before)).toEqual(['older', 'older'])
  const other = join('l', () => older.promise)
  flights.detach()
  expect(await join('l', () => Promise.resolve('newer'))).toBe('newer')
  expect(await other).toBe('older')
})
