import { describe, expect, test, vi } from 'vitest'
import { createVirtualClock, type VirtualClock } from '../../testing.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { CoordinationClient } from './coordination-client.ts'
import type { CoordinationCalls, CoordinationNamespace } from './coordination-calls.ts'
import type { Held } from './held-permit.ts'
import { memoryCoordination } from './memory-coordination.ts'

/** Calls that a test answers in the object's place. */
type Overrides = { -readonly [Call in keyof CoordinationCalls]?: CoordinationCalls[Call] }

interface Setup {
  readonly clock: VirtualClock
  readonly client: CoordinationClient
  /** A client of another isolate. */
  readonly other: CoordinationClient
  readonly overrides: Overrides
  readonly memory: CoordinationNamespace
  readonly calls: string[]
  readonly events: ClientEvent[]
  readonly background: Promise<unknown>[]
}

function setUp(): Setup {
  const clock = createVirtualClock()
  const memory = memoryCoordination({ now: clock.now, timers: clock })
  const overrides: Overrides = {}
  const calls: string[] = []
  const namespace: CoordinationNamespace = {
    getByName(name) {
      const object = memory.getByName(name)
      return new Proxy(object, {
        get(_, call: keyof CoordinationCalls) {
          calls.push(`${call} ${name}`)
          return overrides[call] ?? (object[call] as () => unknown).bind(object)
        },
      })
    },
  }
  const events: ClientEvent[] = []
  const background: Promise<unknown>[] = []
  const options = {
    now: clock.now,
    timers: clock,
    onEvent: (event: ClientEvent) => events.push(event),
    waitUntil: (work: Promise<unknown>) => background.push(work),
  }
  const client = new CoordinationClient(namespace, options)
  const other = new CoordinationClient(memory, options)
  return { clock, client, other, overrides, memory, calls, events, background }
}

const hang = (): Promise<never> => new Promise(() => undefined)

