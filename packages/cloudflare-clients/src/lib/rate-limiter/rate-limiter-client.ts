import { assertKV } from '../kv/assert-kv.ts'
import { kvBackend, type KVBackendOptions } from './kv-backend.ts'
import type {
  CountedRateLimitResult,
  RateLimitBackend,
  RateLimitResult,
} from './rate-limit-backend.ts'
import { RateLimiter, type RateLimiterOptions } from './rate-limiter.ts'

/** Those of the limiter, and those of KV where it is given a namespace. */
export interface RateLimiterClientOptions extends RateLimiterOptions, KVBackendOptions {}

/**
 * Limits calls, on KV or on any backend.
 *
 * - `new RateLimiterClient(env.RATE_LIMIT_KV)`: no authority to deploy, and **not exact**: see {@link kvBackend}.
 * - `new RateLimiterClient(leaseBackend(env.RATE_LIMITER, { waitUntil }))`: exact at almost no round trips.
 * - `new RateLimiterClient(durableObjectBackend(env.RATE_LIMITER))`: exact, one round trip for each call.
 * - `new RateLimiterClient(nativeBackend(env.API_LIMIT, …))`: free and fast, for each location by itself.
 *
 * @example
 * ```ts
 * import { RateLimiterClient, rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const { allowed, resetAt } = await limiter.checkLimit('user-1', rateLimitPolicies.login)
 * if (!allowed) {
 *   const retryAfterSeconds = Math.ceil((resetAt - Date.now()) / 1000)
 *   throw new Response('Too many attempts', { status: 429, headers: { 'Retry-After': `${retryAfterSeconds}` } })
 * }
 * ```
 */
export class RateLimiterClient<
  Result extends RateLimitResult = CountedRateLimitResult,
> extends RateLimiter<Result> {
  /**
   * @throws {TypeError} When it is given neither a namespace nor a backend, as where a binding is missing.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(
    kvOrBackend: KVNamespace | RateLimitBackend<Result>,
    options: RateLimiterClientOptions = {},
  ) {
    super(toBackend(kvOrBackend, options), options)
  }
}

function toBackend<Result extends RateLimitResult>(
  kvOrBackend: KVNamespace | RateLimitBackend<Result>,
  options: KVBackendOptions,
): RateLimitBackend<Result> {
  assertKV('create rate limiter', kvOrBackend)
  if ('check' in kvOrBackend) return kvOrBackend
  // A namespace is only taken where results are counted: KV's.
  return kvBackend(kvOrBackend, options) as unknown as RateLimitBackend<Result>
}
