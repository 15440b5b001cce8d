import { assertDelay, type DelayDistribution } from './delay-distribution.ts'

/** How far locations may be behind the central store. */
export interface ConsistencyOptions {
  /**
   * How long after a write it can be read in another location that has nothing cached: drawn for each write and
   * location. A location that has the key cached sees it later by what is left of its `cacheTtl`. Default: that of
   * `'typical'`.
   */
  readonly propagation?: DelayDistribution
  /**
   * The share of writes that are at once visible in the location that made them, from 0 to 1. The others take the
   * way of every other location, behind its cache and the propagation delay. Default 0.95.
   */
  readonly readYourWrites?: number
  /** Whether locations keep what they read, misses too, for `cacheTtl`. Default `true`. */
  readonly caching?: boolean
  /**
   * Caches in a location, of which a read meets any: with more than one, a reader may get an older value after a
   * newer one. A whole number from 1. Default 1.
   */
  readonly cachesPerLocation?: number
  /**
   * Seconds for which a deleted or expired key takes the room of a key in pages of `list`, which makes pages short
   * and even empty. Default 3,600.
   */
  readonly tombstoneSeconds?: number
}

export type Consistency = Required<ConsistencyOptions>

/**
 * `'typical'`: what Cloudflare documents: a cached value is served for its `cacheTtl`, most writes reach the stores of
 * other regions within seconds, and a few take a minute or more.
 *
 * `'adverse'`: all that the documentation does not rule out, often: propagation of up to five minutes, half of the
 * writes not visible to their own location, readers that go back to an older value.
 *
 * `'strong'`: one store, no caches, no delay and no limit of writes a second, as local KV is.
 */
export type ConsistencyPreset = 'typical' | 'adverse' | 'strong'

const consistencyPresets: Readonly<Record<ConsistencyPreset, Consistency>> = {
  typical: {
    // Cloudflare gives a median under 1 s and a 99th percentile of 4.38 s between its stores, and "60 seconds or more".
    propagation: [
      [0, 50],
      [0.5, 800],
      [0.99, 4380],
      [0.999, 60_000],
      [1, 180_000],
    ],
    readYourWrites: 0.95,
    caching: true,
    cachesPerLocation: 1,
    tombstoneSeconds: 3600,
  },
  adverse: {
    propagation: [
      [0.5, 20_000],
      [0.9, 60_000],
      [1, 300_000],
    ],
    readYourWrites: 0.5,
    caching: true,
    cachesPerLocation: 2,
    tombstoneSeconds: 86_400,
  },
  strong: {
    propagation: 0,
    readYourWrites: 1,
    caching: false,
    cachesPerLocation: 1,
    tombstoneSeconds: 0,
  },
}

const action = 'create an edge simulator'

/** @throws {RangeError} When an option is out of range. */
export function toConsistency(chosen: ConsistencyPreset | ConsistencyOptions): Consistency {
  if (typeof chosen === 'string') {
    if (Object.hasOwn(consistencyPresets, chosen)) return consistencyPresets[chosen]
    throw new RangeError(
      `Cannot ${action}: consistency must be one of ${Object.keys(consistencyPresets).join(', ')} or an object, received ${JSON.stringify(chosen)}`,
    )
  }
  const consistency = { ...consistencyPresets.typical, ...chosen }
  const { propagation, readYourWrites, cachesPerLocation, tombstoneSeconds } = consistency
  assertDelay(action, 'propagation', propagation)
  if (!(readYourWrites >= 0 && readYourWrites <= 1)) {
    throw new RangeError(
      `Cannot ${action}: readYourWrites must be from 0 to 1, received ${readYourWrites}`,
    )
  }
  if (!(Number.isInteger(cachesPerLocation) && cachesPerLocation >= 1)) {
    throw new RangeError(
      `Cannot ${action}: cachesPerLocation must be a whole number of at least 1, received ${cachesPerLocation}`,
    )
  }
  if (!(tombstoneSeconds >= 0)) {
    throw new RangeError(
      `Cannot ${action}: tombstoneSeconds must be at least 0, received ${tombstoneSeconds}`,
    )
  }
  return consistency
}
