import { problemResponse } from '../../shared/problem-response.ts'
import {
  isViolated,
  rateLimitHeaders,
  type RateLimitHeadersOptions,
  type RateLimitOutcome,
  toOutcomes,
  toPolicyName,
} from './rate-limit-headers.ts'

export interface TooManyRequestsOptions extends RateLimitHeadersOptions {
  /** What a person may read about it, in the body. Default: none. */
  readonly detail?: string
}

const problemTypes = 'https://iana.org/assignments/http-problem-types#'

/**
 * The response for a denied request, with the fields of {@link rateLimitHeaders}, `Cache-Control: no-store` and a body of
 * `application/problem+json` that names the policies which denied:
 *
 * - 429 of type `quota-exceeded` where a limit or a block denied;
 * - 503 of type `temporary-reduced-capacity` where nothing did but the outage policy: the client has done nothing wrong.
 *
 * Policies are named by their `keyPrefix`; the identifier is in neither the headers nor the body.
 *
 * @throws {TypeError} When no result is denied.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 *
 * @example
 * ```ts
 * import { RateLimiterClient, rateLimitPolicies, tooManyRequests } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const policy = rateLimitPolicies.login
 * const result = await limiter.checkLimit('user-1', policy)
 * if (!result.allowed) throw tooManyRequests({ result, policy }, { detail: 'Too many attempts to sign in' })
 * ```
 */
export function tooManyRequests(
  outcomes: RateLimitOutcome | readonly RateLimitOutcome[],
  { detail, ...options }: TooManyRequestsOptions = {},
): Response {
  const violated = toOutcomes(outcomes).filter(isViolated)
  if (violated.length === 0) {
    throw new TypeError('Cannot answer too many requests: a result must be denied, received none')
  }
  const isOutage = violated.every(({ result }) => result.reason === 'unavailable')
  const problem = isOutage
    ? {
        type: `${problemTypes}temporary-reduced-capacity`,
        title: 'Request cannot be satisfied due to temporary server capacity constraints',
        status: 503,
      }
    : {
        type: `${problemTypes}quota-exceeded`,
        title: 'Request cannot be satisfied as assigned quota has been exceeded',
        status: 429,
      }
  const names = new Set(violated.map(toPolicyName))
  return problemResponse(
    { ...problem, ...(detail === undefined ? {} : { detail }), 'violated-policies': [...names] },
    rateLimitHeaders(outcomes, options),
  )
}