describe('a lock', () => {
  test('costs two requests', async () => {
    const { clock, client, calls } = setUp()
    expect(await clock.run(() => client.withLock('a', () => 'done'))).toBe('done')
    expect(calls).toEqual(['acquire lock:a', 'release lock:a'])
  })

  test('is busy for others, and theirs once it is given back', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      const lock = await client.acquireLock('a')
      await expect(other.withLock('a', () => 'done')).rejects.toMatchObject({
        name: 'CoordinationError',
        code: 'busy',
        retryable: true,
        message: 'Cannot acquire lock: others hold it',
      })
      expect(await lock.release()).toBe(true)
      expect(await lock.release()).toBe(true)
      const next = await other.acquireLock('a')
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken)
    })
  })

  test('is given back when the work fails, which is what its caller gets', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      const work = client.withLock('a', () => Promise.reject(new Error('work')))
      await expect(work).rejects.toThrow('work')
      await other.acquireLock('a')
    })
  })

  test('may be given back by the work itself', async () => {
    const { clock, client } = setUp()
    const work = (lock: Held) => lock.release()
    expect(await clock.run(() => client.withLock('a', work))).toBe(true)
  })

  test('is waited for, in order', async () => {
    const { clock, client, other } = setUp()
    const order: number[] = []
    await clock.run(() =>
      Promise.all(
        [0, 1, 2, 3].map(async (index) => {
          await clock.sleep(index)
          const work = async () => {
            order.push(index)
            await clock.sleep(1000)
          }
          await (index % 2 === 0 ? client : other).withLock('a', work, { waitMs: 60_000 })
        }),
      ),
    )
    expect(order).toEqual([0, 1, 2, 3])
  })

  test('holds its whole time after it was waited for', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      await client.acquireLock('a', { ttlMs: 10_000 })
      const lock = await other.acquireLock('a', { ttlMs: 10_000, waitMs: 60_000 })
      expect(lock.expiresAtMs - clock.now()).toBeGreaterThan(9900)
      await clock.sleep(9900)
      expect(await lock.renew()).toBe(true)
    })
  })

  test('is not waited for longer than was said', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      await client.acquireLock('a')
      const startMs = clock.now()
      const waiting = other.acquireLock('a', { waitMs: 2000 })
      await expect(waiting).rejects.toMatchObject({ code: 'timed_out' })
      expect(clock.now() - startMs).toBe(2000)
    })
  })

  test('is not waited for after an abort, and nobody behind waits for who left', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      const lock = await client.acquireLock('a')
      const leaving = new AbortController()
      const left = client.acquireLock('a', { waitMs: 60_000, signal: leaving.signal })
      const behind = other.acquireLock('a', { waitMs: 60_000 })
      await clock.sleep(10)
      leaving.abort(new Error('gone'))
      await expect(left).rejects.toThrow('gone')
      await lock.release()
      const startMs = clock.now()
      await behind
      expect(clock.now()).toBe(startMs)
      const late = client.acquireLock('a', { signal: leaving.signal })
      await expect(late).rejects.toThrow('gone')
    })
  })

  test('is renewed while the work runs', async () => {
    const { clock, client, other, calls } = setUp()
    await clock.run(async () => {
      const work = client.withLock('a', () => clock.sleep(30_000), { ttlMs: 3000 })
      for (let second = 0; second < 29; second++) {
        await clock.sleep(1000)
        await expect(other.acquireLock('a')).rejects.toMatchObject({ code: 'busy' })
      }
      await work
    })
    expect(calls.filter((call) => call === 'renew lock:a').length).toBeGreaterThanOrEqual(29)
  })

  test('is lost before anybody else can have it, where renewals do not arrive', async () => {
    const { clock, client, other, overrides, events } = setUp()
    overrides.renew = () => Promise.reject(new Error('network'))
    let lostAtMs = 0
    await clock.run(async () => {
      const work = client.withLock(
        'a',
        async ({ signal }) => {
          signal.addEventListener('abort', () => {
            lostAtMs = clock.now()
            expect(signal.reason).toMatchObject({ code: 'lost' })
          })
          await clock.sleep(10_000)
        },
        { ttlMs: 3000 },
      )
      const lost = expect(work).rejects.toMatchObject({
        code: 'lost',
        message: 'Cannot go on with the lock: it is held no more',
      })
      await clock.sleep(1)
      await other.acquireLock('a', { waitMs: 60_000 })
      expect(lostAtMs).toBeGreaterThan(0)
      expect(lostAtMs).toBeLessThan(clock.now())
      await lost
    })
    // At each sixth of its time that was left.
    expect(events).toHaveLength(4)
    expect(events[0]).toMatchObject({
      type: 'store_error',
      client: 'coordination',
      operation: 'renew the lock',
      key: 'a',
      error: { code: 'unavailable' },
    })
  })

  test('survives one renewal that hangs', async () => {
    const { clock, client, overrides } = setUp()
    overrides.renew = hang
    await clock.run(async () => {
      const work = client.withLock(
        'a',
        async () => {
          await clock.sleep(1500)
          delete overrides.renew
          await clock.sleep(5000)
          return 'done'
        },
        { ttlMs: 3000 },
      )
      expect(await work).toBe('done')
    })
  })

  test('is lost at once where the object does not know it', async () => {
    const { clock, client, overrides } = setUp()
    overrides.renew = () => Promise.resolve(null)
    await clock.run(async () => {
      const lock = await client.acquireLock('a')
      expect(await lock.renew()).toBe(false)
      expect(lock.signal.aborted).toBe(true)
      expect(await lock.renew()).toBe(false)
      expect(await lock.release()).toBe(false)
    })
  })

  test('is not held for nobody when the answer is late', async () => {
    const { clock, client, other, overrides, memory, background } = setUp()
    overrides.acquire = async (request) => {
      await memory.getByName('lock:a').acquire(request)
      return hang()
    }
    await clock.run(async () => {
      const late = client.acquireLock('a', { waitMs: 1000 })
      await expect(late).rejects.toMatchObject({
        code: 'no_answer',
        message: 'Cannot acquire lock: the object did not answer in 6000 ms',
      })
      await Promise.all(background)
      await other.acquireLock('a')
    })
  })

  test('is asked for again when its offer came too late', async () => {
    const { clock, client, other, overrides } = setUp()
    await clock.run(async () => {
      const lock = await other.acquireLock('a')
      overrides.renew = () => {
        delete overrides.renew
        return Promise.resolve(null)
      }
      const waiting = client.acquireLock('a', { waitMs: 60_000 })
      await clock.sleep(10)
      await lock.release()
      const held = await waiting
      expect(held.signal.aborted).toBe(false)
    })
  })

  test('says what the object does not do', async () => {
    const { clock, client, overrides } = setUp()
    const cause = Object.assign(new Error('too many requests'), { overloaded: true })
    overrides.acquire = () => Promise.reject(cause)
    await clock.run(async () => {
      await expect(client.acquireLock('a')).rejects.toMatchObject({
        code: 'overloaded',
        retryable: false,
        cause,
      })
    })
  })

  test('keeps the result of the work when it cannot be given back', async () => {
    const { clock, client, overrides, events } = setUp()
    overrides.release = () => Promise.reject(new Error('network'))
    expect(await clock.run(() => client.withLock('a', () => 'done'))).toBe('done')
    expect(events).toMatchObject([{ type: 'store_error', operation: 'release the lock' }])
  })

  test('is anchored, so that the work survives its client', async () => {
    const { clock, client, background } = setUp()
    await clock.run(async () => {
      await client.withLock('a', () => 'done')
      expect(background).toHaveLength(1)
      await background[0]
    })
  })
})

