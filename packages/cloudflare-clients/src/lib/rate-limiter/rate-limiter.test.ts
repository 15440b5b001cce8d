import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { ClientEvent } from '../shared/client-event.ts'
import { memoryBackend } from './memory-backend.ts'
import { nativeBackend } from './native-backend.ts'
import type { RateLimitPolicy, UnavailablePolicy } from './policies.ts'
import type { RateLimitBackend, RateLimitResult } from './rate-limit-backend.ts'
import { RateLimiterClient, type RateLimiterClientOptions } from './rate-limiter-client.ts'
import { RateLimiter } from './rate-limiter.ts'
import { withBouncer } from './with-bouncer.ts'

const startMs = 1_800_000_000_000
const policy = { limit: 10, window: 60, keyPrefix: 'test' } as const satisfies RateLimitPolicy

/** A backend outside of the isolate, which a test takes away. */
function createRemote(clock: ManualClock) {
  // What is decided in the isolate needs no backend, and never sees it away.
  const { checkLocally: _, ...inner } = memoryBackend({ now: clock.now })
  const control = { mode: 'up' as 'up' | 'unreachable' | 'slow' | 'overloaded', asked: 0 }
  const backend: RateLimitBackend = {
    ...inner,
    name: 'remote',
    isRemote: true,
    check(check) {
      control.asked++
      if (control.mode === 'slow') return new Promise(() => undefined)
      if (control.mode === 'unreachable')
        return Promise.reject(new Error('Network connection lost'))
      if (control.mode === 'overloaded') {
        const error = Object.assign(new Error('Durable Object is overloaded'), { overloaded: true })
        return Promise.reject(error)
      }
      return inner.check(check)
    },
  }
  return { backend, control }
}

