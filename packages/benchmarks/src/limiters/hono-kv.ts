import type { LimiterUnderTest } from './limiter-under-test.ts'

interface Hits {
  readonly totalHits: number
  readonly resetAtMs: number
}

/**
 * The steps of hono-rate-limiter's last KV store, of before it was removed in 0.5: read, add one, write, also where the call is
 * denied. The middleware catches nothing, so a write that KV refuses fails the request.
 *
 * @see https://github.com/rhinobase/hono-rate-limiter/tree/e7aeec9acee970bd749dd159df03b73503b9363e/src/stores/cloudflare
 */
export const honoKv: LimiterUnderTest = {
  id: 'hono-rate-limiter, KV',
  open: (world) => ({
    openIsolate: ({ location }) => {
      const kv = world.kvAt(location)
      return {
        check: async (identifier) => {
          const key = `hrl:${identifier}`
          const nowMs = world.clock.now()
          const stored = await kv.get<Hits>(key, 'json')
          const isActive = stored !== null && stored.resetAtMs > nowMs
          const hits: Hits = {
            totalHits: isActive ? stored.totalHits + 1 : 1,
            resetAtMs: isActive ? stored.resetAtMs : nowMs + world.windowMs,
          }
          const lastsUntilMs = Math.max(hits.resetAtMs, world.clock.now())
          await kv.put(key, JSON.stringify(hits), {
            expiration: Math.floor(lastsUntilMs / 1000) + 60,
          })
          return { allowed: hits.totalHits <= world.limit, countedAtMs: nowMs }
        },
      }
    },
  }),
}
