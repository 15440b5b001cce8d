import {
  CacheClient,
  type CacheClientOptions,
  type CacheDefinitionOptions,
} from '../../src/cache.ts'
import type { ClientEvent } from '../../src/index.ts'
import {
  createEdgeSimulator,
  createVirtualClock,
  type EdgeSimulator,
  type EdgeSimulatorOptions,
  type VirtualClock,
} from '../../src/testing.ts'

export interface SimulatedClient {
  readonly cache: CacheClient
  readonly clock: VirtualClock
  readonly events: ClientEvent[]
  readonly simulator: EdgeSimulator
  /** Lets the clock run until no background work is left. */
  readonly settle: () => Promise<void>
}

interface SimulatedClientOptions extends Omit<CacheClientOptions, 'now' | 'timers' | 'waitUntil'> {
  /** One that other clients share. Default: one location that is strongly consistent. */
  readonly simulator?: EdgeSimulator
  readonly location?: string
  readonly hasWaitUntil?: boolean
  /** What stands between the client and the namespace. */
  readonly wrap?: (kv: KVNamespace) => KVNamespace
}

export function createSimulator(options: EdgeSimulatorOptions = {}): EdgeSimulator {
  return createEdgeSimulator({
    locations: ['AMS', 'SIN'],
    consistency: 'strong',
    // A message in workerd may come before all microtasks have run.
    clock: createVirtualClock({ turnsPerStep: 10 }),
    ...options,
  })
}

/** An isolate in a location of the edge simulator, on its clock. */
export function createSimulatedClient(options: SimulatedClientOptions = {}): SimulatedClient {
  const {
    simulator = createSimulator(),
    location = 'AMS',
    hasWaitUntil = true,
    wrap,
    ...rest
  } = options
  const { clock } = simulator
  const kv = simulator.location(location).kv('CACHE_KV')
  const events: ClientEvent[] = []
  const background = new Set<Promise<unknown>>()
  const cache = new CacheClient(wrap?.(kv) ?? kv, {
    now: clock.now,
    timers: clock,
    onEvent: (event) => events.push(event),
    random: () => 0,
    ...rest,
    ...(hasWaitUntil && {
      waitUntil: (work) => {
        background.add(work)
        void work.finally(() => background.delete(work))
      },
    }),
  })
  const settle = (): Promise<void> =>
    clock.run(async () => {
      while (background.size > 0) await Promise.all(background)
    })
  return { cache, clock, events, simulator, settle }
}

/** An origin whose value is a number that a test changes. */
export function createCounter(): {
  value: number
  loads: number
  readonly options: Pick<CacheDefinitionOptions<string, { readonly n: number }>, 'load' | 'fresh'>
} {
  const counter = {
    value: 1,
    loads: 0,
    options: {
      fresh: '1h' as const,
      load: () => {
        counter.loads++
        return Promise.resolve({ n: counter.value })
      },
    },
  }
  return counter
}
