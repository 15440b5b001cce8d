import { describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { ScriptedAuthority, settled } from '../../../test/support/scripted-authority.ts'
import type { AuthorityNamespace } from './authority-protocol.ts'
import { leaseBackend, type LeaseBackendOptions } from './lease-backend.ts'
import type {
  BackendCheck,
  LimitRule,
  RateLimitBackend,
  RateLimitReceipt,
  RateLimitResult,
} from './rate-limit-backend.ts'
import { RateLimiterClient } from './rate-limiter-client.ts'

const startMs = 1_700_000_000_000
const rule: LimitRule = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000, burst: 100 }
const check: BackendCheck = {
  identifier: 'user-1',
  keyPrefix: 'api',
  key: '3:api:user-1',
  rule,
  cost: 1,
  exact: false,
}

const policy = { limit: 100, window: 60, keyPrefix: 'api' }

/** What is beyond a check is asked through the client. */
function limiterOf(backend: RateLimitBackend): RateLimiterClient<RateLimitResult> {
  return new RateLimiterClient(backend, { onUnavailable: 'closed' })
}

function setUp(options: LeaseBackendOptions = {}) {
  const clock = new ManualClock(startMs)
  const authority = new ScriptedAuthority(clock.now)
  const background: Promise<unknown>[] = []
  const backend = leaseBackend(authority, {
    now: clock.now,
    timers: clock,
    holderId: 'isolate-1',
    waitUntil: (work) => background.push(work),
    ...options,
  })
  const locally = (over: Partial<BackendCheck> = {}) =>
    backend.checkLocally?.({ ...check, ...over })
  return { clock, authority, backend, background, locally }
}

/** Holds a lease of so many tokens. */
async function setUpLease(lease: number, options: LeaseBackendOptions = {}) {
  const parts = setUp(options)
  const { authority, backend } = parts
  for (const reply of [{}, { lease, available: 50 }]) {
    const result = backend.check(check)
    await authority.last.reply(reply)
    await result
  }
  return parts
}

