import {
  createEdgeSimulator,
  createSeededRandom,
  createVirtualClock,
  type VirtualClock,
} from '@codex/cloudflare-clients/testing'
import type {
  LimiterIsolate,
  LimiterUnderTest,
  LimiterWorld,
  OpenLimiter,
} from '../limiters/limiter-under-test.ts'
import { priceOf } from '../limiters/limiter-prices.ts'
import { BackendUsage } from '../simulation/backend-usage.ts'
import { SimulatedNetwork } from '../simulation/simulated-network.ts'
import { runOnVirtualTime } from '../simulation/virtual-globals.ts'
import { watchKv } from '../simulation/watched-kv.ts'
import { Admissions, countByWindow } from './admissions.ts'
import {
  type Arrival,
  arrivalsOf,
  endsOfIsolate,
  type Load,
  roundTripsOf,
  startMs,
} from './load.ts'

const identifier = 'client-1'
/** Time for what is under way when the last call has come. */
const settleMs = 10_000

/** What one limiter did under one load. */
export interface LoadReport {
  readonly checks: number
  readonly throws: number
  readonly admissions: Admissions
  /** The windows in which more was asked for than the limit. */
  readonly saturatedWindows: readonly number[]
  readonly usage: BackendUsage
  readonly kv: { readonly reads: number; readonly writes: number; readonly refusedWrites: number }
  readonly dollars: number
  /** How long each call waited, in order. */
  readonly waitedMs: Float64Array
}

/** Runs a load through a limiter: isolates, locations and backend on a virtual clock. */
export async function simulateLoad(limiter: LimiterUnderTest, load: Load): Promise<LoadReport> {
  const virtual = createVirtualClock({ startMs })
  // What a program sees of the time has no fractions.
  const clock: VirtualClock = { ...virtual, now: () => Math.floor(virtual.now()) }
  const simulator = createEdgeSimulator({
    clock: virtual,
    seed: 'rate limits',
    locations: Array.from({ length: load.locations }, (_, index) => `L${index}`),
    consistency: 'typical',
    latency: 'typical',
  })
  const watched = simulator.locations.map((location) => watchKv(location.kv('RATE_LIMIT_KV')))
  const usage = new BackendUsage(virtual.now)
  const world: LimiterWorld = {
    limit: load.limit,
    windowMs: load.windowMs,
    clock,
    network: new SimulatedNetwork({
      sleep: virtual.sleep,
      random: createSeededRandom('network'),
      usage,
      roundTripMs: roundTripsOf(load),
    }),
    kvAt: (location) => at(watched, location).kv,
    random: createSeededRandom,
    waitUntil: (work) => void work.catch(() => undefined),
  }
  const calls = new Calls(load, virtual)
  await runOnVirtualTime(clock, async () => {
    const isolates = new Isolates(limiter.open(world), load)
    for (const arrival of arrivalsOf(load)) {
      await virtual.sleep(arrival.atMs - virtual.now())
      calls.make(isolates.find(arrival), arrival)
    }
    await virtual.sleep(settleMs)
  })
  const { read, write } = simulator.operations
  const refusedWrites = watched.reduce((sum, location) => sum + location.refusedWrites, 0)
  return {
    ...calls.report(),
    usage,
    kv: { reads: read, writes: write, refusedWrites },
    dollars: priceOf({
      requests: usage.requests,
      rowsWritten: usage.rowsWritten,
      redisCommands: usage.redisCommands,
      kvDollars: simulator.bill().dollars,
    }),
  }
}

/** The isolates that live now. One that has ended keeps the calls it has, and its place gets a new one with the next call. */
class Isolates {
  readonly #slots: { limiter: LimiterIsolate; readonly ends: Iterator<number>; endMs: number }[]
  readonly #open: (index: number) => LimiterIsolate

  constructor(limiter: OpenLimiter, load: Load) {
    let opened = 0
    this.#open = (index) =>
      limiter.openIsolate({ name: `isolate ${opened++}`, location: index % load.locations })
    this.#slots = Array.from({ length: load.isolates }, (_, index) => {
      const ends = endsOfIsolate(load, index)
      return { limiter: this.#open(index), ends, endMs: nextOf(ends) }
    })
  }

  find({ isolate, atMs }: Arrival): LimiterIsolate {
    const slot = at(this.#slots, isolate)
    if (atMs < slot.endMs) return slot.limiter
    while (slot.endMs <= atMs) slot.endMs = nextOf(slot.ends)
    slot.limiter = this.#open(isolate)
    return slot.limiter
  }
}

/** Makes calls and takes down what comes of them. */
class Calls {
  readonly #admissions: Admissions
  readonly #load: Load
  readonly #clock: VirtualClock
  readonly #askedAtMs: number[] = []
  readonly #waitedMs: number[] = []
  #throws = 0

  constructor(load: Load, clock: VirtualClock) {
    this.#load = load
    this.#clock = clock
    this.#admissions = new Admissions(load)
  }

  make(isolate: LimiterIsolate, { atMs }: Arrival): void {
    this.#askedAtMs.push(atMs)
    const startedMs = this.#clock.now()
    const end = (): void => {
      this.#waitedMs.push(this.#clock.now() - startedMs)
    }
    isolate.check(identifier).then(
      ({ allowed, countedAtMs }) => {
        end()
        if (allowed) this.#admissions.add(countedAtMs)
      },
      () => {
        end()
        this.#throws++
      },
    )
  }

  report(): Pick<LoadReport, 'checks' | 'throws' | 'admissions' | 'saturatedWindows' | 'waitedMs'> {
    const checks = this.#askedAtMs.length
    if (this.#waitedMs.length !== checks) {
      throw new Error(`${checks - this.#waitedMs.length} of ${checks} calls were never answered`)
    }
    const { limit, windowMs } = this.#load
    const asked = countByWindow(this.#askedAtMs, windowMs)
    return {
      checks,
      throws: this.#throws,
      admissions: this.#admissions,
      saturatedWindows: [...asked].flatMap(([window, count]) => (count >= limit ? [window] : [])),
      waitedMs: Float64Array.from(this.#waitedMs).sort(),
    }
  }
}

function nextOf(times: Iterator<number>): number {
  const next = times.next()
  return next.done === true ? Infinity : next.value
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new RangeError(`There is no ${index} of ${list.length}`)
  return item
}
