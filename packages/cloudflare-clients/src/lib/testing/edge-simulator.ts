import type { KVOperationCounts } from '../kv/kv-prices.ts'
import { CentralStore } from './central-store.ts'
import { type ConsistencyOptions, type ConsistencyPreset, toConsistency } from './consistency.ts'
import { Faults, type KVFault } from './fault.ts'
import {
  type Latency,
  type LatencyOptions,
  type LatencyPreset,
  latencyPresets,
  toLatency,
} from './latency.ts'
import { type KVBill, Ledger, type SimulatedOperation } from './ledger.ts'
import { LocationStore, type SimulatorParts } from './location-store.ts'
import { createSeededRandom } from './seeded-random.ts'
import { DailyUsage, type Plan, type ServiceLimits, toQuotas } from './service-limits.ts'
import { createSimulatedKV } from './simulated-kv.ts'
import { createStoreInspector, type StoreInspector } from './store-inspector.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

/** A location with latencies of its own. */
export interface EdgeLocationOptions extends LatencyOptions {
  readonly name: string
}

/** What the simulator needs of a clock. A `VirtualClock` is one, and so are the platform's own functions. */
export interface SimulatorClock {
  readonly now: () => number
  readonly setTimeout: (callback: () => void, delayMs: number) => unknown
}

export interface EdgeSimulatorOptions<Clock extends SimulatorClock = VirtualClock> {
  /** Decides everything that is drawn. The same seed and the same calls give the same answers. Default 1. */
  readonly seed?: number | string
  /** Names, or names with latencies. Default `['AMS', 'SIN', 'IAD']`. */
  readonly locations?: readonly (string | EdgeLocationOptions)[]
  /** Default: a new virtual clock. */
  readonly clock?: Clock
  /** How far locations are behind: a preset, or options of your own. Default `'typical'`. */
  readonly consistency?: ConsistencyPreset | ConsistencyOptions
  /** How long calls take, where a location does not say it. Default `'none'`: they answer without the clock. */
  readonly latency?: LatencyPreset | LatencyOptions
  /** The account's plan, which decides the daily quotas. Default `'paid'`, which has none. */
  readonly plan?: Plan
  /** Limits that are not the plan's own. */
  readonly limits?: ServiceLimits
  /** The namespaces there are. Default: any name is a namespace, which is empty when it is first named. */
  readonly namespaces?: readonly string[]
  /** Called synchronously for each billed call, before it is answered. It must not throw. */
  readonly onOperation?: (operation: SimulatedOperation) => void
}

/** One of Cloudflare's locations. */
export interface EdgeLocation {
  readonly name: string
  /** A namespace as this location sees it. The same name is the same store in every location. */
  kv(namespace: string): KVNamespace
  /** Empties the location's caches: of a namespace, of one key in it, or of all namespaces. */
  evict(namespace?: string, key?: string): void
}

export interface EdgeSimulator<Clock extends SimulatorClock = VirtualClock> {
  readonly clock: Clock
  readonly locations: readonly EdgeLocation[]
  /** @throws {RangeError} When there is no such location. */
  location(name: string): EdgeLocation
  /**
   * The truth of a namespace, which no Worker sees: for assertions, and for what is there before a test begins.
   * Nothing in it is billed.
   */
  store(namespace: string): StoreInspector
  /** What was billed until now. */
  readonly operations: KVOperationCounts
  /** What was billed until now, its marginal price, and how it spreads over locations and namespaces. */
  bill(): KVBill
  /** Begins a new bill. Stores and caches stay as they are. */
  resetBill(): void
  /** Begins a fault. @returns Ends it. */
  injectFault(fault: KVFault): () => void
}

const action = 'create an edge simulator'

/**
 * Creates a simulation of Workers KV as several locations see it: with caches that go stale, misses that are
 * cached, writes that arrive late, limits, faults and a bill. It is deterministic: the same seed and the same calls give the
 * same answers.
 *
 * Time is that of `clock`. Without latencies every call answers without it; with them, await calls inside `clock.run`.
 *
 * @throws {RangeError} When an option is out of range.
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { createEdgeSimulator } from '@codex/cloudflare-clients/testing'
 *
 * const simulator = createEdgeSimulator({ seed: 7, locations: ['AMS', 'SIN'] })
 * const amsterdam = simulator.location('AMS').kv('CACHE_KV')
 * const singapore = simulator.location('SIN').kv('CACHE_KV')
 *
 * await singapore.get('greeting') // null, and Singapore keeps that for 60 seconds
 * await amsterdam.put('greeting', 'hello')
 * await singapore.get('greeting') // still null
 * await simulator.clock.advance(300_000)
 * await singapore.get('greeting') // 'hello'
 * simulator.bill().dollars // three reads and a write
 * ```
 */
export function createEdgeSimulator<Clock extends SimulatorClock = VirtualClock>(
  options: EdgeSimulatorOptions<Clock> = {},
): EdgeSimulator<Clock> {
  return new Simulator<Clock>(options)
}

