import { createEmptyKV } from '@codex/cloudflare-clients'
import type { AuthorityNamespace } from '@codex/cloudflare-clients/rate-limiter'
import type { OperationMeter } from '@codex/core-services'
import { faultyAuthority } from './faulty-authority.ts'
import { faultyD1 } from './faulty-d1.ts'
import { faultyKV } from './faulty-kv.ts'
import type { OutageSwitch } from './faulty-kv.ts'
import { log } from './log.ts'

/** The three namespaces this app uses, its database and the coordinator's limits, with every operation counted. */
export interface MeteredBindings {
  readonly sessionKV: KVNamespace
  readonly rateLimitKV: KVNamespace
  readonly cacheKV: KVNamespace
  readonly d1: D1Database
  /** `null` where it is not bound. */
  readonly rateLimiter: AuthorityNamespace | null
}

/** Each makes a service fail for this isolate. */
export interface Outages {
  readonly kv: OutageSwitch
  readonly d1: OutageSwitch
  readonly limiter: OutageSwitch
}

type KVBinding = 'AUTH_SESSION_KV' | 'RATE_LIMIT_KV' | 'CACHE_KV'

/**
 * Wraps the bindings of `env` for counting and, in development, for the outage switches.
 *
 * A namespace that is not bound becomes an empty one: the site then works from the database. Without the coordinator limits
 * are counted in KV. This runs once per isolate, and so do its warnings.
 */
export function meterBindings(
  env: Env,
  { meter, outages }: { meter: OperationMeter; outages: Outages | null },
): MeteredBindings {
  const namespace = (name: KVBinding): KVNamespace => {
    // The generated type promises every binding; a deployment may still lack one.
    const bound = env[name] as KVNamespace | undefined
    if (!bound) {
      log('warn', 'kv_not_bound', {
        binding: name,
        effect: 'Working from the database, without what this namespace would hold',
      })
      return createEmptyKV()
    }
    return meter.meterKV(outages ? faultyKV(bound, outages.kv) : bound)
  }
  const rateLimiter = (): AuthorityNamespace | null => {
    // Wrangler knows no type of an object that another worker hosts.
    const bound = env.RATE_LIMITER as unknown as AuthorityNamespace | undefined
    if (!bound) {
      log('warn', 'limiter_not_bound', {
        binding: 'RATE_LIMITER',
        effect: 'Counting limits in KV, which is approximate between isolates',
      })
      return null
    }
    return meter.meterDurableObjects(outages ? faultyAuthority(bound, outages.limiter) : bound)
  }
  return {
    sessionKV: namespace('AUTH_SESSION_KV'),
    rateLimitKV: namespace('RATE_LIMIT_KV'),
    cacheKV: namespace('CACHE_KV'),
    d1: meter.meterD1(outages ? faultyD1(env.DB, outages.d1) : env.DB),
    rateLimiter: rateLimiter(),
  }
}
