import { createRequestGate, type RequestLimitOptions } from './request-gate.ts'

/** What is used of Hono's `Context`. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  res: Response
}

/**
 * A Hono middleware that limits requests. See `withRateLimit` for what a response gets and what is refused. A denied
 * request reaches no handler after it.
 *
 * @throws {TypeError} When `limiter` is none or the list of policies is empty.
 *
 * @example
 * ```ts
 * import { clientIp, honoRateLimit, RateLimiterClient, rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
 * import { Hono } from 'hono'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const app = new Hono()
 * app.use(
 *   '/api/*',
 *   honoRateLimit({
 *     limiter,
 *     identify: (request) => clientIp(request),
 *     policies: rateLimitPolicies.api,
 *   }),
 * )
 * ```
 */
export function honoRateLimit<Context extends HonoContext>(
  options: RequestLimitOptions<[context: Context]>,
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  const gate = createRequestGate(options)
  return async (context, next) => {
    const decision = await gate(context.req.raw, context)
    if (decision.response !== null) return decision.response
    await next()
    const response = decision.finish(context.res)
    if (response !== context.res) context.res = response
    return undefined
  }
}
