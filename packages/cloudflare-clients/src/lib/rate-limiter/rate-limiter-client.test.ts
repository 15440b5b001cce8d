import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, dumpKV, failingKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { rateLimitPolicies } from './policies.ts'
import { RateLimiterClient } from './rate-limiter-client.ts'

/** A whole number of days since the epoch, so that every window of this test begins here. */
const windowStartMs = 20_800 * 86_400_000
const policy = { limit: 3, window: 900, keyPrefix: 'test' }

afterEach(async () => {
  await reset()
})

async function admit(
  limiter: RateLimiterClient,
  calls: number,
  identifier = 'id',
): Promise<number> {
  let allowed = 0
  for (let i = 0; i < calls; i++)
    if ((await limiter.checkLimit(identifier, policy)).allowed) allowed++
  return allowed
}

test('admits the limit and denies the next call, with what remains', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(env.KV, { now: clock.now })
  const results = []
  for (let i = 0; i < 4; i++) results.push(await limiter.checkLimit('id', policy))
  const resetAt = windowStartMs + 900_000
  expect(results).toMatchObject([
    { allowed: true, remaining: 2, resetAt },
    { allowed: true, remaining: 1, resetAt },
    { allowed: true, remaining: 0, resetAt },
    { allowed: false, remaining: 0, resetAt },
  ])
})

test('denies to the end of the window and admits from its first millisecond on', async () => {
  const clock = new ManualClock(windowStartMs + 100_000)
  const limiter = new RateLimiterClient(env.KV, { now: clock.now })
  await admit(limiter, 4)
  clock.advance(799.999)
  expect(await limiter.checkLimit('id', policy)).toMatchObject({
    allowed: false,
    resetAt: windowStartMs + 900_000,
  })
  clock.advance(0.001)
  expect(await limiter.checkLimit('id', policy)).toEqual({
    allowed: true,
    remaining: 2,
    resetAt: windowStartMs + 1_800_000,
    limit: 3,
    policy: 'test',
    exact: false,
    reason: 'within_limit',
    staleMs: 60_000,
  })
})

test('keeps resetAt the same for every check within a window, in every isolate', async () => {
  const clock = new ManualClock(windowStartMs)
  const seen = new Set<number>()
  for (let i = 0; i < 30; i++) {
    const limiter = new RateLimiterClient(env.KV, { now: clock.now })
    seen.add((await limiter.checkLimit(`id-${i % 3}`, policy)).resetAt)
    clock.advance(29.9)
  }
  expect([...seen]).toEqual([windowStartMs + 900_000])
})

test.for([1, 10, 59, 60, 61, 900, 3600, 0.25])('works with a window of %d s', async (window) => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(env.KV, { now: clock.now })
  const check = () => limiter.checkLimit('id', { limit: 1, window, keyPrefix: 'test' })
  expect((await check()).allowed).toBe(true)
  expect((await check()).allowed).toBe(false)
  clock.advance(window)
  expect((await check()).allowed).toBe(true)
})

test.for([60, 59, 30, 1, 0.001])(
  'counts a call %d s before the window ends, where KV refuses the remaining TTL',
  async (secondsLeft) => {
    const clock = new ManualClock(windowStartMs + (900 - secondsLeft) * 1000)
    const events: ClientEvent[] = []
    const first = new RateLimiterClient(env.KV, {
      now: clock.now,
      onEvent: (event) => events.push(event),
    })
    expect(await admit(first, 5)).toBe(3)
    const second = new RateLimiterClient(env.KV, { now: clock.now })
    expect((await second.checkLimit('id', policy)).allowed).toBe(false)
    clock.advance(secondsLeft)
    expect((await second.checkLimit('id', policy)).allowed).toBe(true)
    expect(events).toEqual([])
  },
)

test('never admits more than the limit within an isolate, however many checks are concurrent', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(env.KV, { now: clock.now })
  const results = await Promise.all(
    Array.from({ length: 50 }, () => limiter.checkLimit('id', policy)),
  )
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(3)
})

test('sees in one isolate what another one counted', async () => {
  const clock = new ManualClock(windowStartMs)
  await admit(new RateLimiterClient(env.KV, { now: clock.now }), 2)
  expect(await admit(new RateLimiterClient(env.KV, { now: clock.now }), 5)).toBe(1)
})

test('counts identifiers and prefixes apart, also those that hold separators', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(env.KV, { now: clock.now })
  await admit(limiter, 4, 'a:b')
  expect((await limiter.checkLimit('b', { ...policy, keyPrefix: 'test:a' })).allowed).toBe(true)
  expect((await limiter.checkLimit('a', policy)).allowed).toBe(true)
  expect((await limiter.checkLimit('a:b', { ...policy, keyPrefix: 'other' })).allowed).toBe(true)
})

