import type { CacheRead } from './definition-options.ts'

/** What the reads of a definition came to in this isolate, since it started. */
export interface CacheStats {
  /** Reads answered fresh by memory, by the location's tier and by KV. */
  readonly memory: number
  readonly location: number
  readonly kv: number
  /** Reads answered stale. */
  readonly stale: number
  /** Reads answered by an older value because the load failed or was slow. */
  readonly staleIfError: number
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
  readonly counts = {
    memory: 0,
    location: 0,
    kv: 0,
    stale: 0,
    staleIfError: 0,
    misses: 0,
    loads: 0,
    loadErrors: 0,
  }

  count({ status, tier }: Pick<CacheRead<unknown>, 'status' | 'tier'>): void {
    if (status === 'stale') this.counts.stale++
    else if (status === 'stale_if_error') this.counts.staleIfError++
    else this.counts[tier === 'origin' ? 'misses' : tier]++
  }

  snapshot(): CacheStats {
    const { memory, location, kv, stale, staleIfError, misses } = this.counts
    const served = memory + location + kv + stale + staleIfError
    return { ...this.counts, hitRate: served + misses === 0 ? null : served / (served + misses) }
  }
}
