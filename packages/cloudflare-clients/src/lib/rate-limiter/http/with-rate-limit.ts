import { createRequestGate, type RequestLimitOptions } from './request-gate.ts'

/**
 * Limits the requests of a `fetch` handler. A denied request does not reach it.
 *
 * The response gets the fields of `rateLimitHeaders`, also where it is immutable, unless it carries such fields already; a
 * redirect gets `RateLimit-Policy` only. A request that nobody can be named for is refused, unless `onUnidentified` says
 * otherwise, and an error of `identify` or the limiter is thrown: nothing is admitted without a check by accident.
 *
 * @param handler Takes the request, and whatever else its caller passes: `env` and `ctx` in a Worker.
 * @throws {TypeError} When `limiter` is none or the list of policies is empty.
 *
 * @example
 * ```ts
 * import { clientIp, RateLimiterClient, rateLimitPolicies, withRateLimit } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * export default {
 *   fetch: withRateLimit(() => new Response('Hello'), {
 *     limiter,
 *     identify: (request) => clientIp(request),
 *     policies: rateLimitPolicies.api,
 *   }),
 * } satisfies ExportedHandler<Cloudflare.Env>
 * ```
 */
export function withRateLimit<Context extends readonly unknown[]>(
  handler: (request: Request, ...context: Context) => Response | Promise<Response>,
  options: RequestLimitOptions<Context>,
): (request: Request, ...context: Context) => Promise<Response> {
  const gate = createRequestGate(options)
  return async (request, ...context) => {
    const decision = await gate(request, ...context)
    if (decision.response !== null) return decision.response
    return decision.finish(await handler(request, ...context))
  }
}
