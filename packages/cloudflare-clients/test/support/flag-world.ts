import type { ClientEvent } from '../../src/index.ts'
import {
  FeatureFlags,
  type FeatureFlagsOptions,
  type FlagRuleset,
  type StoredFlag,
} from '../../src/feature-flags.ts'
import type { EdgeSimulator, VirtualClock } from '../../src/testing.ts'
import { createSimulator } from './simulated-client.ts'

export interface FlagIsolate {
  readonly flags: FeatureFlags
  readonly clock: VirtualClock
  readonly simulator: EdgeSimulator
  readonly events: ClientEvent[]
  /** Lets the clock run until no background work is left. */
  readonly settle: () => Promise<void>
}

interface FlagIsolateOptions extends Omit<FeatureFlagsOptions, 'now' | 'timers' | 'waitUntil'> {
  readonly simulator?: EdgeSimulator
  readonly location?: string
  readonly hasWaitUntil?: boolean
}

/** An isolate with flags in a location of the edge simulator, on its clock. */
export function createFlagIsolate(options: FlagIsolateOptions = {}): FlagIsolate {
  const { simulator = createSimulator(), location = 'AMS', hasWaitUntil = true, ...rest } = options
  const { clock } = simulator
  const events: ClientEvent[] = []
  const background = new Set<Promise<unknown>>()
  const flags = new FeatureFlags(simulator.location(location).kv('FLAGS_KV'), {
    now: clock.now,
    timers: clock,
    onEvent: (event) => events.push(event),
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
  return { flags, clock, simulator, events, settle }
}

export function toRuleset(
  version: number,
  flags: Readonly<Record<string, Omit<StoredFlag, 'version'> & { readonly version?: number }>>,
): FlagRuleset {
  const stored = Object.entries(flags).map(([name, flag]) => [name, { version, ...flag }])
  return {
    format: 1,
    version,
    changedAtMs: 0,
    flags: Object.fromEntries(stored) as Record<string, StoredFlag>,
  }
}

/** As if it had been in KV for long. */
export function seedRuleset(
  simulator: EdgeSimulator,
  ruleset: FlagRuleset | string,
  environment = 'default',
): void {
  const text = typeof ruleset === 'string' ? ruleset : JSON.stringify(ruleset)
  simulator.store('FLAGS_KV').seed(`flags:${environment}`, text)
}
