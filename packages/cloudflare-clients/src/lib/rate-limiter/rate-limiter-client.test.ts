import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { countKV, dumpKV, failingKV, wrapKV } from '../../../test/support/wrapped-kv.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { rateLimitPolicies } from './policies.ts'
import { RateLimiterClient, type RateLimiterClientOptions } from './rate-limiter-client.ts'

/** A whole number of days since the epoch, so that every window of this test begins here. */
const windowStartMs = 20_800 * 86_400_000
const policy = { limit: 3, window: 900, keyPrefix: 'test' }

afterEach(async () => {
  await reset()
})

/** A limiter of an isolate of its own, whose checks wait for their writes. */
function open(
  clock: ManualClock,
  { kv = env.KV, ...options }: RateLimiterClientOptions & { readonly kv?: KVNamespace } = {},
): RateLimiterClient {
  return new RateLimiterClient(kv, {
    now: clock.now,
    timers: clock,
    onEvent: () => undefined,
    ...options,
  })
}

/** One whose writes and repeated reads go on in the background. */
function openInBackground(clock: ManualClock, kv = env.KV, options: RateLimiterClientOptions = {}) {
  const background = new Set<Promise<unknown>>()
  const waitUntil = (work: Promise<unknown>): void => {
    background.add(work)
    void work.finally(() => background.delete(work))
  }
  const settle = async (): Promise<void> => {
    while (background.size > 0) {
      const turn = new Promise((resolve) => setTimeout(resolve))
      await Promise.race([Promise.all(background), turn])
      clock.advance(0.1)
    }
  }
  return { limiter: open(clock, { kv, waitUntil, ...options }), settle }
}

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
  const limiter = open(clock)
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
  const limiter = open(clock)
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
    staleMs: 45_000,
  })
})

test('keeps resetAt the same for every check within a window, in every isolate', async () => {
  const clock = new ManualClock(windowStartMs)
  const seen = new Set<number>()
  for (let i = 0; i < 30; i++) {
    const limiter = open(clock)
    seen.add((await limiter.checkLimit(`id-${i % 3}`, policy)).resetAt)
    clock.advance(29.9)
  }
  expect([...seen]).toEqual([windowStartMs + 900_000])
})

test.for([1, 10, 59, 60, 61, 900, 3600, 0.25])('works with a window of %d s', async (window) => {
  const clock = new ManualClock(windowStartMs)
  const limiter = open(clock)
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
    const first = open(clock, { onEvent: (event) => events.push(event) })
    expect((await first.checkLimit('id', policy, { cost: 3 })).allowed).toBe(true)
    const second = open(clock)
    expect((await second.checkLimit('id', policy)).allowed).toBe(false)
    clock.advance(secondsLeft)
    expect((await second.checkLimit('id', policy)).allowed).toBe(true)
    expect(events).toEqual([])
  },
)

test('never admits more than the limit within an isolate, however many checks are concurrent', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = open(clock)
  const results = await Promise.all(
    Array.from({ length: 50 }, () => limiter.checkLimit('id', policy)),
  )
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(3)
})

test('sees in one isolate what another one counted', async () => {
  const clock = new ManualClock(windowStartMs)
  await open(clock).checkLimit('id', policy, { cost: 2 })
  expect(await admit(open(clock), 5)).toBe(1)
})

test('counts a call by its cost, and nothing for one that is denied', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = open(clock)
  expect(await limiter.checkLimit('id', policy, { cost: 4 })).toMatchObject({
    allowed: false,
    remaining: 3,
  })
  expect(await limiter.checkLimit('id', policy, { cost: 4 })).not.toHaveProperty('retryAfterMs')
  await limiter.checkLimit('id', policy, { cost: 2 })
  expect(await limiter.checkLimit('id', policy, { cost: 2 })).toMatchObject({
    allowed: false,
    remaining: 1,
    retryAfterMs: 900_000,
  })
  expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
})

test('counts windows of different lengths apart, under one prefix too', async () => {
  const clock = new ManualClock(windowStartMs)
  for (let isolate = 0; isolate < 3; isolate++) {
    const limiter = open(clock)
    expect((await limiter.checkLimit('id', policy)).remaining).toBe(2 - isolate)
    const longer = { ...policy, window: 1800 }
    expect((await limiter.checkLimit('id', longer)).remaining).toBe(2 - isolate)
  }
})

