import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, it } from 'vitest'
import type { LimiterWorld } from '../limiters/limiter-under-test.ts'
import { upstashLimiters } from '../limiters/upstash.ts'
import { BackendUsage } from './backend-usage.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { SimulatedRedis } from './simulated-redis.ts'
import { runOnVirtualTime } from './virtual-globals.ts'

const windowMs = 1000

/** Makes calls one after the other at these times. @returns What was allowed, and the commands that all of it took. */
async function run(
  id: string,
  options: { readonly limit: number; readonly atMs: readonly number[] },
): Promise<{ readonly allowed: readonly boolean[]; readonly commands: number }> {
  const clock = createVirtualClock({ startMs: 0 })
  const usage = new BackendUsage(clock.now)
  const network = new SimulatedNetwork({
    sleep: clock.sleep,
    random: () => 0.5,
    usage,
    roundTripMs: [0],
  })
  const limiter = upstashLimiters.find((candidate) => candidate.id === `@upstash/ratelimit, ${id}`)
  if (!limiter) throw new Error(`There is no ${id}`)
  const world: LimiterWorld = {
    limit: options.limit,
    windowMs,
    clock,
    network,
    kvAt: () => {
      throw new Error('It uses no KV')
    },
    random: () => () => 0.5,
    waitUntil: (work) => void work,
  }
  const { result } = await runOnVirtualTime(clock, async () => {
    const { check } = limiter.open(world).openIsolate({ name: 'a', location: 0 })
    const allowed: boolean[] = []
    for (const atMs of options.atMs) {
      await clock.sleep(atMs - clock.now())
      allowed.push((await check('client-1')).allowed)
    }
    return allowed
  })
  return { allowed: result, commands: usage.redisCommands }
}

describe('the Redis under @upstash/ratelimit', () => {
  it('keeps a fixed window, and takes the commands that its documentation names', async () => {
    const { allowed, commands } = await run('fixed window', {
      limit: 2,
      atMs: [0, 1, 2, 3, 1001],
    })
    expect(allowed).toEqual([true, true, false, false, true])
    // A script that is not known yet, then first, intermediate, denied, denied from memory, first of the next window.
    expect(commands).toBe(1 + 3 + 2 + 2 + 0 + 3)
  })

  it('keeps a sliding window', async () => {
    const { allowed, commands } = await run('sliding window', {
      limit: 2,
      atMs: [0, 1, 2, 1001, 1501, 1502],
    })
    // The two calls of the last window weigh as one at its end, and as none in the middle of the next.
    expect(allowed).toEqual([true, true, false, true, true, false])
    expect(commands).toBe(1 + 5 + 4 + 3 + 5 + 4 + 3)
  })

  it('refuses a script whose steps it does not know', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const network = new SimulatedNetwork({
      sleep: clock.sleep,
      random: () => 0.5,
      usage: new BackendUsage(clock.now),
      roundTripMs: [0],
    })
    const redis = new SimulatedRedis(network, clock.now)
    const script = { text: 'return redis.call("FLUSHALL")', keys: [], args: [] }
    await expect(clock.run(() => redis.eval(0, script))).rejects.toThrow('its steps are not known')
  })
})
