import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis/cloudflare'
import type { CreateCheck } from './create-check.ts'

export const createCheck: CreateCheck = (env) => {
  const redis = Redis.fromEnv(env)
  const limiter = new Ratelimit({ redis, limiter: Ratelimit.fixedWindow(100, '60 s') })
  return async (identifier) => (await limiter.limit(identifier)).success
}