describe('lease', () => {
  test('asks for the first call alone and wants no lease', async () => {
    const { authority, backend } = setUp()
    const result = backend.check(check)
    expect(authority.last.request).toEqual({
      key: '3:api:user-1',
      rule,
      holder: 'isolate-1',
      seq: 1,
      costs: [1],
      want: 0,
    })
    await authority.last.reply({ available: 99 })
    expect(await result).toEqual({
      allowed: true,
      remaining: 99,
      resetAt: startMs + 60_000,
      limit: 100,
      exact: true,
      reason: 'within_limit',
      receipt: { id: 'isolate-1.1.0', cost: 1, admittedAtMs: startMs },
    })
  })

  test('wants more the more calls come, and admits from the lease without asking', async () => {
    const { authority, backend, locally } = await setUpLease(2)
    expect(authority.last.request.want).toBe(1)
    expect(locally()).toMatchObject({ allowed: true, remaining: 51, exact: true })
    expect(await backend.check(check)).toMatchObject({ allowed: true, remaining: 50 })
    expect(locally()).toBeUndefined()
    expect(authority.acquires).toHaveLength(2)

    void backend.check(check)
    expect(authority.last.request).toMatchObject({ seq: 3, costs: [1], want: 4 })
  })

  test('ends the guard before its time, counted from when it was asked for', async () => {
    const { clock, authority, backend, locally } = setUp()
    const first = backend.check(check)
    await authority.last.reply()
    await first
    const second = backend.check(check)
    clock.advance(5)
    await authority.last.reply({ lease: 10, ttlMs: 10_000 })
    await second
    clock.advance(4.979)
    expect(locally()).toMatchObject({ allowed: true })
    clock.advance(0.001)
    expect(locally()).toBeUndefined()
  })

  test('ends in time too where an option is there and undefined, as untyped callers pass it', async () => {
    const untyped = { guardMs: undefined, maxLeaseMs: undefined } as unknown as LeaseBackendOptions
    const { clock, locally } = await setUpLease(10, untyped)
    clock.advance(59.979)
    expect(locally()).toMatchObject({ allowed: true })
    clock.advance(0.001)
    expect(locally()).toBeUndefined()
  })

  test('is spent for maxLeaseMs at most', async () => {
    const { clock, locally } = await setUpLease(10, { maxLeaseMs: 5000 })
    clock.advance(4.979)
    expect(locally()).toMatchObject({ allowed: true })
    clock.advance(0.001)
    expect(locally()).toBeUndefined()
  })

  test('leaves a lease that is too small for a call to smaller calls', async () => {
    const { authority, backend, locally } = await setUpLease(3)
    const dear = backend.check({ ...check, cost: 5 })
    expect(authority.last.request.costs).toEqual([5])
    await authority.last.reply({ verdicts: [false], retryAfterMs: 60_000 })
    expect(await dear).toMatchObject({ allowed: false })
    expect(locally({ cost: 3 })).toMatchObject({ allowed: true })
  })

  test('is not spent under another rule', async () => {
    const { authority, backend, locally } = await setUpLease(10)
    expect(locally({ rule: { ...rule } })).toMatchObject({ allowed: true })
    expect(locally({ rule: { ...rule, limit: 50 } })).toBeUndefined()
    void backend.check({ ...check, rule: { ...rule, limit: 50 } })
    expect(authority.last.request.rule.limit).toBe(50)
  })

  test('is void when the epoch has changed', async () => {
    const { authority, backend, locally } = await setUpLease(10)
    const exact = backend.check({ ...check, exact: true })
    await authority.last.reply({ epoch: 1 })
    await exact
    expect(locally()).toBeUndefined()
  })

  test('is asked for ahead when a quarter is left, under waitUntil', async () => {
    const { authority, background, locally } = await setUpLease(8)
    const anchored = background.length
    for (let call = 0; call < 5; call++) locally()
    expect(authority.acquires).toHaveLength(2)
    locally()
    expect(authority.last.request).toMatchObject({ seq: 3, costs: [] })
    expect(background).toHaveLength(anchored + 1)
    await authority.last.reply({ lease: 8 })
    for (let call = 0; call < 8; call++) expect(locally()).toMatchObject({ allowed: true })
  })

  test('is not asked for ahead without waitUntil', async () => {
    const clock = new ManualClock(startMs)
    const authority = new ScriptedAuthority(clock.now)
    const backend = leaseBackend(authority, { now: clock.now })
    for (const reply of [{}, { lease: 8 }]) {
      const result = backend.check(check)
      await authority.last.reply(reply)
      await result
    }
    for (let call = 0; call < 8; call++) await backend.check(check)
    expect(authority.acquires).toHaveLength(2)
  })

  test('that is refused ahead is no denial, and is not asked for again until a call has to ask', async () => {
    const { clock, authority, backend, locally } = await setUpLease(8)
    for (let call = 0; call < 6; call++) locally()
    await authority.last.reply({ lease: 0, available: 0 })
    clock.advance(5)
    expect(locally()).toMatchObject({ allowed: true })
    expect(locally()).toMatchObject({ allowed: true })
    expect(authority.acquires).toHaveLength(3)
    void backend.check(check)
    expect(authority.last.request.costs).toEqual([1])
  })

  test('is not asked for ahead where calls are denied', async () => {
    const { authority, backend, locally } = await setUpLease(8)
    for (let call = 0; call < 6; call++) locally()
    await authority.last.reply({ lease: 0, available: 0 })
    for (let call = 0; call < 2; call++) locally()
    const result = backend.check(check)
    await authority.last.reply({ verdicts: [false], lease: 0, available: 0, retryAfterMs: 30_000 })
    expect(await result).toMatchObject({ allowed: false })
    for (let call = 0; call < 20; call++) expect(locally()).toMatchObject({ allowed: false })
    expect(authority.acquires).toHaveLength(4)
  })

  test('is as large as what came in lately, also after a long time of denials', async () => {
    const { clock, authority, backend, locally } = setUp()
    const first = backend.check(check)
    await authority.last.reply({ verdicts: [false], available: 0, retryAfterMs: 60_000 })
    await first
    for (let call = 0; call < 600; call++) {
      clock.advance(0.1)
      locally()
    }
    void backend.check(check)
    // Ten a second, for twelve seconds.
    expect(authority.last.request.want).toBeGreaterThan(110)
    expect(authority.last.request.want).toBeLessThan(130)
  })

  test('of a limit under 10 is never wanted', async () => {
    const { authority, backend } = setUp()
    const small = { ...check, rule: { ...rule, limit: 9 } }
    for (let call = 0; call < 3; call++) {
      const result = backend.check(small)
      expect(authority.last.request.want).toBe(0)
      await authority.last.reply()
      await result
    }
    expect(authority.acquires).toHaveLength(3)
  })
})

