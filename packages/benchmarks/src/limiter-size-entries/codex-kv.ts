import { RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { waitUntil } from 'cloudflare:workers'
import type { CreateCheck } from './create-check.ts'

export const createCheck: CreateCheck = ({ RATE_LIMIT_KV }) => {
  const limiter = new RateLimiterClient(RATE_LIMIT_KV, { waitUntil })
  const policy = { limit: 100, window: 60, keyPrefix: 'api' }
  return async (identifier) => (await limiter.checkLimit(identifier, policy)).allowed
}