test('counts identifiers and prefixes apart, also those that hold separators', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = open(clock)
  await admit(limiter, 4, 'a:b')
  expect((await limiter.checkLimit('b', { ...policy, keyPrefix: 'test:a' })).allowed).toBe(true)
  expect((await limiter.checkLimit('a', policy)).allowed).toBe(true)
  expect((await limiter.checkLimit('a:b', { ...policy, keyPrefix: 'other' })).allowed).toBe(true)
})

test('reads all slots at once, at most 30 s late, and writes one for a minute more than its window', async () => {
  const clock = new ManualClock(windowStartMs + 100_000)
  const puts: unknown[][] = []
  const reads: unknown[][] = []
  const kv = wrapKV(env.KV, {
    get: (real, args) => {
      reads.push(args)
      return real(...args)
    },
    put: (real, args) => {
      puts.push(args)
      return real(...args)
    },
  })
  const limiter = open(clock, { kv, random: () => 0.999 })
  await limiter.checkLimit('id', policy)
  await limiter.reset('id', policy.keyPrefix)
  const window = `900000-${windowStartMs / 900_000}`
  const slots = Array.from({ length: 16 }, (_, slot) => `rl:test:id:${window}:${slot}`)
  expect(reads).toEqual([[[...slots, 'rl:test:id'], { type: 'text', cacheTtl: 30 }]])
  const counts = expect.stringMatching(
    /^\{"clearedAtMs":0,"counts":\{"[0-9a-f]{12}":1\}\}$/,
  ) as unknown
  expect(puts).toEqual([
    [slots[15], counts, { expirationTtl: 860 }],
    ['rl:test:id', `{"clearedAtMs":${clock.now()}}`, { expirationTtl: 86_400 }],
  ])
})

test('writes in the background and answers before KV has it', async () => {
  const clock = new ManualClock(windowStartMs)
  const gate = Promise.withResolvers<undefined>()
  const kv = wrapKV(env.KV, {
    put: async (real, args) => {
      await gate.promise
      return real(...args)
    },
  })
  const { limiter, settle } = openInBackground(clock, kv)
  expect(await admit(limiter, 5)).toBe(3)
  expect(await dumpKV(env.KV)).toEqual([])
  gate.resolve(undefined)
  await settle()
  expect(await admit(open(clock), 1)).toBe(0)
})

test('writes what came in the last moment of a window, also where that is over by then', async () => {
  const clock = new ManualClock(windowStartMs + 899_999)
  const { limiter, settle } = openInBackground(clock)
  const large = { ...policy, limit: 1000 }
  await limiter.checkLimit('id', large)
  await settle()
  expect(clock.now()).toBeGreaterThan(windowStartMs + 900_000)
  const [slot] = await dumpKV(env.KV)
  expect(slot?.value).toContain(':1}')
})

test('writes a key once a second at most, and all that was admitted meanwhile with it', async () => {
  const clock = new ManualClock(windowStartMs)
  const writes: (readonly [number, string])[] = []
  const kv = wrapKV(env.KV, {
    put: (real, args) => {
      writes.push([clock.now() - windowStartMs, String(args[1])])
      return real(...args)
    },
  })
  const { limiter, settle } = openInBackground(clock, kv)
  const hundred = { ...policy, limit: 100 }
  for (let call = 0; call < 100; call++) {
    await limiter.checkLimit('id', hundred)
    clock.advance(0.05)
    // The write's own I/O goes on, which no clock of the test moves.
    await new Promise((resolve) => setTimeout(resolve))
  }
  await settle()
  const gaps = writes.slice(1).map(([atMs], index) => atMs - (writes[index]?.[0] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000)
  expect(writes.length).toBeLessThanOrEqual(7)
  expect(writes.at(-1)?.[1]).toContain(':100}')
})

test('writes once at a moment that two calls wait for', async () => {
  const clock = new ManualClock(windowStartMs)
  const writes: number[] = []
  const kv = wrapKV(env.KV, {
    put: (real, args) => {
      writes.push(clock.now() - windowStartMs)
      return real(...args)
    },
  })
  // The last lane, whose moment is 8 s into each 10.
  const { limiter, settle } = openInBackground(clock, kv, { random: () => 0.999 })
  const large = { ...policy, limit: 1000 }
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve))
  }
  await limiter.checkLimit('id', large)
  await limiter.checkLimit('id', large, { cost: 100 })
  await turns()
  await limiter.checkLimit('id', large)
  clock.advance(8)
  await turns()
  await settle()
  expect(writes).toEqual([0, 8000])
})

