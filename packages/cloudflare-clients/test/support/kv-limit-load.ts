import { kvBackend, RateLimiterClient, type RateLimitResult } from '../../src/rate-limiter.ts'
import type { ClientEvent } from '../../src/index.ts'
import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
  type EdgeSimulatorOptions,
  type SimulatedOperation,
  type VirtualClock,
} from '../../src/testing.ts'
import { wrapKV } from './wrapped-kv.ts'

/** Whole windows of any usual length begin here. */
const loadStartMs = 20_000 * 86_400_000

export interface KVLimitLoad {
  readonly limit: number
  readonly windowSeconds: number
  readonly isolates: number
  readonly locations: number
  /** Calls over all isolates for one that the limit admits. */
  readonly demand: number
  readonly seed?: number
  readonly windows?: number
  readonly algorithm?: 'slots' | 'read-modify-write'
  readonly consistency?: EdgeSimulatorOptions['consistency']
}

export interface KVLimitOutcome {
  readonly checks: number
  /** Admitted of the limit, in the worst window. */
  readonly worst: number
  readonly admitted: readonly number[]
  readonly mostOfAnIsolate: number
  readonly writes: number
  readonly refusedWrites: number
  /** The shortest time between two writes of one isolate to one key, in ms. */
  readonly closestWritesMs: number
  readonly readCalls: number
  readonly readKeys: number
  readonly events: readonly ClientEvent[]
  /** Admitted and in no write that KV took. */
  readonly unwritten: number
  /** Admitted in the last window and not in KV when all is over, where another isolate's write hides it. */
  readonly hidden: number
}

interface Isolate {
  readonly kv: KVNamespace
  readonly check: () => Promise<Pick<RateLimitResult, 'allowed'>>
}

/** Isolates in locations of the edge simulator, which are called at random times by one identifier. */
export function runKVLimitLoad(load: KVLimitLoad): Promise<KVLimitOutcome> {
  return new LoadRun(load).run()
}

class LoadRun {
  readonly #load: KVLimitLoad
  readonly #clock: VirtualClock = createVirtualClock({ startMs: loadStartMs })
  readonly #operations: SimulatedOperation[] = []
  readonly #background = new Set<Promise<unknown>>()
  readonly #events: ClientEvent[] = []
  readonly #admitted: number[] = []
  readonly #admittedBy: number[][] = []
  readonly #ownWrites = new Map<string, number>()
  readonly #written: string[] = []
  #closestWritesMs = Infinity
  #refusedWrites = 0
  #checks = 0

  constructor(load: KVLimitLoad) {
    this.#load = load
  }

