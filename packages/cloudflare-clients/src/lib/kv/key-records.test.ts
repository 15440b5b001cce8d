import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { createKeyRecords, deletePrefix, type KeyRecords } from './key-records.ts'

const write = { operation: 'write' } as const
const refused = new Error('KV PUT failed: 429 Too Many Requests')

let clock: ManualClock
let records: KeyRecords
/** What was sent, and when. */
let sent: [text: string, atMs: number][]

beforeEach(() => {
  clock = new ManualClock(0)
  records = createKeyRecords({ now: clock.now, timers: clock })
  sent = []
})

/** @param answers What KV answers, call by call. Default: it takes everything. */
function send(text: string, answers: (Error | undefined)[] = []): () => Promise<void> {
  return () => {
    sent.push([text, clock.now()])
    const error = answers.shift()
    return error ? Promise.reject(error) : Promise.resolve()
  }
}

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds)
  // Whatever was woken takes its steps.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('writes to a key', () => {
  test('are a second apart, and only the last of those that wait is sent', async () => {
    const first = records.write('k', send('1'), write)
    await pass(0)
    const second = records.write('k', send('2'), write)
    const third = records.write('k', send('3'), write)
    await pass(1)
    expect(sent).toEqual([['1', 0]])
    await pass(0.1)
    expect(sent).toEqual([
      ['1', 0],
      ['3', 1100],
    ])
    expect(await Promise.all([first, second, third])).toEqual([true, false, true])
  })

  test('do not wait for those to another key', async () => {
    await Promise.all([records.write('k', send('1'), write), records.write('l', send('2'), write)])
    expect(sent).toHaveLength(2)
  })

  test('say that they have to wait', async () => {
    await records.write('k', send('1'), write)
    expect(records.waitMs('k')).toBe(1100)
    let waits = 0
    const waiting = records.write('k', send('2'), { ...write, onWait: () => waits++ })
    expect(waits).toBe(1)
    await pass(1.1)
    await waiting
    await pass(1.1)
    expect(records.waitMs('k')).toBeLessThanOrEqual(0)
  })

  test('wait for one under way, and for one that died five seconds at most', async () => {
    void records.write('k', () => new Promise(() => undefined), write)
    const next = records.write('k', send('2'), write)
    for (let second = 0; second < 4; second++) await pass(1.1)
    expect(sent).toEqual([])
    await pass(1.1)
    expect(await next).toBe(true)
    expect(sent).toHaveLength(1)
  })

  test('keep their order when the clock is ahead of the timers', async () => {
    await records.write('k', send('1'), write)
    // Its timer belongs to a request whose turn comes late.
    const late: (() => void)[] = []
    const slow = createKeyRecords({
      now: clock.now,
      timers: {
        setTimeout: (callback) => late.push(callback),
        clearTimeout: () => undefined,
      },
    })
    await slow.write('k', send('1'), write)
    const older = slow.write('k', send('older'), write)
    await pass(2)
    await slow.write('other', send('other'), write)
    await slow.write('k', send('newer'), write)
    for (const wake of late) wake()
    await pass(2)
    expect(await older).toBe(false)
    expect(sent.map(([text]) => text)).not.toContain('older')
  })
})

describe('a write that KV refuses for another within the second', () => {
  test('is tried again after a second, up to four times', async () => {
    const writing = records.write('k', send('1', [refused, refused, refused]), write)
    await pass(0)
    for (let second = 0; second < 4; second++) await pass(1.1)
    expect(await writing).toBe(true)
    expect(sent.map(([, atMs]) => atMs)).toEqual([0, 1100, 2200, 3300])
  })

  test('rejects when it was refused each time', async () => {
    const writing = records.write('k', send('1', [refused, refused, refused, refused]), write)
    const rejected = expect(writing).rejects.toMatchObject({ code: 'rate_limited', cause: refused })
    for (let second = 0; second < 4; second++) await pass(1.1)
    await rejected
    expect(sent).toHaveLength(4)
  })

  test('gives way at once when it is to, which is no error', async () => {
    const writing = records.write('k', send('1', [refused]), { ...write, isYielding: true })
    expect(await writing).toBe(false)
    await pass(1.1)
    expect(sent).toHaveLength(1)
  })

  test('gives way to a later one', async () => {
    const writing = records.write('k', send('1', [refused]), write)
    await pass(0)
    const later = records.write('k', send('2'), write)
    await pass(1.1)
    expect(await Promise.all([writing, later])).toEqual([false, true])
    expect(sent.map(([text]) => text)).toEqual(['1', '2'])
  })

  test('does not hide another error', async () => {
    const failure = new Error('KV PUT failed: 500 Internal Server Error')
    await expect(records.write('k', send('1', [failure]), write)).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(sent).toHaveLength(1)
  })
})

