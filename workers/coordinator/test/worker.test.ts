import { env, exports } from 'cloudflare:workers'
import { durableObjectBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { expect, it } from 'vitest'

it('decides limits for whoever is bound to it', async () => {
  const policy = { limit: 3, window: 60, keyPrefix: 'test' }
  const limiters = [1, 2].map(() => new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER)))
  const results = await Promise.all(
    limiters.flatMap((limiter) => [1, 2, 3].map(() => limiter.checkLimit('user-1', policy))),
  )
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(3)
})

it('answers nothing over HTTP', async () => {
  const response = await exports.default.fetch('https://coordinator.example/')
  expect(response.status).toBe(404)
})
