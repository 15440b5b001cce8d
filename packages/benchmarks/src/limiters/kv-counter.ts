import type { LimiterUnderTest } from './limiter-under-test.ts'

/**
 * What is written first: a count in KV that is read, compared, and written back. The write goes under `waitUntil`, and one that KV
 * refuses is caught, so that nobody fails for it.
 */
export const kvCounter: LimiterUnderTest = {
  id: 'KV read-modify-write',
  open: (world) => ({
    openIsolate: ({ location }) => {
      const kv = world.kvAt(location)
      const expirationTtl = Math.max(60, Math.ceil((2 * world.windowMs) / 1000))
      return {
        check: async (identifier) => {
          const window = Math.floor(world.clock.now() / world.windowMs)
          const key = `rl:${identifier}:${window}`
          const count = Number((await kv.get(key)) ?? 0)
          const countedAtMs = world.clock.now()
          if (count >= world.limit) return { allowed: false, countedAtMs }
          world.waitUntil(kv.put(key, String(count + 1), { expirationTtl }))
          return { allowed: true, countedAtMs }
        },
      }
    },
  }),
}
