import { env, waitUntil } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import ownSource from './limiter-guide.test.ts?raw'
import { ManualClock } from './support/manual-clock.ts'
import { readLimiterGuide } from './support/provided.ts'

// The examples of docs/choosing-a-limiter.md, each as it stands there.

import {
  clientIp,
  createIdentifierHasher,
  durableObjectBackend,
  leaseBackend,
  memoryBackend,
  nativeBackend,
  type RateLimitBackend,
  RateLimiterClient,
  rateLimitPolicies,
  type RateLimitResult,
  sharedIdentifier,
  withBouncer,
  withRateLimit,
} from '@codex/cloudflare-clients/rate-limiter'

// A file's first call starts its objects, which takes a busy machine longer than the deadline of half a second that the examples have.
beforeAll(async () => {
  const limiter = new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }), {
    deadlineMs: 20_000,
  })
  await limiter.checkLimit('nobody', { limit: 1, window: 60, keyPrefix: 'warm-up' })
})

test('leased', async () => {
  const limiter = new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))
  const policy = { limit: 1000, window: 3600, keyPrefix: 'search' }

  const { allowed, exact, remaining } = await limiter.checkLimit('user-1', policy)
  expect({ allowed, exact, remaining }).toEqual({ allowed: true, exact: true, remaining: 999 })
})

test('one object for each check', async () => {
  const limiter = new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER))

  for (let attempt = 1; attempt <= 5; attempt++) {
    expect(await limiter.checkLimit('mara', rateLimitPolicies.login)).toMatchObject({
      allowed: true,
    })
  }
  const denied = await limiter.checkLimit('mara', rateLimitPolicies.login)
  expect(denied).toMatchObject({ allowed: false, reason: 'over_limit', remaining: 0 })
  expect(denied.retryAfterMs).toBeLessThanOrEqual(900_000)

  await limiter.reset('mara', 'login') // after she proved who she is
  expect(await limiter.checkLimit('mara', rateLimitPolicies.login)).toMatchObject({ allowed: true })
})

test('native', async () => {
  // "ratelimits": [{ "name": "NATIVE_LIMIT", "namespace_id": "1", "simple": { "limit": 5, "period": 10 } }]
  const backend = nativeBackend(env.NATIVE_LIMIT, { limit: 5, periodSeconds: 10 })
  const limiter = new RateLimiterClient(backend)

  const result = await limiter.checkLimit('user-1', { limit: 5, window: 10, keyPrefix: 'feed' })
  expect(result).toMatchObject({ allowed: true, exact: false })
  expect(result).not.toHaveProperty('remaining') // it does not say
})

test('native in front', async () => {
  const exact = leaseBackend(env.RATE_LIMITER, { waitUntil })
  const limiter = new RateLimiterClient(
    withBouncer(exact, { bouncer: env.NATIVE_LIMIT, retryAfterMs: 10_000 }),
  )

  const policy = { limit: 2, window: 10, keyPrefix: 'front' }
  const results = []
  for (let call = 0; call < 40; call++) results.push(await limiter.checkLimit('bot', policy))
  expect(results.filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(4) // two windows at most
})

test('KV', async () => {
  const limiter = new RateLimiterClient(env.KV, { waitUntil })

  const result = await limiter.checkLimit('user-1', {
    limit: 50,
    window: 3600,
    keyPrefix: 'export',
  })
  expect(result).toMatchObject({ allowed: true, remaining: 49, exact: false })
})

test('memory', async () => {
  const clock = new ManualClock(1_800_000_000_000)
  const limiter = new RateLimiterClient(memoryBackend({ now: clock.now }))
  const policy = { limit: 1, window: 60, keyPrefix: 'api' }

  expect(await limiter.checkLimit('user-1', policy)).toMatchObject({ allowed: true })
  expect(await limiter.checkLimit('user-1', policy)).toMatchObject({ allowed: false })
  clock.advance(60)
  expect(await limiter.checkLimit('user-1', policy)).toMatchObject({ allowed: true })
})

test('algorithms', async () => {
  const clock = new ManualClock(1_800_000_000_000)
  const limiter = new RateLimiterClient(memoryBackend({ now: clock.now }))
  const admit = async (policy: Parameters<typeof limiter.checkLimit>[1], calls: number) => {
    let admitted = 0
    for (let call = 0; call < calls; call++) {
      if ((await limiter.checkLimit('user-1', policy)).allowed) admitted++
    }
    return admitted
  }
  const fixed = { limit: 10, window: 60, keyPrefix: 'fixed' }
  const strict = { ...fixed, keyPrefix: 'strict', algorithm: 'strict-sliding-window' } as const
  const bucket = { ...fixed, keyPrefix: 'bucket', algorithm: 'token-bucket', burst: 3 } as const

  clock.advance(59)
  expect([await admit(fixed, 20), await admit(strict, 20), await admit(bucket, 20)]).toEqual([
    10, 10, 3,
  ])
  clock.advance(2) // a new window of the clock begins in between
  expect([await admit(fixed, 20), await admit(strict, 20), await admit(bucket, 20)]).toEqual([
    10, 0, 0,
  ])
  clock.advance(6)
  expect(await admit(bucket, 20)).toBe(1) // ten in a minute are one in six seconds
})

test('an outage', async () => {
  const away: RateLimitBackend = {
    name: 'away',
    isRemote: true,
    check: () => Promise.reject(new Error('Network connection lost')),
  }
  const insurance = memoryBackend()
  const limiter = new RateLimiterClient(away, {
    deadlineMs: 300, // slower than this is away, too
    onUnavailable: insurance, // or 'open', 'closed', 'local'
    onEvent: () => undefined,
  })

  const { api, login } = rateLimitPolicies // which say 'local' and 'closed'
  const { onUnavailable: _, ...plain } = api
  expect(await limiter.checkLimit('user-1', plain)).toMatchObject({
    allowed: true, // by the insurance
    exact: false,
    reason: 'unavailable',
  })
  expect(await limiter.checkLimit('user-1', api)).toMatchObject({ allowed: true })
  expect(await limiter.checkLimit('user-1', login)).toMatchObject({ allowed: false })
})

test('several limits at once', async () => {
  const limiter = new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))
  const minute = { limit: 20, window: 60, keyPrefix: 'mail-minute' }
  const day = { limit: 100, window: 86_400, keyPrefix: 'mail-day' }

  const [ofMinute, ofDay] = await limiter.checkAll([
    { identifier: 'user-2', policy: minute, cost: 15 },
    { identifier: 'user-2', policy: day, cost: 15 },
  ])
  expect([ofMinute?.remaining, ofDay?.remaining]).toEqual([5, 85])
  const [again] = await limiter.checkAll([
    { identifier: 'user-2', policy: minute, cost: 15 },
    { identifier: 'user-2', policy: day, cost: 15 },
  ])
  expect(again?.allowed).toBe(false)
  expect(await limiter.getStatus('user-2', day)).toMatchObject({ used: 15 }) // none of it counted
})

