import {
  type ConsistencyPreset,
  createEdgeSimulator,
  createVirtualClock,
  type EdgeSimulator,
  type LatencyPreset,
  type VirtualClock,
} from '@codex/cloudflare-clients/testing'
import { withVirtualDate } from '../simulation/virtual-date.ts'
import { runOnVirtualTime } from '../simulation/virtual-globals.ts'
import type { FlagSystem, FlagWorld, OpenFlagSystem } from './flag-system.ts'

export interface StageOptions {
  readonly seed: string
  /** One way from each location to the one place of the authorities, in ms. The first is where flags are edited. */
  readonly onewayMs: Readonly<Record<string, number>>
  /** Default `typical`. */
  readonly consistency?: ConsistencyPreset
  /** Of KV. Default `none`. */
  readonly latency?: LatencyPreset
}

export interface FlagUsage {
  readonly kvReads: number
  readonly kvWrites: number
  readonly authorityCalls: number
  readonly vendorCalls: number
}

/** A way to keep flags, in its world, and what it has used. */
export class FlagStage {
  readonly clock: VirtualClock
  readonly simulator: EdgeSimulator
  readonly system: OpenFlagSystem
  /** Whether nobody reaches the authority, or it takes five seconds more. */
  authorityState: 'up' | 'down' | 'slow' = 'up'
  #authorityCalls = 0
  #vendorCalls = 0

  constructor(system: FlagSystem, clock: VirtualClock, options: StageOptions) {
    const { seed, onewayMs, consistency = 'typical', latency = 'none' } = options
    const locations = Object.keys(onewayMs)
    this.clock = clock
    this.simulator = createEdgeSimulator({ seed, clock, consistency, latency, locations })
    const world: FlagWorld = {
      clock,
      simulator: this.simulator,
      home: locations[0] ?? '',
      callAuthority: (location, work) => {
        this.#authorityCalls++
        if (this.authorityState === 'down')
          return Promise.reject(new Error('The authority is down'))
        const slowMs = this.authorityState === 'slow' ? 5000 : 0
        return this.#call((onewayMs[location] ?? 0) + slowMs, work)
      },
      callVendor: (work) => {
        this.#vendorCalls++
        return this.#call(vendorOnewayMs, work)
      },
    }
    this.system = system.open(world)
  }

  get usage(): FlagUsage {
    const { read, write } = this.simulator.operations
    return {
      kvReads: read,
      kvWrites: write,
      authorityCalls: this.#authorityCalls,
      vendorCalls: this.#vendorCalls,
    }
  }

  async #call<Reply>(onewayMs: number, work: () => Reply): Promise<Awaited<Reply>> {
    await this.clock.sleep(onewayMs)
    const reply = await work()
    await this.clock.sleep(onewayMs)
    return reply
  }
}

const vendorOnewayMs = 50

/** Opens a stage on a clock of its own, by which libraries go too that take the time from `Date` or wait with the global timers. */
export async function onFlagStage<T>(
  system: FlagSystem,
  options: StageOptions,
  work: (stage: FlagStage) => Promise<T>,
): Promise<T> {
  await system.prepare?.()
  const clock = createVirtualClock()
  const { result } = await withVirtualDate(clock.now, () =>
    runOnVirtualTime(clock, () => work(new FlagStage(system, clock, options))),
  )
  return result
}

export function flagUsageSince(after: FlagUsage, before: FlagUsage): FlagUsage {
  return {
    kvReads: after.kvReads - before.kvReads,
    kvWrites: after.kvWrites - before.kvWrites,
    authorityCalls: after.authorityCalls - before.authorityCalls,
    vendorCalls: after.vendorCalls - before.vendorCalls,
  }
}