class Simulator<Clock extends SimulatorClock> implements EdgeSimulator<Clock> {
  readonly clock: Clock
  readonly locations: readonly EdgeLocation[]
  readonly #seed: string
  readonly #parts: SimulatorParts
  readonly #ledger = new Ledger()
  readonly #stores = new Map<string, CentralStore>()
  readonly #namespaces: readonly string[] | undefined

  constructor(options: EdgeSimulatorOptions<Clock>) {
    const { seed = 1, consistency = 'typical', plan = 'paid', limits = {} } = options
    if (!['free', 'paid'].includes(plan)) {
      throw new RangeError(`Cannot ${action}: plan must be free or paid, received ${plan}`)
    }
    this.#seed = String(seed)
    // A caller who names another type of clock passes one.
    const clock = options.clock ?? (createVirtualClock() as SimulatorClock as Clock)
    this.clock = clock
    this.#namespaces = options.namespaces
    const quotas = toQuotas(limits, { plan, isStrong: consistency === 'strong' })
    this.#parts = {
      now: () => clock.now(),
      sleep: (ms) =>
        new Promise((resolve) => {
          clock.setTimeout(resolve, ms)
        }),
      consistency: toConsistency(consistency),
      writeIntervalMs: quotas.writeIntervalMs,
      usage: new DailyUsage(quotas.perDay),
      faults: new Faults({
        now: () => clock.now(),
        random: createSeededRandom(`${this.#seed}/faults`),
      }),
      onOperation: (operation) => {
        this.#ledger.add(operation)
        options.onOperation?.(operation)
      },
    }
    this.locations = this.#createLocations(options)
  }

  get operations(): KVOperationCounts {
    return this.#ledger.operations
  }

  location(name: string): EdgeLocation {
    const location = this.locations.find((known) => known.name === name)
    if (location !== undefined) return location
    const names = this.locations.map((known) => known.name).join(', ')
    throw new RangeError(`Cannot find location ${JSON.stringify(name)}: expected one of ${names}`)
  }

  store(namespace: string): StoreInspector {
    return createStoreInspector(this.#findStore(namespace), this.#parts.now)
  }

  bill(): KVBill {
    return this.#ledger.bill()
  }

  resetBill(): void {
    this.#ledger.reset()
  }

  injectFault(fault: KVFault): () => void {
    for (const name of fault.locations ?? []) this.location(name)
    for (const name of fault.namespaces ?? []) this.#findStore(name)
    return this.#parts.faults.add(fault)
  }

  #createLocations(options: EdgeSimulatorOptions<Clock>): EdgeLocation[] {
    const { locations = ['AMS', 'SIN', 'IAD'], latency = 'none' } = options
    const base = toLatency(latency, latencyPresets.none)
    const named = locations.map((location) =>
      typeof location === 'string' ? { name: location } : location,
    )
    if (named.length === 0) {
      throw new RangeError(`Cannot ${action}: locations must be at least one, received none`)
    }
    if (new Set(named.map(({ name }) => name)).size < named.length) {
      throw new RangeError(
        `Cannot ${action}: locations must have different names, received ${named.map(({ name }) => name).join(', ')}`,
      )
    }
    return named.map(({ name, ...own }, index) =>
      this.#createLocation({ name, index, latency: toLatency(own, base) }),
    )
  }

  #createLocation(location: {
    readonly name: string
    readonly index: number
    readonly latency: Latency
  }): EdgeLocation {
    const views = new Map<string, { store: LocationStore; kv: KVNamespace }>()
    const random = createSeededRandom(`${this.#seed}/location/${location.name}`)
    return {
      name: location.name,
      kv: (namespace) => {
        const known = views.get(namespace)
        if (known !== undefined) return known.kv
        const central = this.#findStore(namespace)
        const store = new LocationStore({
          location,
          namespace,
          central,
          random,
          parts: this.#parts,
        })
        const kv = createSimulatedKV(store)
        views.set(namespace, { store, kv })
        return kv
      },
      evict: (namespace, key) => {
        if (namespace !== undefined) views.get(namespace)?.store.evict(key)
        else for (const { store } of views.values()) store.evict()
      },
    }
  }

  #findStore(namespace: string): CentralStore {
    const known = this.#stores.get(namespace)
    if (known !== undefined) return known
    if (this.#namespaces !== undefined && !this.#namespaces.includes(namespace)) {
      throw new RangeError(
        `Cannot find namespace ${JSON.stringify(namespace)}: expected one of ${this.#namespaces.join(', ')}`,
      )
    }
    const { now, consistency } = this.#parts
    const seed = `${this.#seed}/namespace/${namespace}`
    const locationCount = this.locations.length
    const store = new CentralStore({ seed, locationCount, consistency, now })
    this.#stores.set(namespace, store)
    return store
  }
}
