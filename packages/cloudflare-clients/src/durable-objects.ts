export { RateLimiterObject } from './lib/rate-limiter/rate-limiter-object.ts'
