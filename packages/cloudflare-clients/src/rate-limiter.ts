export { rateLimitPolicies, type RateLimitPolicy } from './lib/rate-limiter/policies.ts'
export {
  RateLimiterClient,
  type RateLimiterClientOptions,
  type RateLimitResult,
} from './lib/rate-limiter/rate-limiter-client.ts'
