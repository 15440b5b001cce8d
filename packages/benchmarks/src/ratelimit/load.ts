import { createSeededRandom } from '@codex/cloudflare-clients/testing'
import type { LimitSetting } from '../limiters/limiter-under-test.ts'

/** A multiple of every window here, so that a run begins with a window. */
export const startMs = 1_700_000_400_000

/** The traffic of one scenario on one key. */
export interface Load extends LimitSetting {
  readonly isolates: number
  readonly locations: number
  /** Calls offered over the limit. */
  readonly demand: number
  readonly windows: number
  /** The shortest and the longest round trip to the authority. */
  readonly roundTripMs: readonly [number, number]
  /** Mean life of an isolate, whose place a new one takes. Default: they live on. */
  readonly isolateLifeMs?: number
}

export interface Arrival {
  readonly atMs: number
  readonly isolate: number
}

/** Calls at random times that are the same for every limiter, each at an isolate drawn at random. */
export function* arrivalsOf(load: Load): Generator<Arrival> {
  const random = createSeededRandom('arrivals')
  const perMs = (load.limit * load.demand) / load.windowMs
  const endMs = startMs + load.windows * load.windowMs
  for (let atMs = startMs; ;) {
    atMs += drawExponential(random, 1 / perMs)
    if (atMs >= endMs) return
    yield { atMs, isolate: Math.floor(random() * load.isolates) }
  }
}

/** When the isolates in one place end, one after the other. */
export function* endsOfIsolate(load: Load, isolate: number): Generator<number> {
  if (load.isolateLifeMs === undefined) return
  const random = createSeededRandom(`life of isolate ${isolate}`)
  for (let atMs = startMs; ;) yield (atMs += drawExponential(random, load.isolateLifeMs))
}

/** The round trip from each location, spread evenly. */
export function roundTripsOf({ locations, roundTripMs: [shortest, longest] }: Load): number[] {
  const step = (longest - shortest) / Math.max(1, locations - 1)
  return Array.from({ length: locations }, (_, index) => shortest + step * index)
}

function drawExponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean
}
