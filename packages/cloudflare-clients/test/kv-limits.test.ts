import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test } from 'vitest'
import {
  CacheClient,
  KVStore,
  RateLimiterClient,
  SessionCacheClient,
  type CachedSession,
} from '../src/index.ts'
import { deleteByPrefix } from '../src/cache.ts'
import { readEntries } from '../src/lib/kv/read-entries.ts'
import { ManualClock } from './support/manual-clock.ts'
import { sparseListKV } from './support/wrapped-kv.ts'

// Every limit of KV against every client, on the real local KV, which refuses what production refuses.

afterEach(async () => {
  await reset()
})

const startMs = 20_900 * 86_400_000
const quiet = { onEvent: (): void => undefined }

function createSession(token: string, userId: string, ttlSeconds: number): CachedSession {
  return {
    session: {
      id: 's',
      userId,
      token,
      expiresAt: new Date(startMs + ttlSeconds * 1000).toISOString(),
    },
    user: { id: userId, email: 'a@example.com', name: 'A', role: 'customer', emailVerified: true },
  }
}

/** What each client does with one key for one lifetime: whether it is there just before its end and gone at it. */
const clients: Readonly<Record<string, (key: string, seconds: number) => Promise<string>>> = {
  KVStore: async (key, seconds) => {
    const clock = new ManualClock(startMs)
    const store = new KVStore(env.KV, { prefix: 's', now: clock.now, ...quiet })
    await store.set(key, 'v', { ttlSeconds: seconds })
    return lifetime(clock, seconds, async () => (await store.get(key)) === 'v')
  },
  CacheClient: async (key, seconds) => {
    const clock = new ManualClock(startMs)
    const cache = new CacheClient(env.KV, { now: clock.now, ...quiet })
    await cache.set(key, 'v', seconds)
    return lifetime(clock, seconds, async () => (await cache.get(key)) === 'v')
  },
  SessionCacheClient: async (key, seconds) => {
    const clock = new ManualClock(startMs)
    const sessions = new SessionCacheClient(env.KV, { now: clock.now, ...quiet })
    await sessions.set(key, createSession(key, key, seconds))
    return lifetime(clock, seconds, async () => (await sessions.get(key)) !== null)
  },
  RateLimiterClient: async (key, seconds) => {
    const windowMs = seconds * 1000
    const clock = new ManualClock(windowMs > 0 ? Math.ceil(startMs / windowMs) * windowMs : startMs)
    const policy = { limit: 1, window: seconds, keyPrefix: 'p' }
    await new RateLimiterClient(env.KV, { now: clock.now, ...quiet }).checkLimit(key, policy)
    // A fresh client each time knows only what KV knows.
    return lifetime(clock, seconds, async () => {
      const other = new RateLimiterClient(env.KV, { now: clock.now, ...quiet })
      return !(await other.checkLimit(key, policy)).allowed
    })
  },
}

async function lifetime(
  clock: ManualClock,
  seconds: number,
  isThere: () => Promise<boolean>,
): Promise<string> {
  clock.advance(seconds - 0.001)
  const before = await isThere()
  clock.advance(0.001)
  const after = await isThere()
  if (before) return after ? 'too long' : 'exact'
  return after ? 'too late' : 'not stored'
}

async function outcome(run: () => Promise<string>): Promise<string> {
  try {
    return await run()
  } catch (error) {
    return error instanceof Error ? error.name : 'unknown'
  }
}

const inputs: readonly (readonly [string, string, number])[] = [
  ['1 s', 'k', 1],
  ['30 s', 'k', 30],
  ['59 s', 'k', 59],
  ['60 s', 'k', 60],
  ['512-byte key', 'x'.repeat(512), 300],
  ['513-byte key', 'x'.repeat(513), 300],
  ['171 three-byte characters (513 bytes)', '€'.repeat(171), 300],
  ['key "."', '.', 300],
  ['key ".."', '..', 300],
  ['key with a lone surrogate', 'a\ud800', 300],
  ['integer-like key', '42', 300],
  ['empty key', '', 300],
  ['0 s', 'k', 0],
]

test('keeps each lifetime exactly, for every key and length that KV itself would refuse', async () => {
  const rows: string[] = [`| input | ${Object.keys(clients).join(' | ')} |`]
  for (const [label, key, seconds] of inputs) {
    const cells: string[] = []
    for (const client of Object.values(clients)) {
      cells.push(await outcome(() => client(key, seconds)))
      await reset()
    }
    rows.push(`| ${label} | ${cells.join(' | ')} |`)
  }
  expect(rows).toEqual([
    '| input | KVStore | CacheClient | SessionCacheClient | RateLimiterClient |',
    '| 1 s | exact | exact | exact | exact |',
    '| 30 s | exact | exact | exact | exact |',
    '| 59 s | exact | exact | exact | exact |',
    '| 60 s | exact | exact | exact | exact |',
    '| 512-byte key | exact | exact | exact | exact |',
    '| 513-byte key | exact | exact | exact | exact |',
    '| 171 three-byte characters (513 bytes) | exact | exact | exact | exact |',
    '| key "." | exact | exact | exact | exact |',
    '| key ".." | exact | exact | exact | exact |',
    '| key with a lone surrogate | exact | exact | exact | exact |',
    '| integer-like key | exact | exact | exact | exact |',
    '| empty key | exact | exact | TypeError | TypeError |',
    '| 0 s | RangeError | RangeError | not stored | RangeError |',
  ])
})

