import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { KeyWriter } from './key-writer.ts'

const write = { operation: 'write' } as const
const refused = new Error('KV PUT failed: 429 Too Many Requests')

let clock: ManualClock
let writer: KeyWriter
/** What was sent, and when. */
let sent: [text: string, atMs: number][]

beforeEach(() => {
  clock = new ManualClock(0)
  writer = new KeyWriter({ now: clock.now, timers: clock })
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
    const first = writer.write('k', send('1'), write)
    await pass(0)
    const second = writer.write('k', send('2'), write)
    const third = writer.write('k', send('3'), write)
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
    await Promise.all([writer.write('k', send('1'), write), writer.write('l', send('2'), write)])
    expect(sent).toHaveLength(2)
  })

  test('say that they have to wait', async () => {
    await writer.write('k', send('1'), write)
    expect(writer.isSpaced('k')).toBe(true)
    let waits = 0
    const waiting = writer.write('k', send('2'), { ...write, onWait: () => waits++ })
    expect(waits).toBe(1)
    await pass(1.1)
    await waiting
    await pass(1.1)
    expect(writer.isSpaced('k')).toBe(false)
  })

  test('wait for one under way, and for one that died five seconds at most', async () => {
    void writer.write('k', () => new Promise(() => undefined), write)
    const next = writer.write('k', send('2'), write)
    for (let second = 0; second < 4; second++) await pass(1.1)
    expect(sent).toEqual([])
    await pass(1.1)
    expect(await next).toBe(true)
    expect(sent).toHaveLength(1)
  })

  test('keep their order when the clock is ahead of the timers', async () => {
    await writer.write('k', send('1'), write)
    // Its timer belongs to a request whose turn comes late.
    const late: (() => void)[] = []
    const slow = new KeyWriter({
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
    const writing = writer.write('k', send('1', [refused, refused, refused]), write)
    await pass(0)
    for (let second = 0; second < 4; second++) await pass(1.1)
    expect(await writing).toBe(true)
    expect(sent.map(([, atMs]) => atMs)).toEqual([0, 1100, 2200, 3300])
  })

  test('rejects when it was refused each time', async () => {
    const refusals = [refused, refused]
    const writing = writer.write('k', send('1', refusals), { ...write, maxAttempts: 2 })
    const rejected = expect(writing).rejects.toMatchObject({ code: 'rate_limited', cause: refused })
    await pass(0)
    await pass(1.1)
    await rejected
  })

  test('gives way to a later one', async () => {
    const writing = writer.write('k', send('1', [refused]), write)
    await pass(0)
    const later = writer.write('k', send('2'), write)
    await pass(1.1)
    expect(await Promise.all([writing, later])).toEqual([false, true])
    expect(sent.map(([text]) => text)).toEqual(['1', '2'])
  })

  test('does not hide another error', async () => {
    const failure = new Error('KV PUT failed: 500 Internal Server Error')
    await expect(writer.write('k', send('1', [failure]), write)).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(sent).toHaveLength(1)
  })
})

test('an urgent write goes at once, and takes the place of one that waits', async () => {
  await writer.write('k', send('1'), write)
  const waiting = writer.write('k', send('2'), write)
  const urgent = writer.write('k', send('3'), { operation: 'delete', isUrgent: true })
  await pass(1.1)
  expect(await Promise.all([waiting, urgent])).toEqual([false, true])
  expect(sent).toEqual([
    ['1', 0],
    ['3', 0],
  ])
})
