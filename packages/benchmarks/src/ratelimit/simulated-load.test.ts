import { describe, expect, it } from 'vitest'
import { codexLimiters, ours } from '../limiters/codex.ts'
import { honoKv } from '../limiters/hono-kv.ts'
import { honoObject } from '../limiters/hono-object.ts'
import { kvCounter } from '../limiters/kv-counter.ts'
import type { LimiterUnderTest } from '../limiters/limiter-under-test.ts'
import { native } from '../limiters/native.ts'
import { rateLimiterFlexible } from '../limiters/rate-limiter-flexible.ts'
import { upstashLimiters } from '../limiters/upstash.ts'
import { notSupported } from '../result.ts'
import { cellOf } from '../scenario.ts'
import type { Load } from './load.ts'
import { loadScenario } from './load-scenario.ts'
import { namedLoads, toScenario } from './load-scenarios.ts'
import { simulateLoad } from './simulated-load.ts'

const load: Load = {
  isolates: 6,
  locations: 3,
  roundTripMs: [10, 110],
  limit: 100,
  windowMs: 60_000,
  demand: 6,
  windows: 2,
}

describe('a simulated load', () => {
  it.each([honoObject, ...upstashLimiters.slice(0, 1)])(
    'is kept exactly by one place that is asked each time: $id',
    async (limiter) => {
      const { admissions, saturatedWindows } = await simulateLoad(limiter, load)
      expect(admissions.alignedRatio).toBe(1)
      expect(admissions.utilisation(saturatedWindows)).toBe(1)
    },
  )

  it('is admitted once in each location by an exact counter in each', async () => {
    const { admissions, waitedMs } = await simulateLoad(native, load)
    expect(admissions.alignedRatio).toBe(3)
    expect(Math.max(...waitedMs)).toBe(0)
  })

  it('is admitted whole by a counter in each isolate that is never reached', async () => {
    const { admissions, checks } = await simulateLoad(rateLimiterFlexible, load)
    expect(admissions.alignedRatio).toBeGreaterThan(5)
    expect(checks).toBeGreaterThan(1000)
  })

  it('is refused by KV, whose writes come too often', async () => {
    const { kv, admissions, throws } = await simulateLoad(kvCounter, load)
    expect(kv.refusedWrites / kv.writes).toBeGreaterThan(0.8)
    expect(admissions.alignedRatio).toBeGreaterThan(4)
    expect(throws).toBe(0)
  })

  it('fails the request where nobody catches what KV refuses', async () => {
    const { kv, throws } = await simulateLoad(honoKv, load)
    expect(throws).toBe(kv.refusedWrites)
  })

  it('takes a round trip that lies between those of the nearest and the farthest location', async () => {
    const { waitedMs, usage, checks } = await simulateLoad(honoObject, load)
    expect(waitedMs.at(0)).toBeGreaterThan(8)
    expect(waitedMs.at(-1)).toBeLessThan(122)
    // A call for each check, and an alarm at the end of each window.
    expect(usage.requests - checks).toBeLessThan(3)
  })

  it('is the same in every run', async () => {
    const [one, other] = [await simulateLoad(kvCounter, load), await simulateLoad(kvCounter, load)]
    expect(other).toEqual(one)
  })

  it('lets new isolates take the place of those that end', async () => {
    let opened = 0
    const limiter: LimiterUnderTest = {
      id: 'counts its isolates',
      open: (world) => ({
        openIsolate: () => {
          opened++
          return {
            check: () => Promise.resolve({ allowed: true, countedAtMs: world.clock.now() }),
          }
        },
      }),
    }
    await simulateLoad(limiter, { ...load, isolateLifeMs: 10_000 })
    // Six places for two minutes, but a place that ended gets a new one only with its next call.
    expect(opened).toBeGreaterThan(40)
    expect(opened).toBeLessThan(90)
  })

  it('says when a call is never answered', async () => {
    const limiter: LimiterUnderTest = {
      id: 'hangs',
      open: () => ({ openIsolate: () => ({ check: () => new Promise(() => undefined) }) }),
    }
    await expect(simulateLoad(limiter, load)).rejects.toThrow('were never answered')
  })
})

describe('two minutes of the first load', () => {
  const exact = codexLimiters.filter(({ id }) => id !== ours.kv)
  const minutes = namedLoads
    .filter(({ name }) => name === 'a')
    .map((named) => ({ ...named, load: { ...named.load, windows: 2 } }))

  it.each(minutes)('keep all that is asserted of ours', async (named) => {
    const scenario = toScenario(named)
    const results = await scenario.run(exact)
    expect(scenario.failures(results)).toEqual([])
    const throwing = results.filter(({ metric, value }) => metric === 'throws' && value !== 0)
    expect(throwing).toEqual([])
  })
})

describe('the scenario of a load', () => {
  const scenario = loadScenario({
    name: 'ten minutes',
    load: { ...load, windowMs: 600_000, demand: 2 },
    bars: [
      { library: rateLimiterFlexible.id, metric: 'aligned', atMost: 1 },
      { library: rateLimiterFlexible.id, metric: 'local', atLeast: 100 },
      { library: native.id, metric: 'aligned', atMost: 1 },
    ],
  })

  it('leaves out who does not know the window, and says which bar is not reached', async () => {
    const results = await scenario.run([rateLimiterFlexible, native])
    const at = { scenario: 'ten minutes', library: native.id, metric: 'aligned window' }
    expect(cellOf(results, at)).toBe(notSupported)
    expect(scenario.failures(results)).toEqual([
      expect.stringMatching(
        /^ten minutes: .*memory: aligned window: at most 1 wanted, [12]\.\d+ found$/,
      ),
      'ten minutes: native binding, idealised: aligned window: at most 1 wanted, not supported found',
    ])
  })
})