test('keeps a count in KV to the end of its window, a clearing for a day, and reads at most 30 s late', async () => {
  const clock = new ManualClock(windowStartMs + 100_000)
  const ttls: unknown[] = []
  const reads: unknown[] = []
  const kv = wrapKV(env.KV, {
    get: (real, args) => {
      reads.push(args[1])
      return real(...args)
    },
    put: (real, args) => {
      ttls.push(args[2])
      return real(...args)
    },
  })
  const limiter = new RateLimiterClient(kv, { now: clock.now })
  await limiter.checkLimit('id', policy)
  await limiter.reset('id', policy.keyPrefix)
  expect(reads).toEqual([{ type: 'text', cacheTtl: 30 }])
  expect(ttls).toEqual([{ expirationTtl: 800 }, { expirationTtl: 86_400 }])
})

test('hands its write to waitUntil and answers before KV has it', async () => {
  const clock = new ManualClock(windowStartMs)
  const gate = Promise.withResolvers<undefined>()
  const kv = wrapKV(env.KV, {
    put: async (real, args) => {
      await gate.promise
      return real(...args)
    },
  })
  const background: Promise<unknown>[] = []
  const waitUntil = (work: Promise<unknown>): void => void background.push(work)
  const limiter = new RateLimiterClient(kv, { now: clock.now, waitUntil })
  expect(await admit(limiter, 5)).toBe(3)
  expect(await dumpKV(env.KV)).toEqual([])
  gate.resolve(undefined)
  await Promise.all(background)
  expect(await admit(new RateLimiterClient(env.KV, { now: clock.now }), 1)).toBe(0)
})

describe('cost', () => {
  test('is a read and a write for an admitted call and nothing for a denied one that this isolate knows', async () => {
    const clock = new ManualClock(windowStartMs)
    const { kv, operations } = countKV(env.KV)
    const limiter = new RateLimiterClient(kv, { now: clock.now })
    await admit(limiter, 3)
    expect(operations).toEqual({ read: 3, write: 3, delete: 0, list: 0 })
    await admit(limiter, 20)
    expect(operations).toEqual({ read: 3, write: 3, delete: 0, list: 0 })
    clock.advance(60)
    await admit(limiter, 20)
    expect(operations).toEqual({ read: 4, write: 3, delete: 0, list: 0 })
  })

  test('is one read for a denied call in an isolate that has not seen the identifier', async () => {
    const clock = new ManualClock(windowStartMs)
    await admit(new RateLimiterClient(env.KV, { now: clock.now }), 3)
    const before = await dumpKV(env.KV)
    const { kv, operations } = countKV(env.KV)
    await admit(new RateLimiterClient(kv, { now: clock.now }), 5)
    expect(operations).toEqual({ read: 1, write: 0, delete: 0, list: 0 })
    expect(await dumpKV(env.KV)).toEqual(before)
  })
})

describe('reset', () => {
  test('admits again at once in this isolate, and in others within a minute', async () => {
    const clock = new ManualClock(windowStartMs)
    const here = new RateLimiterClient(env.KV, { now: clock.now })
    const elsewhere = new RateLimiterClient(env.KV, { now: clock.now })
    await admit(here, 4)
    await admit(elsewhere, 1)
    clock.advance(1)
    await here.reset('id', policy.keyPrefix)
    expect(await here.checkLimit('id', policy)).toMatchObject({ allowed: true, remaining: 2 })
    expect((await elsewhere.checkLimit('id', policy)).allowed).toBe(false)
    clock.advance(59)
    expect(await elsewhere.checkLimit('id', policy)).toMatchObject({ allowed: true, remaining: 1 })
  })

  test('reaches an isolate that holds a count, also when nobody called after it', async () => {
    const clock = new ManualClock(windowStartMs)
    const elsewhere = new RateLimiterClient(env.KV, { now: clock.now })
    await admit(elsewhere, 4)
    clock.advance(60)
    await new RateLimiterClient(env.KV, { now: clock.now }).reset('id', policy.keyPrefix)
    expect(await elsewhere.checkLimit('id', policy)).toMatchObject({ allowed: true, remaining: 2 })
  })

  test('outranks an older count that a stale read brings back', async () => {
    const clock = new ManualClock(windowStartMs)
    const limiter = new RateLimiterClient(env.KV, { now: clock.now })
    await admit(limiter, 4)
    const stale = (await env.KV.get('rl:test:id')) ?? ''
    clock.advance(1)
    await limiter.reset('id', policy.keyPrefix)
    await env.KV.put('rl:test:id', stale)
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
  })

  test('rejects when KV fails', async () => {
    await expect(
      new RateLimiterClient(failingKV(env.KV)).reset('id', 'test'),
    ).rejects.toMatchObject({ name: 'KVError' })
  })
})

