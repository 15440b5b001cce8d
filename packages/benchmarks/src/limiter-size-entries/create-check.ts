import type { AuthorityNamespace } from '@codex/cloudflare-clients/rate-limiter'

/** What an entry may bind. */
export interface LimiterEnv {
  readonly RATE_LIMITER: AuthorityNamespace
  readonly RATE_LIMIT_KV: KVNamespace
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
}

/** What every entry exports: 100 calls a minute for an identifier. */
export type CreateCheck = (env: LimiterEnv) => (identifier: string) => Promise<boolean>
