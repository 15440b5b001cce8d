import type { KVOperation } from '../kv/metered-kv.ts'
import { type CentralStore, isExpired, type ListedPage, type StoredEntry } from './central-store.ts'
import type { Consistency } from './consistency.ts'
import { delayAt, type DelayDistribution } from './delay-distribution.ts'
import type { Faults, FaultTarget } from './fault.ts'
import { failedWithStatus, type KVRequestName } from '../kv/kv-responses.ts'
import type { Latency } from './latency.ts'
import type { SimulatedOperation } from './ledger.ts'
import { LocationCache } from './location-cache.ts'
import type { RandomSource } from './seeded-random.ts'
import { type DailyUsage, quotaExceeded } from './service-limits.ts'
import { StoredValue } from '../kv/stored-value.ts'

/** What the simulator shares with every place where its stores are seen from. */
export interface SimulatorParts {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly consistency: Consistency
  readonly writeIntervalMs: number
  readonly usage: DailyUsage
  readonly faults: Faults
  readonly onOperation: (operation: SimulatedOperation) => void
}

interface LocationStoreOptions {
  readonly location: { readonly name: string; readonly index: number; readonly latency: Latency }
  readonly namespace: string
  readonly central: CentralStore
  readonly random: RandomSource
  readonly parts: SimulatorParts
}

/** A call that was counted. */
export interface Call {
  readonly target: FaultTarget
  readonly request: KVRequestName
}

export interface ReadAnswer {
  readonly entry: StoredEntry | null
  readonly isCached: boolean
}

/** One namespace as one location sees it: cache, latency, faults and what is billed. */
export class LocationStore {
  readonly #options: LocationStoreOptions
  readonly #caches: readonly LocationCache[]

  constructor(options: LocationStoreOptions) {
    this.#options = options
    const { cachesPerLocation } = options.parts.consistency
    this.#caches = Array.from({ length: cachesPerLocation }, () => new LocationCache())
  }

  get now(): () => number {
    return this.#options.parts.now
  }

  get hasCaches(): boolean {
    return this.#options.parts.consistency.caching
  }

  evict(key?: string): void {
    for (const cache of this.#caches) {
      if (key === undefined) cache.clear()
      else cache.forget(key)
    }
  }

  /**
   * Counts a call that leaves the Worker, refused ones too.
   *
   * @throws {Error} When the quota of the day is used up. Then nothing is billed.
   */
  begin(
    type: KVOperation['type'],
    call: { request: KVRequestName; names: readonly string[] },
  ): Call {
    const { location, namespace, parts } = this.#options
    const names = [...new Set(call.names)]
    const target = { operation: type, location: location.name, namespace, keys: names }
    const atMs = parts.now()
    const count = type === 'read' ? names.length : 1
    if (parts.faults.find('quota_exceeded', target)) throw quotaExceeded(type)
    parts.usage.use(type, { count, nowMs: atMs })
    parts.onOperation({ type, keys: count, location: location.name, namespace, names, atMs })
    return { target, request: call.request }
  }

  async read(call: Call, keys: readonly string[], cacheTtlSeconds: number): Promise<ReadAnswer[]> {
    const { location, parts, central } = this.#options
    const cache = this.#pickCache()
    const cached = keys.map((key) => cache?.find(key, cacheTtlSeconds, parts.now()))
    const isHot = cached.every((read) => read !== undefined)
    const delays = isHot ? location.latency.hotReadMs : location.latency.coldReadMs
    const finish = await this.#reach(call, delays)
    if (!isHot) await this.#assertCentralIsUp(call, finish)
    const nowMs = parts.now()
    const answers = keys.map((key, at): ReadAnswer => {
      const known = cached[at]
      const version = known === undefined ? central.read(key, location.index) : known.version
      const entry = version?.entry && !isExpired(version.entry, nowMs) ? version.entry : null
      if (known === undefined) {
        cache?.fill(key, entry === null ? undefined : version, { readAtMs: nowMs, cacheTtlSeconds })
      }
      return {
        entry: this.#corrupt(entry, { ...call.target, keys: [key] }),
        isCached: known !== undefined,
      }
    })
    await finish()
    return answers
  }

  /** @param entry `null` deletes. */
  async write(call: Call, key: string, entry: StoredEntry | null): Promise<void> {
    const { location, parts, central } = this.#options
    const store = (): void => {
      // A delete of what never was leaves no tombstone.
      if (entry === null && central.newest(key) === undefined) return
      const version = central.write(key, entry, location.index)
      if (central.isReadByWriter(version)) this.evict(key)
    }
    const finish = await this.#reach(call, location.latency.writeMs, store)
    await this.#assertCentralIsUp(call, finish)
    const isTooSoon = parts.now() < central.lastWriteMs(key) + parts.writeIntervalMs
    if (isTooSoon || parts.faults.find('rate_limited', call.target)) {
      await finish()
      throw failedWithStatus(call.request, 429)
    }
    store()
    await finish()
  }

  async list(
    call: Call,
    page: { readonly prefix: string; readonly after: string; readonly limit: number },
  ): Promise<ListedPage> {
    const { location, central } = this.#options
    const finish = await this.#reach(call, location.latency.listMs)
    await this.#assertCentralIsUp(call, finish)
    const listed = central.list(page, location.index)
    await finish()
    return listed
  }

  /**
   * Takes the first half of a call's time.
   *
   * @param store What a write does, for a failure that comes after it was stored.
   * @returns Takes the second half.
   */
  async #reach(
    call: Call,
    delays: DelayDistribution,
    store?: () => void,
  ): Promise<() => Promise<void>> {
    const { parts, random } = this.#options
    const slowMs = parts.faults.find('slow', call.target)?.delayMs ?? 0
    const halfMs = (delayAt(delays, random()) + slowMs) / 2
    const half = async (): Promise<void> => {
      if (halfMs > 0) await parts.sleep(halfMs)
    }
    await half()
    const fault = parts.faults.find('error', call.target)
    if (fault !== undefined) {
      if (store !== undefined && parts.faults.draws(fault.appliedShare ?? 0)) store()
      await half()
      throw failedWithStatus(call.request, fault.status ?? 500)
    }
    return half
  }

  async #assertCentralIsUp(call: Call, finish: () => Promise<void>): Promise<void> {
    const fault = this.#options.parts.faults.find('central_down', call.target)
    if (fault === undefined) return
    await finish()
    throw failedWithStatus(call.request, fault.status ?? 503)
  }

  #pickCache(): LocationCache | undefined {
    if (!this.hasCaches) return undefined
    if (this.#caches.length === 1) return this.#caches[0]
    return this.#caches[Math.floor(this.#options.random() * this.#caches.length)]
  }

  #corrupt(entry: StoredEntry | null, target: FaultTarget): StoredEntry | null {
    if (entry === null) return null
    const fault = this.#options.parts.faults.find('corrupt', target)
    if (fault === undefined) return entry
    const { text } = entry.value
    const broken = fault.replacement ?? text.slice(0, text.length >> 1)
    return { ...entry, value: StoredValue.fromText(broken) }
  }
}
