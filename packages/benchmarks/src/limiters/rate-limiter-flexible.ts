import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { LimiterUnderTest } from './limiter-under-test.ts'

/** The library itself. Its memory limiter is the only one that runs in a Worker without a server, and counts in each isolate. */
export const rateLimiterFlexible: LimiterUnderTest = {
  id: 'rate-limiter-flexible, memory',
  open: (world) => ({
    openIsolate: () => {
      const limiter = new RateLimiterMemory({
        points: world.limit,
        duration: world.windowMs / 1000,
      })
      return {
        check: async (identifier) => {
          const countedAtMs = world.clock.now()
          try {
            await limiter.consume(identifier)
            return { allowed: true, countedAtMs }
          } catch (denied) {
            if (denied instanceof RateLimiterRes) return { allowed: false, countedAtMs }
            throw denied
          }
        },
      }
    },
  }),
}