test('metered work', async () => {
  const limiter = new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER))
  const tokens = { limit: 10_000, window: 3600, keyPrefix: 'llm-tokens' }

  const reservation = await limiter.reserve('user-3', tokens, 4000) // what it may cost at most
  if (!reservation.allowed) throw new Error('Over the limit')
  await reservation.commit(1200) // what it did cost; `cancel()` where it failed
  expect(await limiter.getStatus('user-3', tokens)).toMatchObject({ used: 1200 })
})

test('waiting', async () => {
  const limiter = new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER))
  const slow = {
    limit: 20,
    window: 1,
    keyPrefix: 'partner',
    algorithm: 'token-bucket',
    burst: 1,
  } as const

  const results: RateLimitResult[] = []
  for (let call = 0; call < 3; call++) {
    results.push(await limiter.waitUntilAllowed('partner-api', slow, { timeoutMs: 5000 }))
  }
  expect(results.every(({ allowed }) => allowed)).toBe(true) // one in every 50 ms
})

test('a shadow', async () => {
  const limiter = new RateLimiterClient(memoryBackend(), {
    onDecision: ({ policy, shadowed }) => {
      if (shadowed) wouldBeDenied.push(policy) // or a data point for Analytics Engine
    },
  })
  const wouldBeDenied: string[] = []
  const planned = { limit: 1, window: 60, keyPrefix: 'planned', shadow: true }

  await limiter.checkLimit('user-1', planned)
  expect(await limiter.checkLimit('user-1', planned)).toMatchObject({
    allowed: true,
    shadowed: true,
  })
  expect(wouldBeDenied).toEqual(['planned'])
})

test('by hand', async () => {
  const limiter = new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))
  const { api } = rateLimitPolicies

  await limiter.block('spammer', 'api', 3600)
  expect(await limiter.checkLimit('spammer', api)).toMatchObject({
    allowed: false,
    reason: 'blocked',
  })
  await limiter.override('partner', 'api', { limit: 5000, ttlSeconds: 86_400 })
  expect(await limiter.getStatus('partner', api)).toMatchObject({ limit: 5000, used: 0 })
  await limiter.block('spammer', 'api', 0) // ends it
  await limiter.override('partner', 'api', null)
})

test('over HTTP', async () => {
  const limiter = new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))
  const addresses = createIdentifierHasher({ secret: env.ADDRESS_SECRET, prefix: 'ip' })
  const handle = withRateLimit(() => new Response('Hello'), {
    limiter,
    identify: (request) => addresses.hash(sharedIdentifier(clientIp(request))), // no address is stored
    policies: { limit: 2, window: 3600, keyPrefix: 'hello' },
  })

  const request = new Request('https://example.com/', {
    headers: { 'CF-Connecting-IP': '2001:db8::1' }, // counted with all of its /64
  })
  const first = await handle(request)
  expect(first.headers.get('RateLimit-Policy')).toBe('"hello";q=2;w=3600')
  await handle(request)
  const refused = await handle(request)
  expect(refused.status).toBe(429)
  expect(refused.headers.get('Content-Type')).toBe('application/problem+json')
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
})

test('the guide has these examples and no others', () => {
  const fences = [...readLimiterGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) =>
    code.trim(),
  )
  expect(fences.length).toBeGreaterThan(10)
  for (const code of fences) expect(ownSource).toContain(code)
})
