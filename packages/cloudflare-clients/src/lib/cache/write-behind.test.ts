import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createVirtualClock, type VirtualClock } from '../testing/virtual-clock.ts'
import {
  createWriteBehind,
  type WriteBehind,
  type WriteBehindEvent,
  type WriteBehindOptions,
} from './write-behind.ts'

type Options = Partial<WriteBehindOptions<string, number>>
type Entries = readonly { readonly id: string; readonly value: number }[]

interface Setup {
  readonly clock: VirtualClock
  readonly behind: WriteBehind<string, number>
  readonly cached: Map<string, number>
  readonly saves: Entries[]
  readonly events: WriteBehindEvent<string, number>[]
}

/** A turn in workerd is over before all that follows from a timer has happened. */
function createClock(): VirtualClock {
  return createVirtualClock({ turnsPerStep: 20 })
}

function setUp(options: Options = {}): Setup {
  const clock = createClock()
  const cached = new Map<string, number>()
  const saves: Entries[] = []
  const events: WriteBehindEvent<string, number>[] = []
  const target = {
    put: (id: string, value: number) => {
      cached.set(id, value)
      return Promise.resolve()
    },
  }
  const { save = () => Promise.resolve(), ...rest } = options
  const behind = createWriteBehind(target, {
    now: clock.now,
    timers: clock,
    random: () => 1,
    onEvent: (event) => events.push(event),
    save: (entries, context) => {
      saves.push(entries)
      return save(entries, context)
    },
    ...rest,
  })
  return { clock, behind, cached, saves, events }
}

afterEach(() => {
  vi.restoreAllMocks()
})

function failing(times: number, error: unknown = new Error('down')): () => Promise<void> {
  let left = times
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever a save rejects with
  return () => (left-- > 0 ? Promise.reject(error) : Promise.resolve())
}

describe('put', () => {
  test('updates the cache at once and saves when the delay has passed', async () => {
    const { behind, cached, clock, saves } = setUp({ delay: '2s' })
    await behind.put('a', 1)
    expect(cached.get('a')).toBe(1)
    expect(behind.pending).toBe(1)
    await clock.advance(1999)
    expect(saves).toEqual([])
    await clock.advance(1)
    expect(saves).toEqual([[{ id: 'a', value: 1 }]])
    expect(behind.pending).toBe(0)
  })

  test('saves after a second unless told otherwise', async () => {
    const { behind, clock, saves } = setUp()
    await behind.put('a', 1)
    await clock.advance(999)
    expect(saves).toHaveLength(0)
    await clock.advance(1)
    expect(saves).toHaveLength(1)
  })

  test('saves many values of an id as one, the last, and ids that were put later along with it', async () => {
    const { behind, clock, saves } = setUp()
    for (const value of [1, 2, 3]) await behind.put('a', value)
    await clock.advance(500)
    await behind.put('b', 4)
    await clock.advance(10_000)
    expect(saves).toEqual([
      [
        { id: 'a', value: 3 },
        { id: 'b', value: 4 },
      ],
    ])
  })

  test('keeps the request of every call alive until its value is saved', async () => {
    const works: Promise<unknown>[] = []
    let settled = 0
    const waitUntil = (work: Promise<unknown>): void => {
      works.push(work)
      void work.then(() => settled++)
    }
    const { behind, clock } = setUp({ waitUntil })
    await behind.put('a', 1)
    await clock.advance(500)
    await behind.put('a', 2)
    expect(works).toHaveLength(2)
    await clock.advance(500)
    expect(settled).toBe(1)
    await clock.advance(500)
    expect(settled).toBe(2)
  })

  test('saves a value as it was when it was put', async () => {
    const saves: unknown[] = []
    const target = { put: () => Promise.resolve() }
    const behind = createWriteBehind<string, { n: number }>(target, {
      save: (entries) => Promise.resolve(saves.push(...entries)),
    })
    const value = { n: 1 }
    await behind.put('a', value)
    value.n = 2
    await behind.flush()
    expect(saves).toEqual([{ id: 'a', value: { n: 1 } }])
  })

  test('saves nothing that the cache refused, and keeps what it took before', async () => {
    const clock = createClock()
    const saves: Entries[] = []
    const target = {
      put: (_id: string, value: number) =>
        value < 0 ? Promise.reject(new TypeError('no')) : Promise.resolve(),
    }
    const behind = createWriteBehind(target, {
      now: clock.now,
      save: (entries) => Promise.resolve(saves.push(entries)),
    })
    await expect(behind.put('b', -1)).rejects.toThrow('no')
    expect(behind.pending).toBe(0)
    await behind.put('a', 1)
    await expect(behind.put('a', -1)).rejects.toThrow('no')
    await behind.flush()
    expect(saves).toEqual([[{ id: 'a', value: 1 }]])
  })

  test('saves the value that was put last, also when the cache takes it first', async () => {
    const slow = Promise.withResolvers<undefined>()
    const saves: Entries[] = []
    const target = {
      put: async (_id: string, value: number) => (value === 1 ? slow.promise : undefined),
    }
    const behind = createWriteBehind(target, {
      save: (entries) => Promise.resolve(saves.push(entries)),
    })
    const first = behind.put('a', 1)
    await behind.put('a', 2)
    await behind.flush()
    slow.resolve(undefined)
    await first
    await behind.flush()
    expect(saves).toEqual([[{ id: 'a', value: 2 }]])
    expect(behind.pending).toBe(0)
  })

  test('takes a number and its text for one id, and others by their key', async () => {
    const target = { put: () => Promise.resolve() }
    const saves: unknown[] = []
    const save = (entries: readonly unknown[]): Promise<unknown> =>
      Promise.resolve(saves.push(...entries))
    const mixed = createWriteBehind<string | number, string>(target, { save })
    await mixed.put(1, 'older')
    await mixed.put('1', 'newer')
    await mixed.flush()
    expect(saves).toEqual([{ id: '1', value: 'newer' }])

    const key = ({ user }: { user: string }): string => user
    const keyed = createWriteBehind<{ user: string }, number>(target, { save, key })
    await keyed.put({ user: 'u' }, 1)
    await keyed.put({ user: 'u' }, 2)
    expect(keyed.pending).toBe(1)

    const unkeyed = createWriteBehind<{ user: string }, number>(target, { save })
    await expect(unkeyed.put({ user: 'u' }, 1)).rejects.toThrow(
      new TypeError(
        'Cannot put behind: the key option must be given for ids that are not text or numbers, received object',
      ),
    )
  })
})

