import { waitUntil } from 'cloudflare:workers'
import type { AuthorityNamespace } from '../../src/lib/rate-limiter/authority-protocol.ts'
import {
  durableObjectBackend,
  leaseBackend,
  type RateLimitBackend,
  RateLimiterClient,
  type RateLimitPolicy,
  type RateLimitResult,
} from '../../src/rate-limiter.ts'
import type { AuthorityCall } from './limit-coordinator-worker.ts'

interface ClientEnv {
  readonly COORDINATOR: string
  readonly DELAY_MS: number
  readonly DEADLINE_MS: number
}

/** What a check answered, and when by this isolate's clock. */
export interface WorkerAnswer extends RateLimitResult {
  readonly atMs: number
}

/** Reaches the authorities of another process. */
function overHTTP({ COORDINATOR, DELAY_MS }: ClientEnv): AuthorityNamespace {
  return {
    getByName(name) {
      const call = async <T>(method: AuthorityCall['method'], ...args: unknown[]): Promise<T> => {
        const body = { name, method, args, delayMs: DELAY_MS } satisfies AuthorityCall
        const response = await fetch(COORDINATOR, { method: 'POST', body: JSON.stringify(body) })
        if (!response.ok) throw new Error(`The coordinator answered ${response.status}`)
        return response.json<T>()
      }
      return {
        acquire: (request) => call('acquire', request),
        checkAll: (requests) => call('checkAll', requests),
        getStatus: (key, rule) => call('getStatus', key, rule),
        change: (change) => call('change', change),
      }
    },
  }
}

const limiters = new Map<string, RateLimiterClient<RateLimitResult>>()
/** How many checks of an identifier have come in: the test waits until a follower is there. */
const arrivals = new Map<string, number>()

/** At module scope, as an application has it: shared by all requests of the isolate. */
function limiterOf(kind: string, env: ClientEnv): RateLimiterClient<RateLimitResult> {
  let limiter = limiters.get(kind)
  if (limiter === undefined) {
    const namespace = overHTTP(env)
    const backend: RateLimitBackend =
      kind === 'lease' ? leaseBackend(namespace, { waitUntil }) : durableObjectBackend(namespace)
    limiter = new RateLimiterClient(backend, {
      onUnavailable: 'closed',
      deadlineMs: env.DEADLINE_MS,
      breaker: { cooldownMs: 200 },
      onEvent: () => undefined,
    })
    limiters.set(kind, limiter)
  }
  return limiter
}

/** `/{lease|exact}/{identifier}?limit=…&window=…` checks, `/arrivals/{identifier}` counts. */
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const [, kind = '', identifier = ''] = pathname.split('/')
    if (kind === 'arrivals') return Response.json(arrivals.get(identifier) ?? 0)
    arrivals.set(identifier, (arrivals.get(identifier) ?? 0) + 1)
    const policy: RateLimitPolicy = {
      limit: Number(searchParams.get('limit')),
      window: Number(searchParams.get('window')),
      keyPrefix: 'load',
    }
    const result = await limiterOf(kind, env).checkLimit(identifier, policy)
    return Response.json({ ...result, atMs: Date.now() } satisfies WorkerAnswer)
  },
} satisfies ExportedHandler<ClientEnv>