describe('when KV fails', () => {
  test('decides on this isolate’s own count when open, which is the default', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    const limiter = new RateLimiterClient(failingKV(env.KV), {
      now: clock.now,
      onEvent: (event) => events.push(event),
    })
    expect(await admit(limiter, 10)).toBe(3)
    expect(events.every(({ type }) => type === 'store_error')).toBe(true)
    expect(events).toHaveLength(6)
  })

  test('denies when closed', async () => {
    const clock = new ManualClock(windowStartMs)
    const limiter = new RateLimiterClient(failingKV(env.KV), {
      now: clock.now,
      onStoreError: 'closed',
      onEvent: () => undefined,
    })
    // What it knows of its own, and no time to come back at: the end of the window says nothing of when KV is back.
    expect(await limiter.checkLimit('id', policy)).toEqual({
      allowed: false,
      remaining: 3,
      resetAt: windowStartMs + 900_000,
      limit: 3,
      policy: 'test',
      exact: false,
      reason: 'unavailable',
      staleMs: 60_000,
    })
  })

  test('still counts when KV refuses the writes to a busy key, and reports it once in a window', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    const kv = failingKV(env.KV, {
      methods: ['put'],
      message: 'KV PUT failed: 429 Too Many Requests',
    })
    const limiter = new RateLimiterClient(kv, {
      now: clock.now,
      onStoreError: 'closed',
      onEvent: (event) => events.push(event),
    })
    expect(await admit(limiter, 10)).toBe(3)
    expect(events).toHaveLength(1)
    clock.advance(900)
    expect(await admit(limiter, 1)).toBe(1)
    expect(events).toHaveLength(2)
  })

  test('takes a corrupt count for none and reports it', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    await env.KV.put('rl:test:id', '{"count":"many"}')
    const limiter = new RateLimiterClient(env.KV, {
      now: clock.now,
      onEvent: (event) => events.push(event),
    })
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
    expect(events).toEqual([
      {
        type: 'corrupt_value',
        client: 'rate-limiter',
        key: 'rl:test:id',
        reason: 'it is not a count',
      },
    ])
  })
})

test('keeps a bounded number of counts in the isolate', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(failingKV(env.KV), {
    now: clock.now,
    maxLocalCounts: 2,
    onEvent: () => undefined,
  })
  await admit(limiter, 3, 'oldest')
  await admit(limiter, 1, 'b')
  await admit(limiter, 1, 'c')
  expect((await limiter.checkLimit('oldest', policy)).allowed).toBe(true)
  expect(() => new RateLimiterClient(env.KV, { maxLocalCounts: 0 })).toThrow(RangeError)
})

test('drops the identifier that was counted longest ago, and only when there is no room', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = new RateLimiterClient(failingKV(env.KV), {
    now: clock.now,
    maxLocalCounts: 2,
    onEvent: () => undefined,
  })
  await admit(limiter, 2, 'a')
  await admit(limiter, 3, 'b')
  expect(await admit(limiter, 2, 'a')).toBe(1)
  await admit(limiter, 1, 'c')
  expect(await admit(limiter, 1, 'a')).toBe(0)
  expect(await admit(limiter, 1, 'b')).toBe(1)
})

test.for([
  ['', policy, 'identifier must not be empty'],
  ['id', { ...policy, keyPrefix: '' }, 'keyPrefix must not be empty'],
  ['id', { ...policy, limit: 0 }, 'limit must be a whole number of at least 1, received 0'],
  ['id', { ...policy, limit: 1.5 }, 'received 1.5'],
  ['id', { ...policy, window: 0 }, 'window must be greater than 0'],
  ['id', { ...policy, window: NaN }, 'received NaN'],
  ['id', { ...policy, window: 2_147_483_648 }, 'at most 2147483647, received 2147483648'],
] as const)('refuses identifier "%s" with %o', async ([identifier, bad, message]) => {
  await expect(new RateLimiterClient(env.KV).checkLimit(identifier, bad)).rejects.toThrow(message)
})

test('says that an identifier is missing, instead of counting everybody together', async () => {
  const limiter = new RateLimiterClient(env.KV)
  for (const missing of [undefined, null]) {
    const identifier = missing as unknown as string
    await expect(limiter.checkLimit(identifier, policy)).rejects.toThrow(
      `identifier must be a string, received ${typeof missing}`,
    )
    await expect(limiter.reset(identifier, 'test')).rejects.toBeInstanceOf(TypeError)
  }
})

test('has the policies that applications need', () => {
  const summary = Object.entries(rateLimitPolicies).map(([name, { limit, window, keyPrefix }]) => [
    name,
    limit,
    window,
    keyPrefix,
  ])
  expect(summary).toEqual([
    ['login', 5, 900, 'login'],
    ['register', 3, 3600, 'register'],
    ['passwordReset', 3, 3600, 'passwordReset'],
    ['verifyEmail', 5, 3600, 'verifyEmail'],
    ['api', 100, 60, 'api'],
    ['upload', 10, 3600, 'upload'],
  ])
})