describe('when it is full', () => {
  test('refuses another id before the cache is updated, takes known ids, and saves what waits', async () => {
    const { behind, cached, saves } = setUp({ maxPending: 2 })
    await behind.put('a', 1)
    await behind.put('b', 2)
    await behind.put('a', 3)
    await expect(behind.put('c', 4)).rejects.toMatchObject({
      code: 'write_behind_full',
      retryable: true,
      message: 'Cannot put behind: at most 2 ids may wait to be saved',
    })
    expect(cached.has('c')).toBe(false)
    await behind.flush()
    expect(saves).toHaveLength(1)
    await behind.put('c', 4)
    expect(behind.pending).toBe(1)
  })

  test('holds 1,000 ids unless told otherwise', async () => {
    const { behind } = setUp({ save: () => new Promise(() => undefined) })
    for (let i = 0; i < 1000; i++) await behind.put(`${i}`, i)
    await expect(behind.put('one more', 1)).rejects.toMatchObject({ code: 'write_behind_full' })
    expect(behind.pending).toBe(1000)
  })
})

describe('flush', () => {
  test('saves at once, in batches', async () => {
    const { behind, saves, events } = setUp({ maxBatch: 2 })
    for (const id of ['a', 'b', 'c']) await behind.put(id, 1)
    await behind.flush()
    expect(saves.map((entries) => entries.map(({ id }) => id))).toEqual([['a', 'b'], ['c']])
    expect(events).toEqual([
      { type: 'saved', entries: 2 },
      { type: 'saved', entries: 1 },
    ])
  })

  test('has nothing to do when nothing waits', async () => {
    const { behind, saves } = setUp()
    await behind.flush()
    expect(saves).toEqual([])
  })

  test('waits for a save that is under way, and saves a newer value of the same id after it', async () => {
    const slow = Promise.withResolvers<undefined>()
    const { behind, saves } = setUp({
      save: ([entry]) => (entry?.value === 1 ? slow.promise : Promise.resolve()),
    })
    await behind.put('a', 1)
    const first = behind.flush()
    await behind.put('a', 2)
    const second = behind.flush()
    let isDone = false
    void second.then(() => (isDone = true))
    await Promise.resolve()
    expect(saves).toHaveLength(1)
    expect(isDone).toBe(false)
    slow.resolve(undefined)
    await first
    await second
    expect(saves).toEqual([[{ id: 'a', value: 1 }], [{ id: 'a', value: 2 }]])
  })

  test('does not wait for what is put while it saves', async () => {
    const slow = Promise.withResolvers<undefined>()
    const { behind, saves } = setUp({ save: () => slow.promise })
    await behind.put('a', 1)
    const flushed = behind.flush()
    await behind.put('a', 2)
    slow.resolve(undefined)
    await flushed
    expect(saves).toHaveLength(1)
    expect(behind.pending).toBe(1)
  })

  test('waits for the newer value that took the place of one that could not be saved', async () => {
    const slow = Promise.withResolvers<undefined>()
    const { behind, clock, saves } = setUp({
      save: ([entry]) => (entry?.value === 1 ? slow.promise : Promise.resolve()),
    })
    await behind.put('a', 1)
    const flushed = behind.flush()
    await behind.put('a', 2)
    slow.reject(new Error('down'))
    await clock.run(() => flushed)
    expect(saves).toEqual([[{ id: 'a', value: 1 }], [{ id: 'a', value: 2 }]])
  })

  test('does not wait for a backoff', async () => {
    const { behind, clock, saves } = setUp({ save: failing(1), retryDelay: '20s', delay: 0 })
    await behind.put('a', 1)
    await clock.advance(0)
    expect(saves).toHaveLength(1)
    await behind.flush()
    expect(saves).toHaveLength(2)
  })
})

