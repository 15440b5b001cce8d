import {
  FeatureFlags,
  type FeatureFlagsOptions,
  type FlagAuthorityNamespace,
  memoryFlagAuthority,
} from '../../src/feature-flags.ts'
import {
  createEdgeSimulator,
  createVirtualClock,
  type EdgeSimulator,
  type VirtualClock,
} from '../../src/testing.ts'

export interface FlagGuideWorld {
  readonly simulator: EdgeSimulator
  readonly clock: VirtualClock
  /** Whether calls of the authority fail. */
  isAuthorityAway: boolean
  /** Another isolate, in a location. */
  isolate(location: string, options?: FeatureFlagsOptions): FeatureFlags
  /** Until what was changed is in KV, and KV has brought it everywhere. */
  settle(): Promise<void>
}

const propagationMs = 30_000
/** For how long a location answers from what it read before. */
const cachedMs = 60_000

/** Isolates in Amsterdam and Singapore, one authority, and a clock that the test moves. */
export function createFlagGuideWorld(): FlagGuideWorld {
  const simulator = createEdgeSimulator({
    locations: ['AMS', 'SIN'],
    consistency: { propagation: propagationMs, readYourWrites: 1 },
    // A message in workerd may come before all microtasks have run.
    clock: createVirtualClock({ turnsPerStep: 10 }),
  })
  const { clock } = simulator
  const time = { now: clock.now, timers: clock }
  const background = new Set<Promise<unknown>>()
  const waitUntil = (work: Promise<unknown>): void => {
    background.add(work)
    void work.finally(() => background.delete(work))
  }
  const kvOf = (location: string): KVNamespace => simulator.location(location).kv('FLAGS_KV')
  const memory = memoryFlagAuthority({ kv: kvOf('AMS'), waitUntil, ...time })

  const authority: FlagAuthorityNamespace = {
    getByName: (name) => {
      if (world.isAuthorityAway) throw new Error('Network connection lost')
      return memory.getByName(name)
    },
  }
  const world: FlagGuideWorld = {
    simulator,
    clock,
    isAuthorityAway: false,
    isolate: (location, options = {}) =>
      new FeatureFlags(kvOf(location), {
        authority,
        waitUntil,
        onEvent: () => undefined,
        ...time,
        ...options,
      }),
    async settle() {
      await clock.run(async () => {
        while (background.size > 0) await Promise.all(background)
      })
      await clock.advance(propagationMs + cachedMs)
    },
  }
  return world
}
