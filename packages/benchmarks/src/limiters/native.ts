import type { LimiterUnderTest } from './limiter-under-test.ts'

/** The periods that the binding takes. */
const periodsMs = [10_000, 60_000]

/**
 * Cloudflare's own `ratelimits` binding as it would be at best: exact in each location, at once and for nothing. The real one
 * counts behind the calls. Its windows are aligned to the clock.
 *
 * @see https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 */
export const native: LimiterUnderTest = {
  id: 'native binding, idealised',
  supports: ({ windowMs }) => periodsMs.includes(windowMs),
  open: (world) => {
    const counts = new Map<number, { window: number; count: number }>()
    return {
      openIsolate: ({ location }) => ({
        check: () => {
          const countedAtMs = world.clock.now()
          const window = Math.floor(countedAtMs / world.windowMs)
          const known = counts.get(location)
          const count = known?.window === window ? known.count : 0
          const allowed = count < world.limit
          counts.set(location, { window, count: allowed ? count + 1 : count })
          return Promise.resolve({ allowed, countedAtMs })
        },
      }),
    }
  },
}