describe('denials', () => {
  test('are repeated without asking until the time the authority said', async () => {
    const { clock, authority, backend, locally } = setUp()
    const result = backend.check(check)
    clock.advance(0.1)
    await authority.last.reply({ verdicts: [false], retryAfterMs: 30_000 })
    expect(await result).toMatchObject({
      allowed: false,
      retryAfterMs: 30_000,
      reason: 'over_limit',
    })
    expect(await backend.check(check)).toEqual({
      allowed: false,
      remaining: 0,
      resetAt: startMs + 100 + 60_000,
      limit: 100,
      retryAfterMs: 29_900,
      exact: true,
      reason: 'over_limit',
    })
    clock.advance(29.899)
    expect(locally()).toMatchObject({ allowed: false, retryAfterMs: 1 })
    clock.advance(0.001)
    expect(locally()).toBeUndefined()
  })

  test('are asked about again after maxDenyMs', async () => {
    const { clock, authority, backend, locally } = setUp({ maxDenyMs: 1000 })
    const result = backend.check(check)
    await authority.last.reply({ verdicts: [false], retryAfterMs: 30_000 })
    await result
    clock.advance(0.999)
    expect(locally()).toMatchObject({ allowed: false, retryAfterMs: 29_001 })
    clock.advance(0.001)
    expect(locally()).toBeUndefined()
  })

  test('of a dear call do not deny a cheaper one', async () => {
    const { authority, backend, locally } = setUp()
    const result = backend.check({ ...check, cost: 5 })
    await authority.last.reply({ verdicts: [false], retryAfterMs: 30_000, available: 4 })
    await result
    expect(locally({ cost: 5 })).toMatchObject({ allowed: false, remaining: 4 })
    expect(locally({ cost: 6 })).toMatchObject({ allowed: false })
    expect(locally({ cost: 4 })).toBeUndefined()
  })

  test('of what costs more than the limit name no time', async () => {
    const { authority, backend, locally } = setUp()
    const result = backend.check({ ...check, cost: 101 })
    await authority.last.reply({ verdicts: [false], retryAfterMs: Infinity, available: 100 })
    expect(await result).not.toHaveProperty('retryAfterMs')
    const again = locally({ cost: 101 })
    expect(again).toMatchObject({ allowed: false, remaining: 100 })
    expect(again).not.toHaveProperty('retryAfterMs')
  })

  test('by a block say so', async () => {
    const { authority, backend, locally } = setUp()
    const result = backend.check(check)
    await authority.last.reply({ verdicts: [false], blockedMs: 5000, epoch: 1 })
    expect(await result).toMatchObject({ allowed: false, reason: 'blocked' })
    expect(locally()).toMatchObject({ allowed: false, reason: 'blocked', retryAfterMs: 5000 })
  })

  test('do not answer exact checks', async () => {
    const { authority, backend, locally } = setUp()
    const result = backend.check(check)
    await authority.last.reply({ verdicts: [false], retryAfterMs: 30_000 })
    await result
    expect(locally({ exact: true })).toBeUndefined()
    const exact = backend.check({ ...check, exact: true })
    await authority.last.reply({ available: 3 })
    expect(await exact).toMatchObject({ allowed: true })
    expect(locally()).toBeUndefined()
  })
})