describe('permits', () => {
  test('are held by so many at a time', async () => {
    const { clock, client, other } = setUp()
    let running = 0
    let most = 0
    await clock.run(() =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? client : other).withPermit(
            'a',
            async () => {
              most = Math.max(most, ++running)
              await clock.sleep(1000)
              running--
            },
            { maxConcurrent: 3, waitMs: 60_000 },
          ),
        ),
      ),
    )
    expect(most).toBe(3)
    expect(running).toBe(0)
  })

  test('of a holder that died are free after their time', async () => {
    const { clock, client, other } = setUp()
    const options = { maxConcurrent: 2, ttlMs: 5000 }
    await clock.run(async () => {
      await client.acquirePermit('a', options)
      await client.acquirePermit('a', options)
      expect(await other.getPermitStatus('a')).toEqual({ held: 2, waiting: 0 })
      const startMs = clock.now()
      await other.acquirePermit('a', { ...options, waitMs: 60_000 })
      expect(clock.now() - startMs).toBe(5000)
      expect(await other.getPermitStatus('a')).toEqual({ held: 1, waiting: 0 })
    })
  })
})

describe('work that runs once', () => {
  test('runs for all who ask at the same time and in the time after it', async () => {
    const { clock, client, other, calls } = setUp()
    const work = vi.fn(async () => {
      await clock.sleep(1000)
      return { token: 'new', at: new Date(0) }
    })
    await clock.run(async () => {
      const results = await Promise.all(
        [client, other, client, other].map((one) =>
          one.once<unknown>('refresh', work, { resultTtlMs: 5000 }),
        ),
      )
      const shared = { token: 'new', at: '1970-01-01T00:00:00.000Z' }
      expect(results).toEqual([shared, shared, shared, shared])
      await clock.sleep(4900)
      expect(await client.once<unknown>('refresh', work)).toEqual(shared)
      expect(work).toHaveBeenCalledTimes(1)
      await clock.sleep(200)
      await client.once<unknown>('refresh', work)
      expect(work).toHaveBeenCalledTimes(2)
    })
    // Of the last call and the first: who ran it asked, settled, and had nothing to give back.
    expect(calls.slice(-2)).toEqual(['acquire once:refresh', 'settle once:refresh'])
  })

  test('may have nothing to say', async () => {
    const { clock, client } = setUp()
    const work = vi.fn()
    await clock.run(async () => {
      expect(await client.once('a', work)).toBeUndefined()
      expect(await client.once('a', work)).toBeUndefined()
    })
    expect(work).toHaveBeenCalledTimes(1)
  })

  test('runs again, by the next in line, when it failed', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      const failing = client.once('a', async () => {
        await clock.sleep(1000)
        throw new Error('work')
      })
      await clock.sleep(10)
      const next = other.once('a', () => 'second')
      const last = client.once('a', () => 'third')
      await expect(failing).rejects.toThrow('work')
      expect(await Promise.all([next, last])).toEqual(['second', 'second'])
    })
  })

  test('runs again when the one who ran it died', async () => {
    const { clock, client, other, overrides } = setUp()
    overrides.renew = () => Promise.reject(new Error('network'))
    await clock.run(async () => {
      const options = { ttlMs: 2000 }
      const dead = client.once('a', () => clock.sleep(5000), options)
      await clock.sleep(10)
      const startMs = clock.now()
      expect(await other.once('a', () => 'second', options)).toBe('second')
      expect(clock.now() - startMs).toBeLessThan(2000)
      await expect(dead).rejects.toMatchObject({ code: 'lost' })
    })
  })

  test('is refused where its result is too large, and runs for the next', async () => {
    const { clock, client, other } = setUp()
    await clock.run(async () => {
      const large = client.once('a', () => 'é'.repeat(500_000))
      await expect(large).rejects.toThrow(
        new RangeError(
          'Cannot share what ran once: its JSON must be at most 1000000 bytes, received 1000002',
        ),
      )
      expect(await other.once('a', () => 'é'.repeat(499_999))).toHaveLength(499_999)
    })
  })

  test('is an error where its result could not be kept', async () => {
    const { clock, client, overrides } = setUp()
    overrides.settle = () => Promise.reject(new Error('network'))
    await clock.run(async () => {
      await expect(client.once('a', () => 1)).rejects.toMatchObject({ code: 'unavailable' })
    })
  })
})