test.for([60, 59, 30, 1])(
  'RateLimiterClient: a call with %i s of a 15 min window left is counted and its window ends on time',
  async (secondsLeft) => {
    const clock = new ManualClock(startMs + (900 - secondsLeft) * 1000)
    const policy = { limit: 1, window: 900, keyPrefix: 'p' }
    const check = () => new RateLimiterClient(env.KV, { now: clock.now }).checkLimit('id', policy)
    expect((await check()).allowed).toBe(true)
    expect((await check()).allowed).toBe(false)
    clock.advance(secondsLeft)
    expect((await check()).allowed).toBe(true)
  },
)

test.for([100, 101, 250])(
  'KVStore.getMany: %i keys, integer-like ones among them',
  async (count) => {
    const store = new KVStore(env.KV, { prefix: 's' })
    const names = Array.from({ length: count }, (_, i) => String(i))
    await Promise.all(names.map((name) => store.set(name, name)))
    expect([...(await store.getMany(names))]).toEqual(names.map((name) => [name, name]))
  },
)

test('bulk reads: 250 bare integer keys, which KV drops from its own answer', async () => {
  const names = Array.from({ length: 250 }, (_, i) => String(i))
  await Promise.all(names.map((name) => env.KV.put(name, name)))
  expect((await env.KV.get(names.slice(0, 100))).size).toBe(0)
  const entries = await readEntries(env.KV, names, { now: () => startMs })
  expect(names.every((name) => entries.get(name)?.text === name)).toBe(true)
})

test.for([
  ['null', null],
  ['undefined', undefined],
] as const)('%s as a value', async ([, value]) => {
  const store = new KVStore(env.KV, { prefix: 's' })
  const cache = new CacheClient(env.KV)
  if (value === undefined) {
    await expect(store.set('k', value)).rejects.toBeInstanceOf(TypeError)
    await expect(cache.set('k', value, 60)).rejects.toBeInstanceOf(TypeError)
    expect((await env.KV.list()).keys).toEqual([])
  } else {
    await store.set('k', value)
    await cache.set('k', value, 60)
    expect(await store.exists('k')).toBe(true)
    expect(await cache.getEntry('k')).not.toBeNull()
  }
})

test('a corrupt value: the store says so, the caches miss, the limiter counts from zero', async () => {
  const corrupt = '{"half":'
  const store = new KVStore(env.KV, { prefix: 's', ...quiet })
  const cache = new CacheClient(env.KV, quiet)
  const sessions = new SessionCacheClient(env.KV, quiet)
  const limiter = new RateLimiterClient(env.KV, quiet)
  const policy = { limit: 1, window: 60, keyPrefix: 'p' }
  await store.set('k', 1)
  await cache.set('k', 1, 60)
  const session = createSession('t', 'u', 86_400 * 365 * 100)
  await sessions.set('t', session)
  await limiter.checkLimit('id', policy)
  for (const { name } of (await env.KV.list()).keys) await env.KV.put(name, corrupt)

  await expect(store.get('k')).rejects.toMatchObject({ code: 'corrupt_value' })
  expect(await store.getMany(['k'])).toEqual(new Map([['k', null]]))
  expect(await cache.get('k')).toBeNull()
  expect(await sessions.get('t')).toBeNull()
  expect((await new RateLimiterClient(env.KV, quiet).checkLimit('id', policy)).allowed).toBe(true)
})

test('lists with empty pages: every client that lists goes on to the end', async () => {
  const sparse = sparseListKV(env.KV)
  const store = new KVStore(sparse, { prefix: 's' })
  const cache = new CacheClient(sparse)
  const sessions = new SessionCacheClient(sparse)
  for (const name of ['a', 'b', 'c']) {
    await store.set(name, 1)
    await cache.set(`cache:${name}`, 1, 60)
    await sessions.set(name, createSession(name, 'u', 86_400 * 365 * 100))
  }
  const names: string[] = []
  for await (const { name } of store.iterate()) names.push(name)
  expect(names).toEqual(['a', 'b', 'c'])
  expect(await deleteByPrefix(cache, 'cache:')).toEqual({ deletedKeys: 3, cursor: null })
  expect(await sessions.deleteUserSessions('u')).toEqual({ deletedSessions: 3 })
  expect(await store.deleteByPrefix('')).toEqual({ deletedKeys: 3 })
  expect((await env.KV.list()).keys).toEqual([])
})
