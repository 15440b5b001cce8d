import { env, exports } from 'cloudflare:workers'
import { durableObjectBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { CoordinationClient } from '@codex/cloudflare-clients/coordination'
import { expect, it } from 'vitest'

it('decides limits for whoever is bound to it', async () => {
  const policy = { limit: 3, window: 60, keyPrefix: 'test' }
  const limiters = [1, 2].map(() => new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER)))
  const results = await Promise.all(
    limiters.flatMap((limiter) => [1, 2, 3].map(() => limiter.checkLimit('user-1', policy))),
  )
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(3)
})

it('keeps locks for whoever is bound to it', async () => {
  const clients = [1, 2].map(() => new CoordinationClient(env.COORDINATION))
  let inside = 0
  const most = await Promise.all(
    clients.map((client) =>
      client.withLock(
        'payout',
        async () => {
          inside++
          await Promise.resolve()
          return inside--
        },
        { ttlMs: 10_000, waitMs: 5000 },
      ),
    ),
  )
  expect(most).toEqual([1, 1])
})

it('answers nothing over HTTP', async () => {
  const response = await exports.default.fetch('https://coordinator.example/')
  expect(response.status).toBe(404)
})
