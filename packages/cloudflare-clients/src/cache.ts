export { CacheClient, type CacheClientOptions, type CacheEntry } from './lib/cache/cache-client.ts'
export { keys } from './lib/kv/keys.ts'
