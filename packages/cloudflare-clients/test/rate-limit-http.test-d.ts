import type { Handle, RequestEvent } from '@sveltejs/kit'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { expectTypeOf } from 'vitest'
import {
  clientIp,
  honoRateLimit,
  type IdentifierResult,
  RateLimiterClient,
  rateLimitHeaders,
  rateLimitPolicies,
  type RequestLimiter,
  svelteKitRateLimit,
  withRateLimit,
} from '../src/rate-limiter.ts'

// The middlewares know no framework. That they fit into each is held here, by `pnpm typecheck`.

declare const limiter: RequestLimiter
declare const kv: KVNamespace
const policies = rateLimitPolicies.api

const handle: Handle = svelteKitRateLimit({
  limiter,
  identify: (request, event) => {
    expectTypeOf(event).toEqualTypeOf<RequestEvent>()
    return clientIp(request, { socketAddress: () => event.getClientAddress() })
  },
  policies: (_request, event) => (event.url.pathname === '/' ? [] : policies),
})
expectTypeOf(handle).toExtend<Handle>()

interface Env {
  Bindings: { readonly RATE_LIMIT_KV: KVNamespace }
}
const app = new Hono<Env>()
app.use(
  honoRateLimit({
    limiter: (context: Context<Env>) => new RateLimiterClient(context.env.RATE_LIMIT_KV),
    identify: (request) => clientIp(request),
    policies,
  }),
)
const middleware: MiddlewareHandler<Env> = honoRateLimit({
  limiter: (context) => {
    expectTypeOf(context.env.RATE_LIMIT_KV).toEqualTypeOf<KVNamespace>()
    return limiter
  },
  identify: (request) => clientIp(request),
  policies,
})
expectTypeOf(middleware).toExtend<MiddlewareHandler<Env>>()

export default {
  fetch: withRateLimit(
    (_request, env, context) => {
      context.waitUntil(Promise.resolve())
      return new Response(typeof env.RATE_LIMIT_KV)
    },
    {
      limiter: (env) => new RateLimiterClient(env.RATE_LIMIT_KV),
      identify: (request) => clientIp(request),
      policies,
    },
  ),
} satisfies ExportedHandler<Env['Bindings']>

// A limiter's own results are what the headers take.
const result = await new RateLimiterClient(kv).checkLimit('user-1', policies)
expectTypeOf(rateLimitHeaders({ result, policy: policies })).toExtend<HeadersInit>()

withRateLimit(() => new Response(), {
  limiter,
  // @ts-expect-error: nobody in particular is `null`, and `undefined` may be an oversight
  identify: () => undefined,
  policies,
})
declare const client: IdentifierResult
// @ts-expect-error: a refusal has no identifier
expectTypeOf(client.identifier).toBeString()
