import fc from 'fast-check'
import { expect, test } from 'vitest'
import { xfetch } from '../../src/cache.ts'
import { createEdgeSimulator, createVirtualClock, type KVFault } from '../../src/testing.ts'
import { type DefinitionPlan, SimulatedIsolate } from '../support/simulated-isolate.ts'
import { type Item, VersionedOrigin } from '../support/versioned-origin.ts'

// What the cache promises, held against random traffic in the edge simulator. A short run with a fixed seed in every test
// run; CACHE_FUZZ_RUNS for a long one with a seed of its own, or that of CACHE_FUZZ_SEED.

const { CACHE_FUZZ_RUNS, CACHE_FUZZ_SEED } = process.env
const isLong = CACHE_FUZZ_RUNS !== undefined
const numRuns = Number(CACHE_FUZZ_RUNS ?? 150)
const seed = Number(CACHE_FUZZ_SEED ?? (isLong ? Date.now() : 3))

const locations = ['AMS', 'SIN', 'IAD']
const isolateCount = 5

const jsonCodec: NonNullable<DefinitionPlan['codec']> = {
  encode: (value: Item) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
}

const plan: fc.Arbitrary<DefinitionPlan> = fc.record(
  {
    fresh: fc.constantFrom(1, 5, 40),
    stale: fc.constantFrom(0, 0, 3, 60),
    staleIfError: fc.constantFrom(0, 0, 10, 120),
    negative: fc.constantFrom(0.5, 1),
    isBatched: fc.boolean(),
    memory: fc.constantFrom<NonNullable<DefinitionPlan['memory']>>(false, 0.2, 3, 30),
    refreshAhead: fc.constantFrom(0.3, 0.8, xfetch(), xfetch({ beta: 5 })),
    jitter: fc.constantFrom(0, 0.5),
    codec: fc.constant(jsonCodec),
    soft: fc.constant(0.1),
    hard: fc.constantFrom(0.5, 8),
  },
  { requiredKeys: ['fresh', 'stale', 'staleIfError', 'negative', 'isBatched'] },
)

const key = fc.constantFrom('a', 'b', 'c')
const isolate = fc.nat({ max: isolateCount - 1 })
const fault: fc.Arbitrary<KVFault> = fc.oneof(
  fc.constant<KVFault>({ type: 'central_down' }),
  fc.constant<KVFault>({ type: 'rate_limited', rate: 0.5 }),
  fc.constant<KVFault>({ type: 'error', rate: 0.5, appliedShare: 0.5 }),
  fc.constant<KVFault>({ type: 'quota_exceeded', operations: ['write'] }),
  fc.constantFrom(300, 2500, 7000).map((delayMs): KVFault => ({ type: 'slow', delayMs })),
  fc.constant<KVFault>({ type: 'corrupt', rate: 0.5 }),
)

const action = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('read'), isolate, key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('getMany'),
      isolate,
      keys: fc.array(key, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('save'), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('put'), isolate, key, isMissing: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('expire', 'delete', 'expireTags'), isolate, key }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('clear', 'deleteByPrefix'), isolate }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'plainGetOrSet',
        'plainGetOrSet',
        'plainGet',
        'plainSet',
        'plainDelete',
      ),
      isolate,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('fault'), fault, lastsMs: fc.nat({ max: 20_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('originFails'), lastsMs: fc.nat({ max: 30_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('originSlow'),
      slowMs: fc.constantFrom(700, 3000, 20_000),
      lastsMs: fc.nat({ max: 20_000 }),
    }),
  },
)

const step = fc.record({
  pauseMs: fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 100 }) },
    { weight: 3, arbitrary: fc.nat({ max: 2500 }) },
    { weight: 1, arbitrary: fc.nat({ max: 60_000 }) },
  ),
  action,
})

const traffic = fc.record({
  seed: fc.nat(),
  consistency: fc.constantFrom('typical' as const, 'adverse' as const),
  plan,
  anchored: fc.array(fc.boolean(), { minLength: isolateCount, maxLength: isolateCount }),
  hasMemory: fc.boolean(),
  steps: fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }),
})

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

interface World {
  readonly isolates: readonly SimulatedIsolate[]
  readonly origin: VersionedOrigin
  readonly injectFault: (fault: KVFault) => () => void
  readonly sleep: (ms: number) => Promise<void>
  readonly now: () => number
}

async function perform(action: Action, world: World): Promise<void> {
  const { origin, isolates, now } = world
  const one = 'isolate' in action ? isolates[action.isolate] : isolates[0]
  if (one === undefined) return
  if ('isMissing' in action) return one.put(action.key, action)
  if ('keys' in action) return one.getMany(action.keys)
  if ('fault' in action) {
    const end = world.injectFault(action.fault)
    await world.sleep(action.lastsMs)
    end()
  } else if ('slowMs' in action) {
    origin.slowMs = action.slowMs
    origin.slowUntilMs = now() + action.lastsMs
  } else if ('lastsMs' in action) {
    origin.failsUntilMs = now() + action.lastsMs
  } else if (!('isolate' in action)) {
    origin.save(action.key)
  } else if ('key' in action) {
    await one[action.type](action.key)
  } else if (action.type.startsWith('plain')) {
    await one[action.type as 'plainGetOrSet' | 'plainGet' | 'plainSet' | 'plainDelete']('plain')
  } else {
    await one[action.type as 'clear' | 'deleteByPrefix']()
  }
}

test(
  'keeps every promise under random traffic, faults and slow or failing loads',
  async () => {
    let reads = 0
    await fc.assert(
      fc.asyncProperty(traffic, async ({ seed, consistency, plan, anchored, hasMemory, steps }) => {
        const clock = createVirtualClock()
        const simulator = createEdgeSimulator({
          seed,
          clock,
          locations,
          consistency,
          latency: 'typical',
        })
        const origin = new VersionedOrigin(clock)
        const violations: string[] = []
        const isolates = anchored.map(
          (hasWaitUntil, index) =>
            new SimulatedIsolate({
              name: `isolate ${index}`,
              location: simulator.location(locations[index % locations.length] ?? ''),
              clock,
              origin,
              plan,
              client: hasMemory ? {} : { memory: false },
              hasWaitUntil,
              violations,
            }),
        )
        const { injectFault } = simulator
        const world: World = {
          isolates,
          origin,
          injectFault: injectFault.bind(simulator),
          sleep: clock.sleep,
          now: clock.now,
        }
        await clock.run(async () => {
          const running: Promise<void>[] = []
          for (const { pauseMs, action } of steps) {
            // Never two in one millisecond: what two isolates write then has no order.
            await clock.sleep(pauseMs + 1)
            running.push(perform(action, world))
          }
          await Promise.all(running)
          await Promise.all(isolates.map((one) => one.settle()))
        })
        reads += isolates.reduce((sum, { counters }) => sum + counters.stats('item').loads, 0)
        expect(violations).toEqual([])
      }),
      { numRuns, seed, endOnFailure: !isLong },
    )
    expect(reads).toBeGreaterThan(numRuns)
  },
  isLong ? 36_000_000 : 60_000,
)
