import { createEmptyKV } from '@codex/cloudflare-clients'
import type { FlagAuthorityNamespace } from '@codex/cloudflare-clients/feature-flags'
import type { ConfigAuthorityNamespace } from '@codex/config/publisher'
import type { AuthorityNamespace } from '@codex/cloudflare-clients/rate-limiter'
import type { SessionAuthorityNamespace } from '@codex/cloudflare-clients/session'
import type { OperationMeter } from '@codex/core-services'
import { faultyAuthority } from './faulty-authority.ts'
import { faultyD1 } from './faulty-d1.ts'
import { faultyKV } from './faulty-kv.ts'
import type { OutageSwitch } from './faulty-kv.ts'
import { log } from './log.ts'

/** The namespaces this app uses, its database and what the coordinator decides, with every operation counted. */
export interface MeteredBindings {
  /** `null` where it is not bound. */
  readonly sessionKV: KVNamespace | null
  readonly rateLimitKV: KVNamespace
  readonly cacheKV: KVNamespace
  readonly flagsKV: KVNamespace
  readonly d1: D1Database
  /** `null` where it is not bound. */
  readonly rateLimiter: AuthorityNamespace | null
  /** `null` where it is not bound. */
  readonly sessionAuthority: SessionAuthorityNamespace | null
  /** `null` where it is not bound. */
  readonly flagAuthority: FlagAuthorityNamespace | null
  /** `null` where it is not bound. */
  readonly configAuthority: ConfigAuthorityNamespace | null
}

/** Each makes a service fail for this isolate. */
export interface Outages {
  readonly kv: OutageSwitch
  readonly d1: OutageSwitch
  readonly limiter: OutageSwitch
  readonly sessions: OutageSwitch
  readonly flags: OutageSwitch
}

type KVBinding = 'AUTH_SESSION_KV' | 'RATE_LIMIT_KV' | 'CACHE_KV' | 'FLAGS_KV'

/**
 * Wraps the bindings of `env` for counting and, in development, for the outage switches.
 *
 * A namespace that is not bound becomes an empty one: the site then works from the database. Without the coordinator limits
 * are counted, and sessions and flags are kept, in KV alone. This runs once per isolate, and so do its warnings.
 */
export function meterBindings(
  env: Env,
  { meter, outages }: { meter: OperationMeter; outages: Outages | null },
): MeteredBindings {
  const namespace = (name: KVBinding): KVNamespace | null => {
    // The generated type promises every binding; a deployment may still lack one.
    const bound = env[name] as KVNamespace | undefined
    if (!bound) {
      log('warn', 'kv_not_bound', {
        binding: name,
        effect: 'Working from the database, without what this namespace would hold',
      })
      return null
    }
    return meter.meterKV(outages ? faultyKV(bound, outages.kv) : bound)
  }
  const objects = <Namespace extends { getByName(name: string): object }>(
    // Wrangler knows no type of an object that another worker hosts, and promises every binding.
    bound: Namespace | undefined,
    unbound: {
      readonly event: string
      readonly binding: string
      readonly effect: string
      readonly outage?: keyof Outages
    },
  ): Namespace | null => {
    if (!bound) {
      const { event, binding, effect } = unbound
      log('warn', event, { binding, effect })
      return null
    }
    const outage = unbound.outage && outages?.[unbound.outage]
    return meter.meterDurableObjects(outage ? faultyAuthority(bound, outage) : bound)
  }
  return {
    sessionKV: namespace('AUTH_SESSION_KV'),
    rateLimitKV: namespace('RATE_LIMIT_KV') ?? createEmptyKV(),
    cacheKV: namespace('CACHE_KV') ?? createEmptyKV(),
    flagsKV: namespace('FLAGS_KV') ?? createEmptyKV(),
    d1: meter.meterD1(outages ? faultyD1(env.DB, outages.d1) : env.DB),
    rateLimiter: objects(env.RATE_LIMITER as unknown as AuthorityNamespace | undefined, {
      event: 'limiter_not_bound',
      binding: 'RATE_LIMITER',
      effect: 'Counting limits in KV, which is approximate between isolates',
      outage: 'limiter',
    }),
    sessionAuthority: objects(env.SESSIONS as unknown as SessionAuthorityNamespace | undefined, {
      event: 'sessions_not_bound',
      binding: 'SESSIONS',
      effect:
        'Keeping sessions in KV alone, where one that was ended may be served for a minute or more',
      outage: 'sessions',
    }),
    flagAuthority: objects(env.FLAGS as unknown as FlagAuthorityNamespace | undefined, {
      event: 'flags_not_bound',
      binding: 'FLAGS',
      effect:
        'Keeping flags in KV alone: a change is seen after a minute or more, without a history',
      outage: 'flags',
    }),
    configAuthority: objects(env.CONFIG as unknown as ConfigAuthorityNamespace | undefined, {
      event: 'config_not_bound',
      binding: 'CONFIG',
      effect: 'Taking no configurations from publishers',
    }),
  }
}