describe('calls at the same time', () => {
  test('share one request, and those who came after it the next one', async () => {
    const { authority, backend } = setUp()
    const results = [3, 1, 2].map((cost) => backend.check({ ...check, cost }))
    expect(authority.acquires).toHaveLength(1)
    await authority.last.reply()
    expect(authority.acquires).toHaveLength(2)
    expect(authority.last.request.costs).toEqual([1, 2])
    await authority.last.reply({ verdicts: [true, false], available: 1, retryAfterMs: 10 })
    expect((await Promise.all(results)).map(({ allowed }) => allowed)).toEqual([true, true, false])
  })

  test('are served from the lease that the request before brought', async () => {
    const { authority, backend } = setUp()
    const first = backend.check(check)
    await authority.last.reply()
    await first
    const results = [backend.check(check), backend.check(check), backend.check(check)]
    await authority.last.reply({ lease: 1 })
    expect(authority.acquires).toHaveLength(3)
    expect(authority.last.request.costs).toEqual([1])
    await authority.last.reply()
    expect((await Promise.all(results)).every(({ allowed }) => allowed)).toBe(true)
  })

  test('ask for themselves when the shared request takes too long, and its late reply stands for who sent it', async () => {
    const { clock, authority, backend } = setUp({ takeoverMs: 300 })
    const leading = backend.check(check)
    const { last: slow } = authority
    const waiting = backend.check(check)
    clock.advance(0.299)
    await settled()
    expect(authority.acquires).toHaveLength(1)
    clock.advance(0.001)
    await settled()
    expect(authority.last.request).toMatchObject({ holder: '', costs: [1], want: 0 })
    await authority.last.reply({ available: 4 })
    expect(await waiting).toMatchObject({ allowed: true, remaining: 4 })
    await slow.reply({ available: 3 })
    expect(await leading).toMatchObject({ allowed: true, remaining: 3 })
    expect(authority.acquires).toHaveLength(2)
  })

  test('give up a request that died, and do not use what it brings after all', async () => {
    const { clock, authority, backend, locally } = setUp({ takeoverMs: 300 })
    void backend.check(check)
    const { last: dead } = authority
    clock.advance(1.199)
    const joined = backend.check(check)
    clock.advance(0.001)
    const next = backend.check(check)
    expect(authority.acquires).toHaveLength(2)
    await authority.last.reply()
    expect(await next).toMatchObject({ allowed: true })
    await dead.reply({ lease: 50 })
    expect(locally()).toBeUndefined()
    clock.advance(0.3)
    await settled()
    await authority.last.reply()
    expect(await joined).toMatchObject({ allowed: true })
  })

  test('ask for themselves when the shared request fails', async () => {
    const { authority, backend } = setUp()
    const results = [backend.check(check), backend.check(check), backend.check(check)]
    const failed = expect(results[0]).rejects.toThrow('too many subrequests')
    await authority.last.fail(new Error('too many subrequests'))
    await failed
    expect(authority.last.request.costs).toEqual([1, 1])
    await authority.last.fail(new Error('too many subrequests'))
    await expect(results[1]).rejects.toThrow('too many subrequests')
    expect(authority.last.request).toMatchObject({ costs: [1], want: 0 })
    await authority.last.reply()
    expect(await results[2]).toMatchObject({ allowed: true })
  })

  test('of other keys have requests of their own', () => {
    const { authority, backend } = setUp()
    void backend.check(check)
    void backend.check({ ...check, key: 'api:user-2', identifier: 'user-2' })
    expect(authority.acquires.map(({ shard }) => shard)).toEqual(['user-1', 'user-2'])
  })

  test('do not fail when fetching ahead does', async () => {
    const { authority, background, locally } = await setUpLease(8)
    for (let call = 0; call < 6; call++) locally()
    await authority.last.fail(new Error('unreachable'))
    await Promise.all(background)
    expect(locally()).toMatchObject({ allowed: true })
  })
})

describe('exact checks', () => {
  test('ask the authority although a lease is held, which they leave as it is', async () => {
    const { authority, backend, locally } = await setUpLease(10)
    const result = backend.check({ ...check, exact: true, cost: 2 })
    expect(authority.last.request).toMatchObject({
      holder: '',
      seq: 3,
      costs: [2],
      want: 0,
    })
    await authority.last.reply({ available: 40 })
    expect(await result).toMatchObject({
      allowed: true,
      remaining: 40,
      receipt: { id: 'isolate-1.3.0', cost: 2 },
    })
    expect(locally()).toMatchObject({ allowed: true, remaining: 49 })
  })
})

describe('receipts', () => {
  test('of local admissions are all different and name the time of the grant', async () => {
    const { clock, locally } = await setUpLease(3)
    clock.advance(1)
    const receipts = [1, 2, 3].map(() => locally()?.receipt)
    expect(receipts.map((receipt) => receipt?.id)).toEqual([
      'isolate-1.2.1',
      'isolate-1.2.2',
      'isolate-1.2.3',
    ])
    expect(receipts.every((receipt) => receipt?.admittedAtMs === startMs)).toBe(true)
  })

  test('are given back at the authority, after which nothing is denied unasked', async () => {
    const { authority, backend, locally } = setUp()
    const result = backend.check(check)
    await authority.last.reply({ verdicts: [false], retryAfterMs: 1000 })
    await result
    const receipt: RateLimitReceipt = { id: 'r', cost: 1, admittedAtMs: startMs }
    expect(await limiterOf(backend).refund('user-1', policy, { receipt })).toBe(true)
    expect(authority.changes).toEqual([{ type: 'refund', key: check.key, rule, receipt }])
    expect(locally()).toBeUndefined()
  })
})