describe('when saving fails', () => {
  test('tries again after waits that double, and says so', async () => {
    const error = new Error('down')
    const { behind, clock, saves, events } = setUp({ save: failing(3, error), delay: 0 })
    await behind.put('a', 1)
    const counts: number[] = []
    for (const ms of [0, 999, 1, 1999, 1, 3999, 1]) {
      await clock.advance(ms)
      counts.push(saves.length)
    }
    expect(counts).toEqual([1, 1, 2, 2, 3, 3, 4])
    expect(events).toEqual([
      ...Array.from({ length: 3 }, () => ({ type: 'save_failed', entries: 1, error })),
      { type: 'saved', entries: 1 },
    ])
  })

  test('makes half of each wait random', async () => {
    const { behind, clock, saves } = setUp({ save: failing(1), random: () => 0, delay: 0 })
    await behind.put('a', 1)
    await clock.advance(499)
    expect(saves).toHaveLength(1)
    await clock.advance(1)
    expect(saves).toHaveLength(2)
  })

  test('waits no longer than 30 seconds', async () => {
    const { behind, clock, saves } = setUp({ save: failing(9), retryDelay: '1d', delay: 0 })
    await behind.put('a', 1)
    await clock.advance(0)
    await clock.advance(30_000)
    expect(saves).toHaveLength(2)
  })

  test('gives up after its retries, keeps the value, and tries again with the next put', async () => {
    const { behind, clock, saves } = setUp({ save: failing(2), retries: 1, delay: 0 })
    await behind.put('a', 1)
    await clock.advance(1000)
    await clock.advance(100_000)
    expect(saves).toHaveLength(2)
    expect(behind.pending).toBe(1)
    await behind.put('b', 2)
    await clock.advance(0)
    await clock.advance(100_000)
    expect(behind.pending).toBe(0)
    expect(saves.slice(2).flat()).toEqual([
      { id: 'a', value: 1 },
      { id: 'b', value: 2 },
    ])
  })

  test('rejects a flush with the last error after four retries', async () => {
    const { behind, clock, saves } = setUp({ save: failing(Infinity, new Error('still down')) })
    await behind.put('a', 1)
    await expect(clock.run(() => behind.flush())).rejects.toThrow('still down')
    expect(saves).toHaveLength(5)
    expect(behind.pending).toBe(1)
  })

  test('tries a newer value instead of the one that failed', async () => {
    const { behind, clock, saves } = setUp({ save: failing(1), delay: 0 })
    await behind.put('a', 1)
    await clock.advance(0)
    await behind.put('a', 2)
    await clock.advance(2000)
    expect(saves).toEqual([[{ id: 'a', value: 1 }], [{ id: 'a', value: 2 }]])
  })

  test('takes a save that throws for one that fails', async () => {
    const { behind, clock, saves } = setUp({
      save: () => {
        if (saves.length === 1) throw new Error('thrown')
        return Promise.resolve()
      },
    })
    await behind.put('a', 1)
    await clock.run(() => behind.flush())
    expect(saves).toHaveLength(2)
  })

  test('takes a save that hangs for one that fails, and tells it to stop', async () => {
    const signals: AbortSignal[] = []
    const { behind, clock, saves } = setUp({
      timeout: '3s',
      save: (_entries, { signal }) => {
        signals.push(signal)
        return signals.length === 1 ? new Promise(() => undefined) : Promise.resolve()
      },
    })
    await behind.put('a', 1)
    await clock.run(() => behind.flush())
    expect(saves).toHaveLength(2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  test('is saved by another request when the one that was saving has died', async () => {
    let isDead = true
    const { behind, clock, saves } = setUp({
      delay: 0,
      save: () => (isDead ? new Promise(() => undefined) : Promise.resolve()),
      // The dead request's own timer never fires.
      timers: {
        setTimeout: (callback, ms) => (isDead && ms > 0 ? 0 : clock.setTimeout(callback, ms)),
        clearTimeout: () => undefined,
      },
    })
    await behind.put('a', 1)
    await clock.advance(0)
    expect(saves).toHaveLength(1)
    isDead = false
    await clock.run(() => behind.flush())
    expect(saves).toHaveLength(2)
    expect(behind.pending).toBe(0)
  })

  test('ignores how a save ends whose time was up', async () => {
    const late = Promise.withResolvers<undefined>()
    const { behind, clock, saves, events } = setUp({
      timeout: 1,
      save: () => (saves.length === 1 ? late.promise : Promise.resolve()),
    })
    await behind.put('a', 1)
    await clock.run(() => behind.flush())
    await behind.put('a', 2)
    late.resolve(undefined)
    await clock.run(() => clock.sleep(0))
    expect(behind.pending).toBe(1)
    await behind.flush()
    expect(saves.at(-1)).toEqual([{ id: 'a', value: 2 }])
    expect(events.map(({ type }) => type)).toEqual(['save_failed', 'saved', 'saved'])
  })
})

describe('an entry that will never be saved', () => {
  const refused = Object.assign(new Error('refused'), { retryable: false })

  test('is found among the others, given up and reported, and the others are saved', async () => {
    const saved: number[] = []
    const { behind, events, saves } = setUp({
      save: (entries) => {
        if (entries.some(({ value }) => value === 13)) return Promise.reject(refused)
        saved.push(...entries.map(({ value }) => value))
        return Promise.resolve()
      },
    })
    for (let i = 1; i <= 40; i++) await behind.put(`${i}`, i)
    await expect(behind.flush()).rejects.toBe(refused)
    expect(behind.pending).toBe(0)
    expect(saved.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1).filter((i) => i !== 13),
    )
    expect(events.filter(({ type }) => type === 'lost')).toEqual([
      { type: 'lost', entry: { id: '13', value: 13 }, error: refused },
    ])
    expect(saves.length).toBeLessThan(25)
    await expect(behind.flush()).resolves.toBeUndefined()
  })
})

describe('events', () => {
  test('log failures and losses without a value when no reporter is given', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const errors = [new Error('down'), Object.assign(new Error('no'), { retryable: false })]
    const behind = createWriteBehind(
      { put: () => Promise.resolve() },
      { retryDelay: 0, save: () => Promise.reject(errors.shift() ?? new Error('none')) },
    )
    await behind.put('secret', 'secret')
    await expect(behind.flush()).rejects.toThrow('no')
    await behind.put('a', 'b')
    errors.push(new Error('x'))
    const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown)
    expect(lines).toEqual([
      { event: 'save_failed', client: 'write-behind', entries: 1, message: 'down' },
      { event: 'lost', client: 'write-behind', entries: 1, message: 'no' },
    ])
  })

  test('do no harm when the reporter throws', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue()
    const { behind } = setUp({
      onEvent: () => {
        throw new Error('broken')
      },
    })
    await behind.put('a', 1)
    await behind.flush()
    expect(behind.pending).toBe(0)
    expect(logged).toHaveBeenCalledOnce()
  })
})

