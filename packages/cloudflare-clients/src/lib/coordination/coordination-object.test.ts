import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CoordinationClient } from './coordination-client.ts'
import { CounterClient } from './counter-client.ts'

const hourMs = 3_600_000

afterEach(() => {
  vi.useRealTimers()
})

function objectOf(name: string) {
  return env.COORDINATION.getByName(name)
}

/** Moves only what `Date` says, for the test and for the objects beside it. */
function stopTime(): { advance(ms: number): void } {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  return {
    advance: (ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
  }
}

async function countRows(name: string): Promise<number> {
  return runInDurableObject(
    objectOf(name),
    (_, { storage }) => [...storage.kv.list({ prefix: '' })].length,
  )
}

/** Resolves when so many stand in line. */
async function untilWaiting(name: string, count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await objectOf(name).getStatus()).toMatchObject({ waiting: count })
    },
    { timeout: 30_000 },
  )
}

describe('locks of a Durable Object', () => {
  test('are held by one of many who want it at once, who get it in turn', async () => {
    const one = new CoordinationClient(env.COORDINATION)
    const other = new CoordinationClient(env.COORDINATION)
    let running = 0
    let counter = 0
    const tokens: number[] = []
    const work = async ({ fencingToken }: { fencingToken: number }) => {
      running++
      expect(running).toBe(1)
      tokens.push(fencingToken)
      // Between reading and writing: without a lock, increments are lost.
      const read = counter
      await env.KV.get('nothing')
      counter = read + 1
      running--
    }
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? one : other).withLock('many', work, { waitMs: 60_000 }),
      ),
    )
    expect(counter).toBe(40)
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
    expect(new Set(tokens).size).toBe(40)
  })

  test('are still held after an eviction, and their tokens grow over it', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    stopTime()
    const tokens: number[] = []
    for (let round = 0; round < 3; round++) {
      const lock = await client.acquireLock('evicted')
      await evictDurableObject(objectOf('lock:evicted'))
      await expect(client.acquireLock('evicted')).rejects.toMatchObject({ code: 'busy' })
      expect(await lock.renew()).toBe(true)
      expect(await lock.release()).toBe(true)
      await evictDurableObject(objectOf('lock:evicted'))
      tokens.push(lock.fencingToken)
    }
    const [first = 0] = tokens
    expect(tokens).toEqual([first, first + 1, first + 2])
  })

  test('end with their time, over an eviction too', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const time = stopTime()
    await client.acquireLock('ended', { ttlMs: 5000 })
    time.advance(4999)
    await evictDurableObject(objectOf('lock:ended'))
    await expect(client.acquireLock('ended')).rejects.toMatchObject({ code: 'busy' })
    time.advance(1)
    await client.acquireLock('ended')
  })

  test('go to who waits when their time ends, without another call', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    await client.acquireLock('timer', { ttlMs: 1000 })
    const next = await client.acquireLock('timer', { waitMs: 60_000 })
    expect(next.expiresAtMs - Date.now()).toBeGreaterThan(10_000)
  })

  test('are not waited for any more when their object breaks, and held all the same', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const lock = await client.acquireLock('broken')
    const waiting = client.acquireLock('broken', { waitMs: 60_000 })
    await untilWaiting('lock:broken', 1)
    const failed = expect(waiting).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    await abortAllDurableObjects()
    await failed
    expect(await lock.renew()).toBe(true)
    await expect(client.acquireLock('broken')).rejects.toMatchObject({ code: 'busy' })
  })

  test('pass over who aborted while waiting', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const lock = await client.acquireLock('left')
    const leaving = new AbortController()
    const { signal } = leaving
    const left = client.acquireLock('left', { waitMs: 60_000, signal })
    await untilWaiting('lock:left', 1)
    const behind = client.acquireLock('left', { waitMs: 60_000 })
    await untilWaiting('lock:left', 2)
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await untilWaiting('lock:left', 1)
    await lock.release()
    expect((await behind).fencingToken).toBeGreaterThan(lock.fencingToken)
  })
})