test('writes to another slot when KV refuses one, and reports it once in a window', async () => {
  const clock = new ManualClock(windowStartMs)
  const events: ClientEvent[] = []
  const names: string[] = []
  const kv = wrapKV(env.KV, {
    put: (real, args) => {
      names.push(String(args[0]))
      if (names.length > 2) return real(...args)
      return Promise.reject(new Error('KV PUT failed: 429 Too Many Requests'))
    },
  })
  let drawn = 0
  const { limiter, settle } = openInBackground(clock, kv, {
    random: () => drawn++ / 80,
    onEvent: (event) => events.push(event),
  })
  await limiter.checkLimit('id', policy)
  await settle()
  expect(new Set(names).size).toBe(3)
  expect(events).toMatchObject([{ type: 'store_error', operation: 'put', key: 'rl:test:id' }])
  expect((await open(clock).checkLimit('id', policy)).remaining).toBe(1)
})

test('carries on what another isolate keeps in its slot', async () => {
  const clock = new ManualClock(windowStartMs)
  for (let isolate = 0; isolate < 3; isolate++) {
    await open(clock, { random: () => 0 }).checkLimit('id', policy)
  }
  expect(await dumpKV(env.KV)).toHaveLength(1)
  expect((await open(clock).checkLimit('id', policy)).allowed).toBe(false)
})

test('writes its count again where another isolate hid it', async () => {
  const clock = new ManualClock(windowStartMs)
  const { limiter, settle } = openInBackground(clock)
  const wide = { ...policy, limit: 20 }
  await limiter.checkLimit('id', wide, { cost: 5 })
  await settle()
  for (const { name } of await dumpKV(env.KV)) await env.KV.delete(name)
  clock.advance(100)
  await limiter.getStatus('id', wide)
  expect((await limiter.checkLimit('id', wide, { cost: 16 })).allowed).toBe(false)
  await settle()
  expect((await open(clock).checkLimit('id', wide)).remaining).toBe(14)
})

test('asks again every 15 s what other isolates count, and does not wait for it', async () => {
  const clock = new ManualClock(windowStartMs)
  const { limiter, settle } = openInBackground(clock)
  const wide = { ...policy, limit: 100 }
  await limiter.checkLimit('id', wide)
  await open(clock).checkLimit('id', wide, { cost: 50 })
  clock.advance(14.999)
  expect(await limiter.checkLimit('id', wide)).toMatchObject({ remaining: 98, staleMs: 59_999 })
  clock.advance(0.001)
  expect((await limiter.checkLimit('id', wide)).remaining).toBe(97)
  await settle()
  expect((await limiter.checkLimit('id', wide)).remaining).toBe(46)
})

test('asks before it answers where it is asked to, and where it has not asked for 30 s', async () => {
  const clock = new ManualClock(windowStartMs)
  const { limiter } = openInBackground(clock)
  const wide = { ...policy, limit: 100 }
  await limiter.checkLimit('id', wide)
  await open(clock).checkLimit('id', wide, { cost: 50 })
  expect((await limiter.checkLimit('id', wide, { exact: true })).remaining).toBe(48)
  await open(clock).checkLimit('id', wide, { cost: 20 })
  clock.advance(30)
  expect((await limiter.checkLimit('id', wide)).remaining).toBe(27)
})

test('says what is used, without counting', async () => {
  const clock = new ManualClock(windowStartMs)
  await open(clock).checkLimit('id', policy, { cost: 2 })
  const status = { limit: 3, used: 2, remaining: 1, resetAt: windowStartMs + 900_000 }
  const limiter = open(clock)
  expect(await limiter.getStatus('id', policy)).toEqual(status)
  expect(await limiter.getStatus('id', policy)).toEqual(status)
})

describe('cost', () => {
  test('is a read of 17 keys in an isolate, a write a second, and a read a minute while it denies', async () => {
    const clock = new ManualClock(windowStartMs)
    const { kv, operations } = countKV(env.KV)
    const limiter = open(clock, { kv })
    await admit(limiter, 3)
    expect(operations).toEqual({ read: 17, write: 1, delete: 0, list: 0 })
    clock.advance(1)
    await admit(limiter, 20)
    expect(operations).toEqual({ read: 17, write: 1, delete: 0, list: 0 })
    clock.advance(59)
    await admit(limiter, 20)
    // What was admitted within the first second waited for a call that asks.
    expect(operations).toEqual({ read: 34, write: 2, delete: 0, list: 0 })
  })

  test('is one read for a denied call in an isolate that has not seen the identifier', async () => {
    const clock = new ManualClock(windowStartMs)
    await open(clock).checkLimit('id', policy, { cost: 3 })
    const before = await dumpKV(env.KV)
    const { kv, operations } = countKV(env.KV)
    await admit(open(clock, { kv }), 5)
    expect(operations).toEqual({ read: 17, write: 0, delete: 0, list: 0 })
    expect(await dumpKV(env.KV)).toEqual(before)
  })
})