describe('changes', () => {
  test.each(['reset', 'block', 'override'] as const)('by %s void what is held', async (type) => {
    const { authority, backend, locally } = await setUpLease(10)
    const limiter = limiterOf(backend)
    if (type === 'reset') await limiter.reset('user-1', 'api')
    if (type === 'block') await limiter.block('user-1', 'api', 5)
    if (type === 'override') await limiter.override('user-1', 'api', { limit: 5 })
    expect(authority.changes).toMatchObject([{ type, key: check.key }])
    expect(locally()).toBeUndefined()
  })

  test('void a lease that was under way', async () => {
    const { authority, backend, locally } = await setUpLease(1)
    locally()
    const before = backend.check(check)
    await limiterOf(backend).reset('user-1', 'api')
    await authority.last.reply({ lease: 10 })
    expect(await before).toMatchObject({ allowed: true })
    expect(locally()).toBeUndefined()
  })
})

test('several limits are checked at once by the authority of their identifier', async () => {
  const { authority, backend } = setUp()
  const daily = { ...policy, keyPrefix: 'daily' }
  const results = await limiterOf(backend).checkAll([
    { identifier: 'user-1', policy },
    { identifier: 'user-1', policy: daily, cost: 2 },
  ])
  expect(authority.checkAlls).toMatchObject([
    [
      { rule, cost: 1 },
      { rule, cost: 2 },
    ],
  ])
  expect(results).toMatchObject([
    { allowed: true, remaining: 7, receipt: { cost: 1 } },
    { allowed: true, remaining: 7, receipt: { cost: 2 } },
  ])
  expect(await limiterOf(backend).checkAll([])).toEqual([])
})

test('limits of different authorities are not checked at once', async () => {
  const { backend } = setUp()
  await expect(
    limiterOf(backend).checkAll([
      { identifier: 'user-1', policy },
      { identifier: 'user-2', policy },
    ]),
  ).rejects.toThrow('the shard option must give all of them one shard')
})

test('the shard option names the authority', async () => {
  const { authority, backend } = setUp({ shard: ({ keyPrefix }) => `shard-${keyPrefix}` })
  void backend.check(check)
  expect(authority.last.shard).toBe('shard-api')
  expect(await limiterOf(backend).getStatus('user-1', policy)).toMatchObject({ used: 3 })
})

test('the safe share is what the authority said', async () => {
  const { backend } = await setUpLease(1)
  expect(backend.safeShare?.(check)).toBe(5)
  expect(backend.safeShare?.({ ...check, key: 'other' })).toBeUndefined()
})

test('a key in use is kept however many others are asked for', async () => {
  const { authority, backend, locally } = await setUpLease(200, { maxKeys: 8 })
  for (let other = 0; other < 100; other++) {
    expect(locally()).toMatchObject({ allowed: true })
    void backend.check({ ...check, key: `api:${other}` })
    await authority.last.reply()
  }
})

test('keys beyond maxKeys are forgotten', async () => {
  const { authority, backend, locally } = await setUpLease(50, { maxKeys: 8 })
  for (let other = 0; other < 8; other++) {
    void backend.check({ ...check, key: `api:${other}` })
    await authority.last.reply()
  }
  expect(locally()).toBeUndefined()
})

test('a missing binding is refused at once', () => {
  const missing = undefined as unknown as AuthorityNamespace
  expect(() => leaseBackend(missing)).toThrow(
    new TypeError(
      'Cannot create lease backend: namespace must be a Durable Object binding, received undefined',
    ),
  )
})

test('two isolates have different names, drawn with their first request', async () => {
  const random = vi.spyOn(crypto, 'randomUUID')
  const authority = new ScriptedAuthority(Date.now)
  const backends = [leaseBackend(authority), leaseBackend(authority)]
  expect(random).not.toHaveBeenCalled()
  for (const backend of backends) void backend.check(check)
  await settled()
  expect(new Set(authority.acquires.map(({ request }) => request.holder)).size).toBe(2)
  random.mockRestore()
})