test.for<[Options, string]>([
  [{ retries: -1 }, 'retries must be a whole number from 0, received -1'],
  [{ retries: 1.5 }, 'retries must be a whole number from 0, received 1.5'],
  [{ maxPending: 0 }, 'maxPending must be a whole number from 1, received 0'],
  [{ maxBatch: NaN }, 'maxBatch must be a whole number from 1, received NaN'],
  [{ delay: -1 }, "delay must be at least 0 seconds or text such as '5m', received -1"],
  [{ retryDelay: NaN }, "retryDelay must be at least 0 seconds or text such as '5m', received NaN"],
  [{ timeout: 0 }, "timeout must be at least 0.001 seconds or text such as '5m', received 0"],
])('refuses %j', ([options, message]) => {
  expect(() => setUp(options)).toThrow(new RangeError(`Cannot create write-behind: ${message}`))
})

/**
 * The origin and the cache of the property: a save takes a while, ends in any of the ways in which saves end, and what
 * it wrote is compared with what was written before.
 */
class Model {
  readonly origin = new Map<string, number>()
  readonly last = new Map<string, number>()
  readonly outcomes: Outcome[]
  readonly clock: VirtualClock
  saving = 0

  constructor(outcomes: readonly Outcome[], clock: VirtualClock) {
    this.outcomes = [...outcomes]
    this.clock = clock
  }