describe('reset', () => {
  test('admits again at once in this isolate, and in others within a minute', async () => {
    const clock = new ManualClock(windowStartMs)
    const here = open(clock)
    const elsewhere = open(clock)
    await here.checkLimit('id', policy, { cost: 3 })
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
    const elsewhere = open(clock)
    await admit(elsewhere, 4)
    clock.advance(60)
    await open(clock).reset('id', policy.keyPrefix)
    expect(await elsewhere.checkLimit('id', policy)).toMatchObject({ allowed: true, remaining: 2 })
  })

  test('outranks an older count that an isolate writes after it', async () => {
    const clock = new ManualClock(windowStartMs)
    const { limiter: elsewhere, settle } = openInBackground(clock)
    const wide = { ...policy, limit: 100 }
    await elsewhere.checkLimit('id', wide, { cost: 9 })
    clock.advance(0.001)
    await open(clock).reset('id', policy.keyPrefix)
    await settle()
    expect((await open(clock).checkLimit('id', wide)).remaining).toBe(99)
  })

  test('of a window that is over does not end what is counted in the next', async () => {
    const clock = new ManualClock(windowStartMs)
    await open(clock).reset('id', policy.keyPrefix)
    clock.advance(900)
    await open(clock).checkLimit('id', policy, { cost: 3 })
    expect((await open(clock).checkLimit('id', policy)).allowed).toBe(false)
  })

  test('twice in a millisecond ends what was counted in between', async () => {
    const clock = new ManualClock(windowStartMs)
    const limiter = open(clock)
    await limiter.reset('id', policy.keyPrefix)
    await admit(limiter, 4)
    await limiter.reset('id', policy.keyPrefix)
    expect((await limiter.checkLimit('id', policy)).remaining).toBe(2)
  })

  test('rejects when KV fails', async () => {
    await expect(
      new RateLimiterClient(failingKV(env.KV)).reset('id', 'test'),
    ).rejects.toMatchObject({ name: 'KVError' })
  })
})

describe('when KV fails', () => {
  const known = { remaining: 3, resetAt: windowStartMs + 900_000 }

  test.for([
    ['closed', false],
    ['open', true],
    ['local', true],
  ] as const)('answers by the policy: %s', async ([onUnavailable, allowed]) => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    const limiter = open(clock, {
      kv: failingKV(env.KV),
      onUnavailable,
      onEvent: (event) => events.push(event),
    })
    // What it knows of its own, and no time to come back at: the end of the window says nothing of when KV is back.
    expect(await limiter.checkLimit('id', policy)).toEqual({
      allowed,
      ...known,
      limit: 3,
      policy: 'test',
      exact: false,
      reason: 'unavailable',
    })
    expect(events).toMatchObject([{ type: 'store_error', operation: 'check' }])
  })

  test('goes on denying who is over the limit', async () => {
    const clock = new ManualClock(windowStartMs)
    let isDown = false
    const kv = wrapKV(env.KV, {
      get: (real, args) => (isDown ? Promise.reject(new Error('down')) : real(...args)),
    })
    for (const limiter of [
      open(clock, { kv, onUnavailable: 'open' }),
      openInBackground(clock, kv, { onUnavailable: 'open' }).limiter,
    ]) {
      isDown = false
      await admit(limiter, 4)
      isDown = true
      clock.advance(61)
      expect((await limiter.checkLimit('id', policy)).reason).toBe('over_limit')
    }
  })

  test('counts on where only writes fail, and writes all with the next', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    let isDown = true
    const kv = wrapKV(env.KV, {
      put: (real, args) => (isDown ? Promise.reject(new Error('down')) : real(...args)),
    })
    const limiter = open(clock, { kv, onEvent: (event) => events.push(event) })
    expect(await admit(limiter, 2)).toBe(2)
    expect(events).toMatchObject([{ type: 'store_error', operation: 'put' }])
    isDown = false
    clock.advance(1)
    expect(await admit(limiter, 2)).toBe(1)
    expect((await open(clock).checkLimit('id', policy)).allowed).toBe(false)
  })

  test('reports a read in the background, and answers without it for half a minute', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    let isDown = false
    const kv = wrapKV(env.KV, {
      get: (real, args) => (isDown ? Promise.reject(new Error('down')) : real(...args)),
    })
    const { limiter, settle } = openInBackground(clock, kv, {
      onUnavailable: 'closed',
      onEvent: (event) => events.push(event),
    })
    await limiter.checkLimit('id', policy)
    await settle()
    isDown = true
    clock.advance(20)
    expect((await limiter.checkLimit('id', policy)).reason).toBe('within_limit')
    await settle()
    expect(events).toMatchObject([{ type: 'store_error', operation: 'get' }])
    clock.advance(10)
    expect((await limiter.checkLimit('id', policy)).reason).toBe('unavailable')
  })

  test.for(['{"half":', '[]', '{"clearedAtMs":0,"counts":{"a":-1}}', '{"counts":{}}'])(
    'takes a corrupt count for none and reports it: %s',
    async (text) => {
      const clock = new ManualClock(windowStartMs)
      const events: ClientEvent[] = []
      const key = `rl:test:id:900000-${windowStartMs / 900_000}:7`
      await env.KV.put(key, text)
      const limiter = open(clock, { onEvent: (event) => events.push(event) })
      expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
      const reason = 'it is not a count'
      expect(events).toEqual([{ type: 'corrupt_value', client: 'rate-limiter', key, reason }])
    },
  )
})

