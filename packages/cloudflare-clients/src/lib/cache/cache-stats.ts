import type { CacheRead } from './definition-options.ts'

/** What the reads of this isolate came to since it started. */
export interface CacheStats {
  /** Reads answered fresh, by where the value was. */
  readonly hits: { readonly memory: number; readonly location: number; readonly kv: number }
  readonly stale: number
  readonly staleIfErrors: number
  /** Reads that a load answered, whether they began it or shared it. */
  readonly misses: number
  /** Calls of the origin, for reads and refreshes. */
  readonly loads: number
  readonly loadErrors: number
  /** The share of reads that did not wait for the origin, 0 to 1. `null` before the first read. */
  readonly hitRate: number | null
}

/** Counts the reads of one definition. */
export class StatsCounter {
  memory = 0
  location = 0
  kv = 0
  stale = 0
  staleIfErrors = 0
  misses = 0
  loads = 0
  loadErrors = 0

  count({ status, tier }: Pick<CacheRead<unknown>, 'status' | 'tier'>): void {
    if (status === 'stale') this.stale++
    else if (status === 'stale_if_error') this.staleIfErrors++
    else if (tier === 'origin') this.misses++
    else this[tier]++
  }

  snapshot(): CacheStats {
    const { memory, location, kv, stale, staleIfErrors, misses, loads, loadErrors } = this
    const served = memory + location + kv + stale + staleIfErrors
    const reads = served + misses
    return {
      hits: { memory, location, kv },
      stale,
      staleIfErrors,
      misses,
      loads,
      loadErrors,
      hitRate: reads === 0 ? null : served / reads,
    }
  }
}