  async run(): Promise<KVLimitOutcome> {
    const { seed = 1, limit, windowSeconds, demand, windows = 2 } = this.#load
    const clock = this.#clock
    const simulator = createEdgeSimulator({
      seed,
      clock,
      locations: Array.from({ length: this.#load.locations }, (_, index) => `L${index}`),
      consistency: this.#load.consistency ?? 'typical',
      latency: 'typical',
      onOperation: (operation) => this.#operations.push(operation),
    })
    const isolates = Array.from({ length: this.#load.isolates }, (_, index) =>
      this.#createIsolate(index, simulator.location(`L${index % this.#load.locations}`).kv('KV')),
    )
    const random = createSeededRandom(`${seed}/arrivals`)
    const meanMs = (windowSeconds * 1000) / (limit * demand)
    const endMs = loadStartMs + windows * windowSeconds * 1000
    await clock.run(async () => {
      const calls: Promise<void>[] = []
      for (;;) {
        await clock.sleep(-Math.log(1 - random()) * meanMs)
        if (clock.now() >= endMs) break
        calls.push(this.#call(isolates, Math.floor(random() * isolates.length)))
      }
      await Promise.all(calls)
      while (this.#background.size > 0) await Promise.allSettled([...this.#background])
    })
    const store = simulator.store('KV')
    const lastWindow = Math.max(...this.#admitted.keys())
    const kept = countsOf(
      store
        .keys()
        .filter((key) => key.includes(`-${this.#windowIndex(endMs - 1)}:`))
        .map((key) => store.get(key)?.text ?? '{}'),
    )
    const reads = this.#operations.filter(({ type }) => type === 'read')
    return {
      checks: this.#checks,
      worst: Math.max(...this.#admitted) / limit,
      admitted: this.#admitted,
      mostOfAnIsolate: Math.max(...this.#admittedBy.flat().filter(Number.isFinite)),
      writes: this.#operations.filter(({ type }) => type === 'write').length,
      refusedWrites: this.#refusedWrites,
      closestWritesMs: this.#closestWritesMs,
      readCalls: reads.length,
      readKeys: reads.reduce((sum, { keys }) => sum + keys, 0),
      events: this.#events,
      unwritten: sum(this.#admitted) - countsOf(this.#written),
      hidden: (this.#admitted[lastWindow] ?? 0) - kept,
    }
  }

  async #call(isolates: readonly Isolate[], index: number): Promise<void> {
    const isolate = isolates[index]
    if (isolate === undefined) return
    this.#checks++
    const { allowed } = await isolate.check()
    if (!allowed) return
    const window = this.#windowIndex(this.#clock.now()) - this.#windowIndex(loadStartMs)
    this.#admitted[window] = (this.#admitted[window] ?? 0) + 1
    const own = (this.#admittedBy[window] ??= [])
    own[index] = (own[index] ?? 0) + 1
  }

  #windowIndex(atMs: number): number {
    return Math.floor(atMs / (this.#load.windowSeconds * 1000))
  }

  readonly #waitUntil = (work: Promise<unknown>): void => {
    this.#background.add(work)
    const forget = (): void => void this.#background.delete(work)
    work.then(forget, forget)
  }

  #createIsolate(index: number, kv: KVNamespace): Isolate {
    const { limit, windowSeconds: window, algorithm = 'slots', seed = 1 } = this.#load
    const clock = this.#clock
    const watched = this.#watchWrites(index, kv)
    if (algorithm === 'read-modify-write') {
      return { kv, check: () => this.#readModifyWrite(watched) }
    }
    const backend = kvBackend(watched, {
      now: clock.now,
      timers: clock,
      random: createSeededRandom(`${seed}/isolate/${index}`),
      waitUntil: this.#waitUntil,
      onEvent: (event) => this.#events.push(event),
    })
    const limiter = new RateLimiterClient(backend, {
      now: clock.now,
      timers: clock,
      deadlineMs: 5000,
      onEvent: (event) => this.#events.push(event),
    })
    const policy = { limit, window, keyPrefix: 'load' }
    return { kv, check: () => limiter.checkLimit('id', policy) }
  }

  #watchWrites(index: number, kv: KVNamespace): KVNamespace {
    const put = async (real: (...args: unknown[]) => unknown, args: unknown[]): Promise<void> => {
      const name = `${index} ${String(args[0])}`
      const nowMs = this.#clock.now()
      const sinceMs = nowMs - (this.#ownWrites.get(name) ?? -Infinity)
      this.#closestWritesMs = Math.min(this.#closestWritesMs, sinceMs)
      this.#ownWrites.set(name, nowMs)
      try {
        await real(...args)
        this.#written.push(String(args[1]))
      } catch (error) {
        if (String(error).includes('429')) this.#refusedWrites++
        throw error
      }
    }
    return wrapKV(kv, { put })
  }

  /** What was in this place before: one key, read and written back with each admitted call. */
  async #readModifyWrite(kv: KVNamespace): Promise<{ allowed: boolean }> {
    const { limit, windowSeconds } = this.#load
    const window = Math.floor(this.#clock.now() / (windowSeconds * 1000))
    const key = `rl:load:id:${window}`
    const count = Number((await kv.get(key, { cacheTtl: 30 })) ?? 0)
    if (count >= limit) return { allowed: false }
    this.#waitUntil(kv.put(key, String(count + 1), { expirationTtl: windowSeconds + 60 }))
    return { allowed: true }
  }
}

/** The highest count of each writer, added up. A writer has one name in one window. */
function countsOf(texts: readonly string[]): number {
  const highest = new Map<string, number>()
  for (const text of texts) {
    const { counts = {} } = Object(JSON.parse(text)) as { counts?: Record<string, number> }
    for (const [writer, count] of Object.entries(counts)) {
      highest.set(writer, Math.max(count, highest.get(writer) ?? 0))
    }
  }
  return sum([...highest.values()])
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
