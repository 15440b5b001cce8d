export { CoordinationObject } from './lib/coordination/coordination-object.ts'
export { RateLimiterObject } from './lib/rate-limiter/rate-limiter-object.ts'
