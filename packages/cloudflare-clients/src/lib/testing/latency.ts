import { assertDelay, type DelayDistribution } from './delay-distribution.ts'

/** How long calls take. With a latency above 0 a call answers only when the clock moves: await it in `clock.run`. */
export interface LatencyOptions {
  /** A read that the location's cache answers. Default 0. */
  readonly hotReadMs?: DelayDistribution
  /** A read that goes to the central store. Half of it passes before the value is read. Default 0. */
  readonly coldReadMs?: DelayDistribution
  /** A put or a delete. Half of it passes before it is stored. Default 0. */
  readonly writeMs?: DelayDistribution
  /** A list. Default: as `coldReadMs`. */
  readonly listMs?: DelayDistribution
}

export type Latency = Required<LatencyOptions>

/**
 * `'none'`: every call answers without the clock.
 *
 * `'typical'`: reads as Cloudflare publishes them (half of the hot reads take a millisecond or two; 99 % of cached reads at most
 * 160 ms and of all reads at most 287 ms). For writes nothing is published; they are taken to be slower.
 */
export type LatencyPreset = 'none' | 'typical'

export const latencyPresets: Readonly<Record<LatencyPreset, Latency>> = {
  none: { hotReadMs: 0, coldReadMs: 0, writeMs: 0, listMs: 0 },
  typical: {
    hotReadMs: [
      [0, 0.5],
      [0.5, 2],
      [0.9, 12],
      [0.99, 160],
      [1, 400],
    ],
    coldReadMs: [
      [0, 15],
      [0.5, 50],
      [0.95, 150],
      [0.99, 287],
      [1, 1000],
    ],
    writeMs: [
      [0, 40],
      [0.5, 120],
      [0.99, 500],
      [1, 2000],
    ],
    listMs: [
      [0, 40],
      [0.5, 120],
      [0.99, 500],
      [1, 2000],
    ],
  },
}

const action = 'create an edge simulator'

/** @throws {RangeError} When a preset is unknown or a delay is no distribution. */
export function toLatency(chosen: LatencyPreset | LatencyOptions, base: Latency): Latency {
  if (typeof chosen === 'string') {
    if (Object.hasOwn(latencyPresets, chosen)) return latencyPresets[chosen]
    throw new RangeError(
      `Cannot ${action}: latency must be one of ${Object.keys(latencyPresets).join(', ')} or an object, received ${JSON.stringify(chosen)}`,
    )
  }
  const {
    hotReadMs = base.hotReadMs,
    coldReadMs = base.coldReadMs,
    writeMs = base.writeMs,
  } = chosen
  const listMs = chosen.listMs ?? chosen.coldReadMs ?? base.listMs
  const latency = { hotReadMs, coldReadMs, writeMs, listMs }
  for (const [name, delay] of Object.entries(latency)) assertDelay(action, name, delay)
  return latency
}