describe('work that runs once, by a Durable Object', () => {
  test('runs once for many, and its result survives an eviction until its time ends', async () => {
    const one = new CoordinationClient(env.COORDINATION)
    const other = new CoordinationClient(env.COORDINATION)
    const work = vi.fn(async () => {
      await env.KV.get('nothing')
      return { token: 'new' }
    })
    const once = (index: number) => (index % 2 === 0 ? one : other).once('refresh', work)
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => once(index)))
    expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
      new Set(['{"token":"new"}']),
    )
    const time = stopTime()
    await evictDurableObject(objectOf('once:refresh'))
    expect(await once(0)).toEqual({ token: 'new' })
    expect(work).toHaveBeenCalledTimes(1)
    time.advance(60_000)
    await once(0)
    expect(work).toHaveBeenCalledTimes(2)
  })

  test('keeps the largest result', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    await client.once('large', () => '日'.repeat(333_332))
    await evictDurableObject(objectOf('once:large'))
    expect(await client.once('large', () => '')).toHaveLength(333_332)
  })
})

describe('permits of a Durable Object', () => {
  test('are out as often as allowed, over evictions', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const options = { maxConcurrent: 3 }
    const [first] = await Promise.all([1, 2, 3].map(() => client.acquirePermit('pool', options)))
    await evictDurableObject(objectOf('permit:pool'))
    await expect(client.acquirePermit('pool', options)).rejects.toMatchObject({ code: 'busy' })
    await first?.release()
    await client.acquirePermit('pool', options)
    expect(await client.getPermitStatus('pool')).toEqual({ held: 3, waiting: 0 })
  })
})

describe('a counter of Durable Objects', () => {
  test('counts exactly, over evictions', async () => {
    const isolates = [0, 0.3, 0.6, 0.9].map(
      (at) => new CounterClient(env.COORDINATION, { random: () => at }),
    )
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        isolates.flatMap((isolate) => [1, 2, 3].map((by) => isolate.increment('visits', by))),
      )
      for (let shard = 0; shard < 4; shard++) {
        await evictDurableObject(objectOf(`counter:${shard}:visits`))
      }
    }
    expect(await isolates[0]?.getCount('visits')).toBe(3 * 4 * 6)
  })
})

describe('the alarm', () => {
  test('deletes what an object that nobody uses has stored', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const time = stopTime()
    const first = await client.acquireLock('idle', { ttlMs: 10_000 })
    await first.release()
    time.advance(hourMs - 1)
    expect(await runDurableObjectAlarm(objectOf('lock:idle'))).toBe(true)
    expect(await countRows('lock:idle')).toBe(1)
    time.advance(10_000)
    expect(await runDurableObjectAlarm(objectOf('lock:idle'))).toBe(true)
    expect(await countRows('lock:idle')).toBe(0)
    expect(await runDurableObjectAlarm(objectOf('lock:idle'))).toBe(false)
    const second = await client.acquireLock('idle')
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken)
    expect(await runDurableObjectAlarm(objectOf('lock:idle'))).toBe(true)
  })

  test('deletes nothing of a lock that is held, or of a result that is kept', async () => {
    const client = new CoordinationClient(env.COORDINATION)
    const time = stopTime()
    const work = vi.fn(() => 'result')
    await client.acquireLock('long', { ttlMs: 24 * hourMs })
    await client.once('long', work, { resultTtlMs: 24 * hourMs })
    time.advance(23 * hourMs)
    for (const name of ['lock:long', 'once:long']) await runDurableObjectAlarm(objectOf(name))
    await expect(client.acquireLock('long')).rejects.toMatchObject({ code: 'busy' })
    await client.once('long', work)
    expect(work).toHaveBeenCalledTimes(1)
  })

  test('keeps a count, as one row, until it is reset', async () => {
    const counter = new CounterClient(env.COORDINATION, { shards: 1 })
    const time = stopTime()
    await counter.increment('kept', 5)
    time.advance(24 * hourMs)
    await runDurableObjectAlarm(objectOf('counter:0:kept'))
    expect(await countRows('counter:0:kept')).toBe(1)
    expect(await runDurableObjectAlarm(objectOf('counter:0:kept'))).toBe(false)
    await evictDurableObject(objectOf('counter:0:kept'))
    await counter.increment('kept')
    expect(await counter.getCount('kept')).toBe(6)
    await counter.reset('kept')
    time.advance(24 * hourMs)
    await runDurableObjectAlarm(objectOf('counter:0:kept'))
    expect(await countRows('counter:0:kept')).toBe(0)
  })
})
