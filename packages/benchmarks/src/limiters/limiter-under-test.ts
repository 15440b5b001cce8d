import type { SimulatedNetwork } from '../simulation/simulated-network.ts'

/** What every limiter is asked to keep: so many calls in a window. */
export interface LimitSetting {
  readonly limit: number
  readonly windowMs: number
}

/** Everything around the isolates of one limiter in one simulated run. */
export interface LimiterWorld extends LimitSetting {
  readonly clock: {
    /** Whole milliseconds, as `Date.now` gives them. */
    readonly now: () => number
    readonly setTimeout: (callback: () => void, delayMs?: number) => number
    readonly clearTimeout: (id: unknown) => void
  }
  readonly network: SimulatedNetwork
  kvAt(location: number): KVNamespace
  /** Draws of its own for each name, the same in every run. */
  random(name: string): () => number
  waitUntil(work: Promise<unknown>): void
}

/** Where an isolate runs. No two have one name. */
export interface IsolatePlace {
  readonly name: string
  readonly location: number
}

export interface Verdict {
  readonly allowed: boolean
  /** The time by which the limiter counts the call: its authority's where that decides, else its own. */
  readonly countedAtMs: number
}

/** A limiter inside one isolate. */
export interface LimiterIsolate {
  check(identifier: string): Promise<Verdict>
}

/** A limiter with whatever all isolates share. */
export interface OpenLimiter {
  openIsolate(place: IsolatePlace): LimiterIsolate
}

export interface LimiterUnderTest {
  /** The name in the tables. */
  readonly id: string
  /** Default: it keeps any limit. */
  supports?(setting: LimitSetting): boolean
  open(world: LimiterWorld): OpenLimiter
}
