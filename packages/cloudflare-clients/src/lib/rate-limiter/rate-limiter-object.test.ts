import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { durableObjectBackend } from './durable-object-backend.ts'
import type { RateLimitPolicy } from './policies.ts'
import { RateLimiterClient } from './rate-limiter-client.ts'

const hour = { limit: 100, window: 3600, keyPrefix: 'object' } as const satisfies RateLimitPolicy

afterEach(() => {
  vi.useRealTimers()
})

function createLimiter() {
  return new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER), { onUnavailable: 'closed' })
}

function objectOf(identifier: string) {
  return env.RATE_LIMITER.getByName(identifier)
}

/** Moves only what `Date` says, for the test and for the objects beside it. */
function stopTime(): { advance(ms: number): void } {
  const nowMs = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs })
  return {
    advance: (ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
  }
}

async function countRows(identifier: string): Promise<number> {
  return runInDurableObject(objectOf(identifier), (_, { storage }) => {
    const [table] = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'limits'").toArray()
    if (table === undefined) return 0
    return storage.sql.exec<{ count: number }>('SELECT count(*) AS count FROM limits').one().count
  })
}

describe('an authority in a Durable Object', () => {
  test('admits exactly the limit of checks that come at once', async () => {
    const [one, other] = [createLimiter(), createLimiter()]
    const results = await Promise.all(
      Array.from({ length: 150 }, (_, index) => {
        const limiter = index % 2 === 0 ? one : other
        return limiter.checkLimit('at-once', hour)
      }),
    )
    expect(results.filter((result) => result.allowed)).toHaveLength(100)
    expect(results.every((result) => result.exact)).toBe(true)
  })

  test.for(['fixed-window', 'sliding-window', 'strict-sliding-window', 'token-bucket'] as const)(
    'never admits more over evictions, and loses at most 2 %% for each: %s',
    async (algorithm) => {
      const limiter = createLimiter()
      const policy = { ...hour, algorithm }
      stopTime()
      let admitted = 0
      for (let call = 0; call < 110; call++) {
        const { allowed } = await limiter.checkLimit(`evicted-${algorithm}`, policy)
        if (allowed) admitted++
        if (call % 30 === 29) await evictDurableObject(objectOf(`evicted-${algorithm}`))
      }
      expect(admitted).toBeLessThanOrEqual(100)
      expect(admitted).toBeGreaterThanOrEqual(94)
    },
  )

  test('keeps a block, an override and a reset over an eviction', async () => {
    const limiter = createLimiter()
    const evict = () => evictDurableObject(objectOf('kept'))
    await limiter.checkLimit('kept', hour)
    await limiter.block('kept', 'object', 60)
    await evict()
    const denied = await limiter.checkLimit('kept', hour)
    expect(denied).toMatchObject({ allowed: false, reason: 'blocked' })
    expect(denied.retryAfterMs).toBeGreaterThan(50_000)
    await limiter.block('kept', 'object', 0)
    await limiter.override('kept', 'object', { limit: 4 })
    await evict()
    // One was counted, and two more were kept ahead.
    expect(await limiter.checkLimit('kept', hour)).toMatchObject({ allowed: true, limit: 4 })
    expect(await limiter.checkLimit('kept', hour)).toMatchObject({ allowed: false, limit: 4 })
    await limiter.reset('kept', 'object')
    await evict()
    expect(await limiter.getStatus('kept', hour)).toMatchObject({ limit: 4, used: 0, remaining: 4 })
  })

  test('decides over several limits at once: all or none', async () => {
    const limiter = createLimiter()
    const minute = { limit: 3, window: 60, keyPrefix: 'minute' }
    const day = { limit: 2, window: 86_400, keyPrefix: 'day' }
    const checkBoth = async () => {
      const results = await limiter.checkAll([
        { identifier: 'several', policy: minute },
        { identifier: 'several', policy: day },
      ])
      return results.map(({ allowed, reason, remaining }) => ({ allowed, reason, remaining }))
    }
    await checkBoth()
    await checkBoth()
    expect(await checkBoth()).toEqual([
      { allowed: false, reason: 'over_limit', remaining: 1 },
      { allowed: false, reason: 'over_limit', remaining: 0 },
    ])
    expect(await limiter.getStatus('several', minute)).toMatchObject({ used: 2 })
  })

  test('refuses limits of several identifiers at once, unless they share a shard', async () => {
    const both = [
      { identifier: 'one', policy: hour },
      { identifier: 'other', policy: hour },
    ]
    await expect(createLimiter().checkAll(both)).rejects.toThrow(
      'Cannot check several limits at once: the shard option must give all of them one shard, received 2 for 2 limits',
    )
    const sharded = new RateLimiterClient(
      durableObjectBackend(env.RATE_LIMITER, { shard: () => 'together' }),
    )
    expect(await sharded.checkAll(both)).toMatchObject([{ allowed: true }, { allowed: true }])
  })

  test('gives back a call once', async () => {
    const limiter = createLimiter()
    const result = await limiter.checkLimit('refunded', hour)
    expect(await limiter.refund('refunded', hour, result)).toBe(true)
    expect(await limiter.refund('refunded', hour, result)).toBe(false)
    expect(await limiter.getStatus('refunded', hour)).toMatchObject({ used: 0, remaining: 100 })
  })

  test('writes a row for each 2 % of the limit, and none for a denied call', async () => {
    const limiter = createLimiter()
    stopTime()
    await limiter.checkLimit('rows', { ...hour, limit: 1000 })
    await runInDurableObject(objectOf('rows'), (_, { storage }) => {
      // A trigger sees every write of a row.
      storage.sql.exec('CREATE TABLE writes (count INTEGER)')
      storage.sql.exec(
        'CREATE TRIGGER counted AFTER UPDATE ON limits BEGIN INSERT INTO writes VALUES (1); END',
      )
    })
    for (let call = 1; call < 1100; call++) {
      await limiter.checkLimit('rows', { ...hour, limit: 1000 })
    }
    const writes = await runInDurableObject(
      objectOf('rows'),
      (_, { storage }) =>
        storage.sql.exec<{ count: number }>('SELECT count(*) AS count FROM writes').one().count,
    )
    expect(writes).toBeLessThanOrEqual(50)
    expect(writes).toBeGreaterThanOrEqual(45)
  })

  test('stores nothing for a key that is only asked about', async () => {
    await createLimiter().getStatus('asked', hour)
    expect(await countRows('asked')).toBe(0)
    const alarm = await runInDurableObject(objectOf('asked'), (_, { storage }) =>
      storage.getAlarm(),
    )
    expect(alarm).toBeNull()
  })
})

