import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { CreateCheck } from './create-check.ts'

export const createCheck: CreateCheck = () => {
  const limiter = new RateLimiterMemory({ points: 100, duration: 60 })
  return (identifier) =>
    limiter.consume(identifier).then(
      () => true,
      () => false,
    )
}
