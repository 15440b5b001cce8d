export { rateLimitPolicies, type RateLimitPolicy } from './lib/rate-limiter/policies.ts'
export { type RateLimitAlgorithm, type UnavailablePolicy } from './lib/rate-limiter/policies.ts'
export type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitChange,
  LimitName,
  LimitRule,
  LimitSubject,
  RateLimitBackend,
  RateLimitReason,
  RateLimitReceipt,
  RateLimitResult,
  RateLimitStatus,
} from './lib/rate-limiter/rate-limit-backend.ts'
export type { AuthorityNamespace } from './lib/rate-limiter/authority-protocol.ts'
export {
  type CheckLimitOptions,
  RateLimiter,
  type RateLimiterOptions,
} from './lib/rate-limiter/rate-limiter.ts'
export {
  type LimitCheck,
  RateLimiterClient,
  type RateLimiterClientOptions,
  type RateLimitReservation,
  type WaitUntilAllowedOptions,
} from './lib/rate-limiter/rate-limiter-client.ts'
export {
  durableObjectBackend,
  type DurableObjectBackendOptions,
} from './lib/rate-limiter/durable-object-backend.ts'
export {
  memoryBackend,
  type MemoryBackend,
  type MemoryBackendOptions,
} from './lib/rate-limiter/memory-backend.ts'
export { kvBackend, type KVBackendOptions } from './lib/rate-limiter/kv-backend.ts'
export { leaseBackend, type LeaseBackendOptions } from './lib/rate-limiter/lease-backend.ts'
export {
  nativeBackend,
  type NativeBackendOptions,
  type NativeRateLimit,
} from './lib/rate-limiter/native-backend.ts'
export { withBouncer } from './lib/rate-limiter/with-bouncer.ts'
export { honoRateLimit, type HonoContext } from './lib/rate-limiter/http/hono-rate-limit.ts'
export {
  rateLimitHeaders,
  type RateLimitHeadersOptions,
  type RateLimitOutcome,
  type ReportedResult,
} from './lib/rate-limiter/http/rate-limit-headers.ts'
export type { RequestLimiter, RequestLimitOptions } from './lib/rate-limiter/http/request-gate.ts'
export {
  type SvelteKitEvent,
  svelteKitRateLimit,
  type SvelteKitRateLimitOptions,
} from './lib/rate-limiter/http/svelte-kit-rate-limit.ts'
export {
  tooManyRequests,
  type TooManyRequestsOptions,
} from './lib/rate-limiter/http/too-many-requests.ts'
export { withRateLimit } from './lib/rate-limiter/http/with-rate-limit.ts'
export {
  clientIp,
  type ClientIpOptions,
  type RequestWithHeaders,
} from './lib/rate-limiter/identifiers/client-ip.ts'
export { compoundIdentifier } from './lib/rate-limiter/identifiers/compound-identifier.ts'
export {
  createIdentifierHasher,
  type IdentifierHasher,
  type IdentifierHasherOptions,
} from './lib/rate-limiter/identifiers/identifier-hasher.ts'
export {
  IdentifierRefusedError,
  type IdentifierRefusal,
  type IdentifierResult,
  requireIdentifier,
  sharedIdentifier,
} from './lib/rate-limiter/identifiers/identifier-result.ts'
export {
  ipIdentifier,
  type IpIdentifierOptions,
} from './lib/rate-limiter/identifiers/ip-identifier.ts'
