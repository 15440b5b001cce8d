import {
  type AuthorityNamespace,
  durableObjectBackend,
  leaseBackend,
  RateLimiterClient,
  type RateLimitResult,
} from '@codex/cloudflare-clients/rate-limiter'
import { env, waitUntil } from 'cloudflare:workers'
import { createGrantingNamespace } from '../limiters/granting-namespace.ts'

export { RateLimiterObject } from '@codex/cloudflare-clients/durable-objects'

const policy = { limit: 1_000_000_000, window: 3600, keyPrefix: 'api' }
const identifiers = Array.from({ length: 20 }, (_, index) => `client-${index}`)
const { RATE_LIMITER: namespace } = env as unknown as { readonly RATE_LIMITER: AuthorityNamespace }
const options = { onEvent: () => undefined }
const limiters: Readonly<Record<string, RateLimiterClient<RateLimitResult>>> = {
  lease: new RateLimiterClient(leaseBackend(createGrantingNamespace(), { waitUntil }), options),
  object: new RateLimiterClient(durableObjectBackend(namespace), options),
}

/** `GET /{lease|object}/{calls}` admits so many calls, one after the other, and answers with how many were. */
export default {
  async fetch(request) {
    const [side = '', calls = ''] = new URL(request.url).pathname.slice(1).split('/')
    const limiter = limiters[side]
    if (!limiter) return new Response('No such side', { status: 404 })
    let admitted = 0
    for (let call = 0; call < Number(calls); call++) {
      const identifier = identifiers[call % identifiers.length] ?? ''
      if ((await limiter.checkLimit(identifier, policy)).allowed) admitted++
    }
    return Response.json(admitted)
  },
} satisfies ExportedHandler
