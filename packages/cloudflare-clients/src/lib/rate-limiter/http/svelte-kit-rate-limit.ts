import { createRequestGate, type RequestLimitOptions } from './request-gate.ts'

/** What is used of SvelteKit's `RequestEvent`. */
export interface SvelteKitEvent {
  readonly request: Request
  /** Whether SvelteKit calls itself while it answers another request. */
  readonly isSubRequest?: boolean
}

export interface SvelteKitRateLimitOptions<
  Event extends SvelteKitEvent,
> extends RequestLimitOptions<[event: Event]> {
  /**
   * What becomes of the calls to its own endpoints that SvelteKit makes while it renders a page. `skip`: they are part of
   * the page's request, which was limited, and have no client's address. `limit`: they are limited like others.
   * Default `skip`.
   */
  readonly subRequests?: 'skip' | 'limit'
}

/**
 * A SvelteKit `handle` that limits requests: the only one, or one of a `sequence`. See `withRateLimit` for what a response
 * gets and what is refused. A denied request reaches no route.
 *
 * While pages are prerendered there is no client: give no policies where `building` of `$app/environment` is true.
 *
 * @throws {TypeError} When `limiter` is none or the list of policies is empty.
 *
 * @example
 * ```ts
 * import { clientIp, RateLimiterClient, rateLimitPolicies, svelteKitRateLimit } from '@codex/cloudflare-clients/rate-limiter'
 * import type { Handle } from '@sveltejs/kit'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * export const handle: Handle = svelteKitRateLimit({
 *   limiter,
 *   identify: (request, event) => clientIp(request, { socketAddress: () => event.getClientAddress() }),
 *   policies: (request) => (request.method === 'POST' ? rateLimitPolicies.upload : []),
 * })
 * ```
 */
export function svelteKitRateLimit<Event extends SvelteKitEvent>(
  options: SvelteKitRateLimitOptions<Event>,
): (input: {
  readonly event: Event
  readonly resolve: (event: Event) => Response | Promise<Response>
}) => Promise<Response> {
  const gate = createRequestGate(options)
  return async ({ event, resolve }) => {
    if (event.isSubRequest === true && options.subRequests !== 'limit') return resolve(event)
    const decision = await gate(event.request, event)
    if (decision.response !== null) return decision.response
    return decision.finish(await resolve(event))
  }
}
