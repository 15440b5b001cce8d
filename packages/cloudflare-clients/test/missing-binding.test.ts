import { expect, test } from 'vitest'
import { CacheClient, KVStore, RateLimiterClient, SessionCacheClient } from '../src/index.ts'

test.for([
  ['cache', (kv: KVNamespace) => new CacheClient(kv)],
  ['session cache', (kv: KVNamespace) => new SessionCacheClient(kv)],
  ['rate limiter', (kv: KVNamespace) => new RateLimiterClient(kv)],
  ['KV store', (kv: KVNamespace) => new KVStore(kv, { prefix: 'a' })],
] as const)('a %s says at once that its binding is missing', ([name, create]) => {
  for (const [missing, received] of [
    [undefined, 'undefined'],
    [null, 'null'],
    ['CACHE_KV', 'string'],
  ]) {
    expect(() => create(missing as unknown as KVNamespace)).toThrow(
      `Cannot create ${name}: kv must be a KVNamespace, received ${received ?? ''} (is the binding`,
    )
  }
})
