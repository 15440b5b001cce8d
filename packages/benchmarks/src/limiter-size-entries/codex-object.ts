import { durableObjectBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import type { CreateCheck } from './create-check.ts'

export const createCheck: CreateCheck = ({ RATE_LIMITER }) => {
  const limiter = new RateLimiterClient(durableObjectBackend(RATE_LIMITER))
  const policy = { limit: 100, window: 60, keyPrefix: 'api' }
  return async (identifier) => (await limiter.checkLimit(identifier, policy)).allowed
}
