import { SimulatedObject } from '../simulation/simulated-object.ts'
import type { LimiterUnderTest } from './limiter-under-test.ts'

interface Hits {
  readonly total: number
  readonly resetAtMs?: number
}

const none: Hits = { total: 0 }

/**
 * The steps of hono-rate-limiter's last Durable Object store, of before it was removed in 0.5: each hit is a call that writes a
 * row, denied ones too; a window begins with its first hit and ends with an alarm that writes zero.
 *
 * @see https://github.com/rhinobase/hono-rate-limiter/tree/e7aeec9acee970bd749dd159df03b73503b9363e/src/stores/cloudflare
 */
export const honoObject: LimiterUnderTest = {
  id: 'hono-rate-limiter, Durable Object',
  open: (world) => {
    const object = new SimulatedObject(world)
    let hits = none
    const write = (next: Hits): void => {
      object.countRowWritten()
      hits = next
    }
    const update = (): { readonly total: number; readonly atMs: number } => {
      const atMs = world.clock.now()
      const resetAtMs = hits.resetAtMs ?? atMs + world.windowMs
      if (!object.hasAlarm) {
        object.setAlarm(resetAtMs, () => {
          write(none)
        })
      }
      write({ total: hits.total + 1, resetAtMs })
      return { total: hits.total, atMs }
    }
    return {
      openIsolate: ({ location }) => ({
        check: async () => {
          const { total, atMs } = await object.call(location, update)
          return { allowed: total <= world.limit, countedAtMs: atMs }
        },
      }),
    }
  },
}
