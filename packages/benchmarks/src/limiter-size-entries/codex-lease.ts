import { leaseBackend, RateLimiter } from '@codex/cloudflare-clients/rate-limiter'
import { waitUntil } from 'cloudflare:workers'
import type { CreateCheck } from './create-check.ts'

export const createCheck: CreateCheck = ({ RATE_LIMITER }) => {
  const limiter = new RateLimiter(leaseBackend(RATE_LIMITER, { waitUntil }))
  const policy = { limit: 100, window: 60, keyPrefix: 'api' }
  return async (identifier) => (await limiter.checkLimit(identifier, policy)).allowed
}
