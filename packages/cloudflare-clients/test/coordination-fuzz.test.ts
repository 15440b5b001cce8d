import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CoordinationClient, type Held } from '../src/coordination.ts'
import { createSeededRandom, createVirtualClock } from '../src/testing.ts'
import { RestartableCoordination } from './support/restartable-coordination.ts'

// Clients with clocks of their own, over a network that loses and delays, and an object that restarts.

interface Plan {
  readonly seed: number
  readonly holders: number
  readonly maxConcurrent: number
  readonly lossRate: number
  readonly maxLatencyMs: number
  /** Every so often the object restarts. `0`: never. */
  readonly restartMs: number
}

const planOf: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  holders: fc.integer({ min: 2, max: 8 }),
  maxConcurrent: fc.integer({ min: 1, max: 3 }),
  lossRate: fc.constantFrom(0, 0.05, 0.3),
  maxLatencyMs: fc.constantFrom(0, 50, 1500),
  restartMs: fc.constantFrom(0, 3000, 20_000),
})

interface Outcome {
  readonly held: number
  readonly lost: number
}

/** Runs holders against one name, and fails when more than allowed believe at one moment that they hold it. */
async function simulate({ seed, holders, maxConcurrent, ...faults }: Plan): Promise<Outcome> {
  const random = createSeededRandom(seed)
  const below = (max: number): number => Math.floor(random() * max)
  const clock = createVirtualClock()
  const coordination = new RestartableCoordination({ clock, random, ...faults })
  const believers = new Set<Held>()
  const outcome = { held: 0, lost: 0 }
  let lastToken = 0

  const checkBelievers = (): void => {
    for (const held of believers) if (held.signal.aborted) believers.delete(held)
    expect(believers.size).toBeLessThanOrEqual(maxConcurrent)
  }
  const work = async (held: Held): Promise<void> => {
    outcome.held++
    believers.add(held)
    checkBelievers()
    if (maxConcurrent === 1) {
      expect(held.fencingToken).toBeGreaterThan(lastToken)
      lastToken = held.fencingToken
    }
    for (let step = below(5); step > 0; step--) {
      await clock.sleep(below(1500))
      checkBelievers()
    }
    believers.delete(held)
  }
  const runHolder = async (): Promise<void> => {
    const offsetMs = below(60_000) - 30_000
    const client = new CoordinationClient(coordination, {
      now: () => clock.now() + offsetMs,
      timers: clock,
      timeoutMs: 2000,
      onEvent: () => undefined,
    })
    for (let turn = 0; turn < 6; turn++) {
      await clock.sleep(below(2000))
      const options = { maxConcurrent, ttlMs: 1000 + below(5000), waitMs: below(2) * below(20_000) }
      try {
        if (below(5) === 0) {
          // Dies: neither renews nor gives back, and believes in it until its time ends.
          const held = await client.acquirePermit('a', options)
          outcome.held++
          believers.add(held)
          checkBelievers()
          lastToken = Math.max(lastToken, held.fencingToken)
        } else {
          await client.withPermit('a', work, options)
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'CoordinationError' })
        if ((error as { code: string }).code === 'lost') outcome.lost++
      }
    }
  }

  await clock.run(async () => {
    const running = Array.from({ length: holders }, runHolder)
    const ended = Promise.all(running)
    coordination.start()
    await ended
    coordination.stop()
  })
  return outcome
}

test('however calls are lost and delayed, no more hold a permit than may, and tokens grow', async () => {
  const sum = { held: 0, lost: 0 }
  await fc.assert(
    fc.asyncProperty(planOf, async (plan) => {
      const { held, lost } = await simulate(plan)
      sum.held += held
      sum.lost += lost
    }),
    { seed: 3, numRuns: 200 },
  )
  // Otherwise it would have shown nothing.
  expect(sum.held).toBeGreaterThan(1000)
  expect(sum.lost).toBeGreaterThan(10)
})

test('work that runs once has one result for all, and is not run twice where it did not fail', async () => {
  const clock = createVirtualClock()
  const random = createSeededRandom(7)
  const faults = { lossRate: 0, maxLatencyMs: 300, restartMs: 0 }
  const coordination = new RestartableCoordination({ clock, random, ...faults })
  let runs = 0
  const once = async (index: number): Promise<number> => {
    const client = new CoordinationClient(coordination, { now: clock.now, timers: clock })
    await clock.sleep(index * 20)
    return client.once(
      'a',
      async () => {
        runs++
        const run = runs
        await clock.sleep(500)
        // The first two that run it fail.
        if (run <= 2) throw new Error('work')
        return run
      },
      { ttlMs: 2000 },
    )
  }
  const results = await clock.run(() =>
    Promise.allSettled(Array.from({ length: 50 }, (_, index) => once(index))),
  )
  const values = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  expect(values).toEqual(Array.from({ length: 48 }, () => 3))
  expect(runs).toBe(3)
})