describe('a mistake of the caller', () => {
  test('is an error before anything is asked', async () => {
    const { client, calls } = setUp()
    const missing = undefined as unknown as CoordinationNamespace
    expect(() => new CoordinationClient(missing)).toThrow(
      'Cannot create CoordinationClient: the namespace must be a Durable Object binding of CoordinationObject, received undefined',
    )
    await expect(client.acquireLock('')).rejects.toThrow(
      'Cannot acquire lock: the name must be a string of 1 to 512 characters, received 0 characters',
    )
    await expect(client.acquireLock('a', { ttlMs: 999 })).rejects.toThrow(
      'Cannot acquire lock: ttlMs must be from 1000 to 86400000, received 999',
    )
    await expect(client.acquireLock('a', { waitMs: 0.5 })).rejects.toThrow(
      'Cannot acquire lock: waitMs must be a whole number, received 0.5',
    )
    await expect(client.acquirePermit('a', { maxConcurrent: 0 })).rejects.toThrow(
      'Cannot acquire permit: maxConcurrent must be from 1 to 1000, received 0',
    )
    await expect(client.once('a', () => 1, { resultTtlMs: 0 })).rejects.toThrow(
      'Cannot run once: resultTtlMs must be from 1000 to 604800000, received 0',
    )
    await expect(client.getPermitStatus(1 as unknown as string)).rejects.toThrow(
      'Cannot get permit status: the name must be a string of 1 to 512 characters, received number',
    )
    expect(calls).toEqual([])
  })
})