describe('the alarm of an authority', () => {
  test('deletes everything when nothing was used for two windows and an hour', async () => {
    const limiter = createLimiter()
    const time = stopTime()
    await limiter.checkLimit('idle', { ...hour, window: 60 })
    expect(await countRows('idle')).toBe(1)
    time.advance(3_600_000)
    expect(await runDurableObjectAlarm(objectOf('idle'))).toBe(true)
    expect(await countRows('idle')).toBe(0)
    expect(await runDurableObjectAlarm(objectOf('idle'))).toBe(false)
    // Its table comes back with the next use.
    expect(await limiter.checkLimit('idle', { ...hour, window: 60 })).toMatchObject({
      allowed: true,
      remaining: 99,
    })
    expect(await countRows('idle')).toBe(1)
  })

  test('is one for all keys, and is set again for what is still in use', async () => {
    const limiter = createLimiter()
    const time = stopTime()
    const minute = { ...hour, window: 60, keyPrefix: 'minute' }
    const day = { ...hour, window: 86_400, keyPrefix: 'day' }
    await limiter.checkLimit('busy', minute)
    await limiter.checkLimit('busy', day)
    time.advance(3_600_000)
    expect(await runDurableObjectAlarm(objectOf('busy'))).toBe(true)
    expect(await countRows('busy')).toBe(1)
    expect(await limiter.getStatus('busy', day)).toMatchObject({ used: 1 })
    time.advance(2 * 86_400_000)
    expect(await runDurableObjectAlarm(objectOf('busy'))).toBe(true)
    expect(await countRows('busy')).toBe(0)
  })

  test('keeps an override that has no end', async () => {
    const limiter = createLimiter()
    const time = stopTime()
    await limiter.checkLimit('overridden', hour)
    await limiter.override('overridden', 'object', { limit: 7 })
    time.advance(30 * 86_400_000)
    await runDurableObjectAlarm(objectOf('overridden'))
    expect(await limiter.getStatus('overridden', hour)).toMatchObject({ limit: 7, used: 0 })
  })
})