describe('a policy that KV cannot keep', () => {
  test('is warned of once, where its window is under five minutes', async () => {
    const clock = new ManualClock(windowStartMs)
    const events: ClientEvent[] = []
    const limiter = open(clock, { onEvent: (event) => events.push(event) })
    for (const window of [300, 299, 299, 60]) {
      await limiter.checkLimit('id', { ...policy, window })
    }
    expect(events).toMatchObject([
      { type: 'weak_limit', client: 'rate-limiter', limit: 3, windowSeconds: 299 },
      { type: 'weak_limit', windowSeconds: 60 },
    ])
  })

  test.for(['sliding-window', 'strict-sliding-window', 'token-bucket'] as const)(
    'is refused with the backends that can: %s',
    async (algorithm) => {
      const refused = open(new ManualClock(windowStartMs)).checkLimit('id', {
        ...policy,
        algorithm,
      })
      await expect(refused).rejects.toThrow(TypeError)
      await expect(refused).rejects.toThrow(`received ${algorithm} (use leaseBackend`)
    },
  )
})

test('keeps a bounded number of counts in the isolate, those that are used', async () => {
  const clock = new ManualClock(windowStartMs)
  const { kv, operations } = countKV(env.KV)
  const limiter = open(clock, { kv, maxKeys: 2 })
  await admit(limiter, 1, 'a')
  await admit(limiter, 1, 'b')
  await admit(limiter, 1, 'a')
  await admit(limiter, 1, 'c')
  expect(operations.read).toBe(3 * 17)
  await admit(limiter, 1, 'a')
  expect(operations.read).toBe(3 * 17)
  await admit(limiter, 1, 'b')
  expect(operations.read).toBe(4 * 17)
  expect(() => open(clock, { maxKeys: 0 })).toThrow(RangeError)
})

test('goes on from KV with a count that was dropped from the isolate', async () => {
  const clock = new ManualClock(windowStartMs)
  const limiter = open(clock, { maxKeys: 1 })
  for (const [identifier, remaining] of [
    ['a', 2],
    ['b', 2],
    ['a', 1],
    ['b', 1],
    ['a', 0],
  ] as const) {
    expect((await limiter.checkLimit(identifier, policy)).remaining).toBe(remaining)
  }
  expect((await open(clock).checkLimit('a', policy)).allowed).toBe(false)
})

test.for([
  ['', policy, "identifier must be a string and not empty, received ''"],
  ['id', { ...policy, keyPrefix: '' }, "keyPrefix must be a string and not empty, received ''"],
  ['id', { ...policy, limit: 0 }, 'limit must be a whole number of at least 1, received 0'],
  ['id', { ...policy, limit: 1.5 }, 'received 1.5'],
  ['id', { ...policy, window: 0 }, 'window must be above 0'],
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
      `identifier must be a string and not empty, received ${typeof missing}`,
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