  async save(entries: Entries, signal: AbortSignal): Promise<void> {
    expect(++this.saving).toBe(1)
    const { ms, end } = this.outcomes.shift() ?? { ms: 0, end: 'saved' }
    const ended = Promise.withResolvers<undefined>()
    signal.addEventListener('abort', () => {
      ended.resolve(undefined)
    })
    await Promise.race([end === 'hangs' ? ended.promise : this.clock.sleep(ms), ended.promise])
    this.saving--
    if (signal.aborted || end === 'refused') throw new Error('not saved')
    for (const { id, value } of entries) {
      expect(value).toBeGreaterThanOrEqual(this.origin.get(id) ?? 0)
      this.origin.set(id, value)
    }
    if (end === 'answer lost') throw new Error('saved, and nobody knows')
  }
}

interface Outcome {
  readonly ms: number
  readonly end: 'saved' | 'refused' | 'answer lost' | 'hangs'
}

test('never saves an older value after a newer one and ends with the last of each, in any interleaving', async () => {
  const outcome = fc.record<Outcome>({
    ms: fc.nat({ max: 3000 }),
    end: fc.constantFrom('saved', 'saved', 'refused', 'answer lost', 'hangs'),
  })
  const step = fc.oneof(
    fc.record({ type: fc.constant('put' as const), id: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ type: fc.constant('advance' as const), ms: fc.nat({ max: 4000 }) }),
    fc.record({ type: fc.constant('flush' as const) }),
  )
  const cacheMs = fc.array(fc.constantFrom(0, 0, 0, 700), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.array(outcome, { maxLength: 8 }),
      cacheMs,
      async (steps, outcomes, waits) => {
        const clock = createClock()
        const model = new Model(outcomes, clock)
        const behind = createWriteBehind<string, number>(
          { put: () => clock.sleep(waits.shift() ?? 0) },
          {
            now: clock.now,
            timers: clock,
            maxPending: 3,
            maxBatch: 2,
            retries: 2,
            timeout: 2,
            onEvent: () => undefined,
            save: (entries, { signal }) => model.save(entries, signal),
          },
        )
        const flushes: Promise<unknown>[] = []
        for (const [index, one] of steps.entries()) {
          if (one.type === 'advance') await clock.advance(one.ms)
          else if (one.type === 'flush') flushes.push(behind.flush().catch(() => undefined))
          else {
            const isTaken = behind.put(one.id, index + 1).then(
              () => true,
              () => false,
            )
            // Refused at once, or taken when the cache has answered.
            const isRefused = await Promise.race([isTaken.then((taken) => !taken), settle()])
            if (!isRefused) model.last.set(one.id, index + 1)
          }
          expect(behind.pending).toBeLessThanOrEqual(3)
        }
        // Longer than any put takes.
        await clock.advance(700)
        model.outcomes.length = 0
        await clock.run(() => behind.flush())
        await clock.run(() => Promise.all(flushes))
        expect(Object.fromEntries(model.origin)).toEqual(Object.fromEntries(model.last))
        expect(behind.pending).toBe(0)
      },
    ),
    { seed: 7, numRuns: 300 },
  )
})

async function settle(): Promise<false> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
  return false
}