function setUp(options: RateLimiterClientOptions = {}) {
  const clock = new ManualClock(startMs)
  const { backend, control } = createRemote(clock)
  const events: ClientEvent[] = []
  const limiter = new RateLimiterClient<RateLimitResult>(backend, {
    now: clock.now,
    timers: clock,
    random: () => 0,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const check = async (checked: RateLimitPolicy = policy): Promise<RateLimitResult> => {
    const checking = limiter.checkLimit('id', checked)
    // Lets the call begin, so that its timer is there.
    await Promise.resolve()
    if (control.mode === 'slow') clock.advance(0.5)
    return checking
  }
  return { backend, check, clock, control, events, limiter }
}

describe('an outage', () => {
  const outages = ['unreachable', 'slow', 'overloaded'] as const
  const answers: Record<UnavailablePolicy, boolean[]> = {
    open: [true, true, true],
    closed: [false, false, false],
    // A tenth of the limit.
    local: [true, false, false],
  }

  test.for(
    outages.flatMap((mode) => Object.entries(answers).map((row) => [mode, ...row] as const)),
  )(
    '%s is answered %s, by the limiter and by the policy',
    async ([mode, onUnavailable, expected]) => {
      const chosen = onUnavailable as UnavailablePolicy
      for (const by of ['limiter', 'policy'] as const) {
        const opposite = chosen === 'open' ? 'closed' : 'open'
        const { check, control, events } = setUp({
          onUnavailable: by === 'limiter' ? chosen : opposite,
        })
        control.mode = mode
        const checked = by === 'limiter' ? policy : { ...policy, onUnavailable: chosen }
        const results = [await check(checked), await check(checked), await check(checked)]
        expect(results.map(({ allowed }) => allowed)).toEqual(expected)
        for (const result of results) {
          expect(result).toMatchObject({ exact: false, reason: 'unavailable', limit: 10 })
          expect(result).not.toHaveProperty('remaining')
          expect(result).not.toHaveProperty('resetAt')
        }
        expect(events).toHaveLength(3)
      }
    },
  )

  test('is answered by another backend where one is given, and is closed where that fails too', async () => {
    const clock = new ManualClock(startMs)
    const insurance = memoryBackend({ now: clock.now })
    const { check, control } = setUp({ onUnavailable: insurance })
    control.mode = 'unreachable'
    expect(await check()).toMatchObject({ allowed: true, remaining: 9, reason: 'unavailable' })
    const broken: RateLimitBackend = {
      name: 'broken',
      isRemote: false,
      check: () => Promise.reject(new Error('broken')),
    }
    const second = setUp({ onUnavailable: broken })
    second.control.mode = 'unreachable'
    expect(await second.check()).toMatchObject({ allowed: false, reason: 'unavailable' })
  })

  test('spares the backend after three failures, says when it is asked again, and then probes it once', async () => {
    const { check, clock, control, events } = setUp({ onUnavailable: 'closed' })
    control.mode = 'unreachable'
    for (let i = 0; i < 5; i++) await check()
    expect(control.asked).toBe(3)
    expect(events).toHaveLength(3)
    expect(await check()).toMatchObject({ allowed: false, retryAfterMs: 5000 })
    clock.advance(4.999)
    await check()
    expect(control.asked).toBe(3)
    clock.advance(0.001)
    await check()
    await check()
    expect(control.asked).toBe(4)
    control.mode = 'up'
    clock.advance(5)
    expect(await check()).toMatchObject({ allowed: true, reason: 'within_limit', exact: true })
    expect(await check()).toMatchObject({ allowed: true, reason: 'within_limit' })
  })

  test('is none when the caller made a mistake', async () => {
    const { control, limiter } = setUp()
    for (let i = 0; i < 5; i++) {
      await expect(limiter.checkLimit('id', { ...policy, limit: 0 })).rejects.toThrow(RangeError)
    }
    expect(control.asked).toBe(0)
    expect(await limiter.checkLimit('id', policy)).toMatchObject({ reason: 'within_limit' })
  })
})

describe('a call', () => {
  test('of a cost is admitted whole or not at all, and a denied one consumes nothing', async () => {
    const { limiter } = setUp()
    expect(await limiter.checkLimit('id', policy, { cost: 7 })).toMatchObject({ allowed: true })
    expect(await limiter.checkLimit('id', policy, { cost: 4 })).toMatchObject({ allowed: false })
    expect(await limiter.checkLimit('id', policy, { cost: 3 })).toMatchObject({ allowed: true })
  })

  test.for([0, -1, 1.5, Number.NaN])('of cost %s is refused', async (cost) => {
    const { limiter } = setUp()
    await expect(limiter.checkLimit('id', policy, { cost })).rejects.toThrow(
      'cost must be a whole number of at least 1',
    )
  })

  test('under a shadow policy is counted, told, and admitted', async () => {
    const told: RateLimitResult[] = []
    const { limiter } = setUp({ onDecision: (result) => told.push(result) })
    const shadow = { ...policy, limit: 1, shadow: true }
    expect(await limiter.checkLimit('id', shadow)).not.toHaveProperty('shadowed')
    expect(await limiter.checkLimit('id', shadow)).toMatchObject({
      allowed: true,
      shadowed: true,
      reason: 'over_limit',
    })
    expect(told).toHaveLength(2)
  })

  test('that is refunded can be made again, once', async () => {
    const { limiter } = setUp()
    const one = { ...policy, limit: 1 }
    const result = await limiter.checkLimit('id', one)
    expect(await limiter.refund('id', one, result)).toBe(true)
    expect(await limiter.refund('id', one, result)).toBe(false)
    expect((await limiter.checkLimit('id', one)).allowed).toBe(true)
    expect((await limiter.checkLimit('id', one)).allowed).toBe(false)
  })
})

describe('a reservation', () => {
  test('gives back what was not used', async () => {
    const { limiter } = setUp()
    const reserved = await limiter.reserve('id', policy, 10)
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(false)
    await reserved.commit(4)
    expect((await limiter.getStatus('id', policy)).used).toBe(4)
    await reserved.cancel()
    expect((await limiter.getStatus('id', policy)).used).toBe(4)
  })

  test('that is cancelled costs nothing, and cannot cost more than it reserved', async () => {
    const { limiter } = setUp()
    const reserved = await limiter.reserve('id', policy, 5)
    await expect(reserved.commit(6)).rejects.toThrow(RangeError)
    await reserved.cancel()
    expect((await limiter.getStatus('id', policy)).used).toBe(0)
  })
})

describe('an identifier', () => {
  test('can be blocked, and let in again', async () => {
    const { clock, limiter } = setUp()
    await limiter.block('id', 'test', 30)
    expect(await limiter.checkLimit('id', policy)).toMatchObject({
      allowed: false,
      reason: 'blocked',
      retryAfterMs: 30_000,
    })
    expect((await limiter.checkLimit('other', policy)).allowed).toBe(true)
    clock.advance(30)
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
    await limiter.block('id', 'test', 30)
    await limiter.block('id', 'test', 0)
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
  })

  test('can be given a limit of its own, and be reset', async () => {
    const { limiter } = setUp()
    await limiter.override('id', 'test', { limit: 1 })
    expect(await limiter.checkLimit('id', policy)).toMatchObject({ allowed: true, limit: 1 })
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(false)
    await limiter.reset('id', 'test')
    expect((await limiter.checkLimit('id', policy)).allowed).toBe(true)
    await limiter.override('id', 'test', null)
    expect(await limiter.checkLimit('id', policy)).toMatchObject({ allowed: true, limit: 10 })
  })

  test('never shares a count with another pair of prefix and identifier', async () => {
    const { limiter } = setUp()
    const once = (identifier: string, keyPrefix: string) =>
      limiter.checkLimit(identifier, { limit: 1, window: 60, keyPrefix })
    expect((await once('b:c', 'a')).allowed).toBe(true)
    expect((await once('c', 'a:b')).allowed).toBe(true)
    expect((await once(':c', 'a:b')).allowed).toBe(true)
  })
})

describe('several limits', () => {
  test('are all counted, or none', async () => {
    const { limiter } = setUp()
    const narrow = { ...policy, limit: 1, keyPrefix: 'narrow' }
    const both = [
      { identifier: 'id', policy },
      { identifier: 'id', policy: narrow },
    ]
    expect((await limiter.checkAll(both)).map(({ allowed }) => allowed)).toEqual([true, true])
    expect((await limiter.checkAll(both)).map(({ allowed }) => allowed)).toEqual([false, false])
    expect((await limiter.getStatus('id', policy)).used).toBe(1)
  })
})

describe('waiting', () => {
  test('ends when the call is admitted', async () => {
    const { clock, limiter } = setUp()
    await limiter.checkLimit('id', policy, { cost: 10 })
    const waiting = limiter.waitUntilAllowed('id', policy, { timeoutMs: 70_000 })
    await new Promise((resolve) => setTimeout(resolve))
    clock.advance(60)
    expect(await waiting).toMatchObject({ allowed: true, remaining: 9 })
  })

  test('does not begin where the time is too short', async () => {
    const { limiter } = setUp()
    await limiter.checkLimit('id', policy, { cost: 10 })
    expect(await limiter.waitUntilAllowed('id', policy, { timeoutMs: 1000 })).toMatchObject({
      allowed: false,
      reason: 'over_limit',
    })
  })

  test('ends when the caller aborts', async () => {
    const { limiter } = setUp()
    await limiter.checkLimit('id', policy, { cost: 10 })
    const abort = new AbortController()
    const options = { signal: abort.signal, timeoutMs: 70_000 }
    const waiting = limiter.waitUntilAllowed('id', policy, options)
    await new Promise((resolve) => setTimeout(resolve))
    abort.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
  })
})

test('what a backend cannot do is refused by name', async () => {
  const limiter = new RateLimiterClient(env.KV)
  await expect(limiter.block('id', policy.keyPrefix, 60)).rejects.toThrow(
    'Cannot call block: the backend must be one that can, received KV',
  )
})

test('a limiter without a backend is refused', () => {
  expect(() => new RateLimiter(undefined as unknown as RateLimitBackend)).toThrow(
    'backend must have check(), received undefined',
  )
})

describe('the native backend', () => {
  const native = { limit: 5, periodSeconds: 10 } as const
  const five = { limit: 5, window: 10, keyPrefix: 'native' }

  test('denies what is over the limit of the binding, and knows no remainder', async () => {
    const limiter = new RateLimiterClient<RateLimitResult>(nativeBackend(env.NATIVE_LIMIT, native))
    const identifier = crypto.randomUUID()
    const results: RateLimitResult[] = []
    // Windows are the clock's: of twelve calls, six fall into one of two windows at least.
    for (let i = 0; i < 12; i++) results.push(await limiter.checkLimit(identifier, five))
    expect(results[0]).toMatchObject({ allowed: true, exact: false })
    expect(results[0]).not.toHaveProperty('remaining')
    expect(results.at(-1)).toMatchObject({ allowed: false, reason: 'over_limit' })
    expect(results.at(-1)?.retryAfterMs).toBeLessThanOrEqual(10_000)
  })

  test('refuses a policy that is not the binding’s, and a cost', async () => {
    const limiter = new RateLimiterClient<RateLimitResult>(nativeBackend(env.NATIVE_LIMIT, native))
    await expect(limiter.checkLimit('id', policy)).rejects.toThrow(RangeError)
    await expect(limiter.checkLimit('id', five, { cost: 2 })).rejects.toThrow('cost must be 1')
  })

  test('in front of another keeps floods away from it', async () => {
    const { backend, control } = setUp()
    const limiter = new RateLimiterClient<RateLimitResult>(
      withBouncer(backend, { bouncer: env.NATIVE_LIMIT, retryAfterMs: 10_000 }),
    )
    const identifier = crypto.randomUUID()
    for (let i = 0; i < 30; i++) await limiter.checkLimit(identifier, { ...policy, limit: 100 })
    expect(control.asked).toBeGreaterThanOrEqual(5)
    expect(control.asked).toBeLessThanOrEqual(10)
  })
})
