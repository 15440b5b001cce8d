import { SimulatedObject } from '../simulation/simulated-object.ts'
import type { LimiterUnderTest } from './limiter-under-test.ts'

/** The sample's own interval between refills. */
const refillMs = 5000

/**
 * The steps of the rate limiter in Cloudflare's documentation: a token bucket in an object's memory, which an alarm refills
 * every five seconds while it is not full. It forgets when the object is evicted, which no scenario here does.
 *
 * @see https://developers.cloudflare.com/durable-objects/examples/build-a-rate-limiter/
 */
export const docsObject: LimiterUnderTest = {
  id: 'Cloudflare docs, Durable Object',
  open: (world) => {
    const object = new SimulatedObject(world)
    const refill = (world.limit * refillMs) / world.windowMs
    let tokens = world.limit
    const armAlarm = (): void => {
      if (object.hasAlarm) return
      object.setAlarm(world.clock.now() + refillMs, () => {
        if (tokens >= world.limit) return
        tokens = Math.min(world.limit, tokens + refill)
        armAlarm()
      })
    }
    const take = (): { readonly allowed: boolean; readonly countedAtMs: number } => {
      armAlarm()
      // The sample's tokens are whole; here a refill need not be.
      const allowed = tokens >= 1
      if (allowed) tokens--
      return { allowed, countedAtMs: world.clock.now() }
    }
    return { openIsolate: ({ location }) => ({ check: () => object.call(location, take) }) }
  },
}
