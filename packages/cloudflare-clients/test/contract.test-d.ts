import { expectTypeOf } from 'vitest'
import {
  CacheClient,
  type CachedSession,
  FeatureFlags,
  KVStore,
  RateLimiterClient,
  rateLimitPolicies,
  SessionCacheClient,
} from '../src/index.ts'

// Calls that users already have in their code. They stay callable exactly so; `pnpm typecheck` holds them.

declare const kv: KVNamespace

const cache = new CacheClient(kv)
expectTypeOf(cache.get<string>('key')).resolves.toEqualTypeOf<string | null>()
expectTypeOf(cache.set('key', { any: 'json' }, 300)).resolves.toBeVoid()
expectTypeOf(cache.delete('key')).resolves.toBeVoid()
expectTypeOf(cache.deleteMany(['a', 'b'])).resolves.toBeVoid()
expectTypeOf(cache.getOrSet('key', 300, () => Promise.resolve(1))).resolves.toEqualTypeOf<number>()

declare const cachedSession: CachedSession
const sessions = new SessionCacheClient(kv)
expectTypeOf(sessions.get('token')).resolves.toEqualTypeOf<CachedSession | null>()
expectTypeOf(sessions.set('token', cachedSession)).resolves.toBeVoid()
expectTypeOf(sessions.delete('token')).resolves.toBeVoid()
expectTypeOf(sessions.deleteUserSessions('user-1')).resolves.toExtend<object>()
expectTypeOf<CachedSession['user']['role']>().toEqualTypeOf<'customer' | 'owner' | 'creator'>()
expectTypeOf<CachedSession['session']['expiresAt']>().toEqualTypeOf<string>()

const limiter = new RateLimiterClient(kv)
const check = limiter.checkLimit('id', { limit: 5, window: 900, keyPrefix: 'login' })
expectTypeOf(check).resolves.toExtend<{ allowed: boolean; remaining: number; resetAt: number }>()
expectTypeOf(limiter.reset('id', 'login')).resolves.toBeVoid()
expectTypeOf(rateLimitPolicies.login.limit).toEqualTypeOf<5>()

const store = new KVStore(kv, { prefix: 'app', defaultTtlSeconds: 60 })
expectTypeOf(store.get<number>('key')).resolves.toEqualTypeOf<number | null>()
expectTypeOf(store.getText('key')).resolves.toEqualTypeOf<string | null>()
expectTypeOf(store.getMany<number>(['key'])).resolves.toEqualTypeOf<Map<string, number | null>>()
expectTypeOf(store.exists('key')).resolves.toBeBoolean()
expectTypeOf(store.increment('key')).resolves.toBeNumber()

const flags = new FeatureFlags(kv)
const context = { userId: 'user-1', attributes: { plan: 'pro', beta: true } }
expectTypeOf(flags.isEnabled('new-page', context)).resolves.toBeBoolean()
expectTypeOf(flags.getEnabledFlags(context)).resolves.toEqualTypeOf<string[]>()
expectTypeOf(
  flags.setFlag('new-page', { enabled: true, percentage: 10 }),
).resolves.toExtend<object>()
expectTypeOf(flags.deleteFlag('new-page')).resolves.toExtend<object>()
expectTypeOf(flags.clearCache).returns.toBeVoid()
expectTypeOf(flags.evaluate('size', context, 10).value).toBeNumber()
// What the flag gives is not always the default.
expectTypeOf(flags.evaluate('new-page', context, false).value).toEqualTypeOf<boolean>()

// A namespace must be one: an object that merely has a `get` is refused.
// @ts-expect-error: the methods of a KVNamespace are missing
new CacheClient({ get: () => Promise.resolve(null) })
// @ts-expect-error: a key prefix is what keeps two limits apart
void limiter.checkLimit('id', { limit: 5, window: 900 })
