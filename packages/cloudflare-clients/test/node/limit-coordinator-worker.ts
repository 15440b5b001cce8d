import { env } from 'cloudflare:workers'
import type { LimitAuthorityCalls } from '../../src/lib/rate-limiter/authority-protocol.ts'

export { RateLimiterObject } from '../../src/durable-objects.ts'

/** One call of an authority, as a caller in another process sends it. */
export interface AuthorityCall {
  readonly name: string
  readonly method: keyof LimitAuthorityCalls
  readonly args: readonly unknown[]
  /** How long the answer is held back. */
  readonly delayMs: number
}

type Calls = Record<keyof LimitAuthorityCalls, (...args: readonly unknown[]) => Promise<unknown>>

/** Gives callers in other processes the authorities over HTTP. */
export default {
  async fetch(request) {
    const { name, method, args, delayMs } = await request.json<AuthorityCall>()
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    const authority = env.RATE_LIMITER.getByName(name) as unknown as Calls
    return Response.json(await authority[method](...args))
  },
} satisfies ExportedHandler