test('an urgent write goes at once, and takes the place of one that waits', async () => {
  await records.write('k', send('1'), write)
  const waiting = records.write('k', send('2'), write)
  const urgent = records.write('k', send('3'), { operation: 'delete', isUrgent: true })
  await pass(1.1)
  expect(await Promise.all([waiting, urgent])).toEqual([false, true])
  expect(sent).toEqual([
    ['1', 0],
    ['3', 0],
  ])
})

test('gives every stamp once, also while the clock stands still, and after those that it saw', () => {
  expect(records.nextStamp()).toBeLessThan(records.nextStamp())
  records.raise('k', 10)
  expect(records.nextStamp()).toBeGreaterThan(10)
  records.observe(20)
  expect(records.nextStamp()).toBeGreaterThan(20)
})

/** Has the clock show the time, and deletes the prefix. */
function deletePrefixAt(atMs: number, prefix: string): void {
  clock.advance((atMs - clock.now()) / 1000)
  deletePrefix(records, prefix)
}

test('fences what began before a floor, not what began at it or after', () => {
  records.raise('k', 10)
  expect(records.isFenced('k', 9.999)).toBe(true)
  expect(records.isFenced('k', 10)).toBe(false)
  expect(records.isFenced('other', 1)).toBe(false)
})

test('never lowers a floor', () => {
  records.raise('k', 10)
  records.raise('k', 5)
  expect(records.of('k').floorMs).toBe(10)
})

test('counts every key under a deleted prefix', () => {
  records.raise('a:1', 5)
  records.raise('b:1', 5)
  deletePrefixAt(10, 'a:')
  expect(records.of('a:1').floorMs).toBe(10)
  expect(records.of('b:1').floorMs).toBe(5)
  expect(records.isFenced('a:2', 9)).toBe(true)
})

test('tells a key that was deleted last from one that was written again', () => {
  records.raise('k', 10, true)
  expect(records.of('k')).toMatchObject({ floorMs: 10, isDeleted: true })
  records.raise('k', 11)
  expect(records.of('k')).toMatchObject({ floorMs: 11, isDeleted: undefined })
  deletePrefixAt(12, 'k')
  expect(records.of('k')).toMatchObject({ floorMs: 12, isDeleted: true })
})

test('never lets a load pass that an invalidation came after, however many came between', () => {
  const event = fc.record({ prefix: fc.boolean(), name: fc.constantFrom('a', 'ab', 'b', 'c', 'd') })
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 20 }),
      fc.nat({ max: 20 }),
      fc.constantFrom('a', 'ab', 'b'),
      (events, loadBeganAt, key) => {
        clock = new ManualClock(0)
        records = createKeyRecords({ now: clock.now, timers: clock, maxKeys: 2 })
        let beganMs = 0.5
        let invalidated = false
        for (const [index, { prefix, name }] of events.entries()) {
          if (index === loadBeganAt) {
            beganMs = index + 0.5
            invalidated = false
          }
          if (prefix) deletePrefixAt(index + 1, name)
          else records.raise(name, index + 1, true)
          if (prefix ? key.startsWith(name) : key === name) invalidated = true
        }
        if (invalidated) expect(records.isFenced(key, beganMs)).toBe(true)
      },
    ),
    { seed: 8, numRuns: 2000 },
  )
})

test('a write whose key was forgotten while it waited is sent, unless another was asked for', async () => {
  records = createKeyRecords({ now: clock.now, timers: clock, maxKeys: 1 })
  await records.write('k', send('1'), write)
  const kept = records.write('k', send('kept'), write)
  records.raise('other', 1)
  await pass(1.1)
  expect(await kept).toBe(true)
  const older = records.write('k', send('older'), write)
  records.raise('other', 2)
  const newer = records.write('k', send('newer'), write)
  await pass(1.1)
  expect(await Promise.all([older, newer])).toEqual([false, true])
  expect(sent.map(([text]) => text)).toEqual(['1', 'kept', 'newer'])
})
