import type { CacheObserver } from './cache-observer.ts'
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
  /** Calls of the origin that have ended, for reads and refreshes. */
  readonly loads: number
  readonly loadErrors: number
  /** The share of reads that did not wait for the origin, 0 to 1. `null` before the first read. */
  readonly hitRate: number | null
}

const nothing = {
  memory: 0,
  location: 0,
  kv: 0,
  stale: 0,
  staleIfError: 0,
  misses: 0,
  loads: 0,
  loadErrors: 0,
}

function counterOf({ status, tier }: CacheRead<unknown>): keyof typeof nothing {
  if (status === 'stale') return 'stale'
  if (status === 'stale_if_error') return 'staleIfError'
  return tier === 'origin' ? 'misses' : tier
}

/**
 * Counts the reads and loads of a client's definitions, in the isolate's memory.
 *
 * @example
 * ```ts
 * import { CacheClient, CacheCounters } from '@codex/cloudflare-clients/cache'
 *
 * const counters = new CacheCounters()
 * const cache = new CacheClient(env.CACHE_KV, { observer: counters })
 * const users = cache.define<string, { name: string }>('user', { load: loadUser, fresh: '1m' })
 *
 * await users.get(id)
 * const { hitRate } = counters.stats('user')
 * ```
 */
export class CacheCounters implements CacheObserver {
  readonly #counts = new Map<string, typeof nothing>()

  /** The names of the definitions that were read so far. */
  get names(): string[] {
    return [...this.#counts.keys()]
  }

  /** What the definition's reads came to. */
  stats(name: string): CacheStats {
    const counts = this.#counts.get(name) ?? nothing
    const { memory, location, kv, stale, staleIfError, misses } = counts
    const served = memory + location + kv + stale + staleIfError
    const reads = served + misses
    return { ...counts, hitRate: reads === 0 ? null : served / reads }
  }

  onRead(name: string, read: CacheRead<unknown>): void {
    this.#of(name)[counterOf(read)]++
  }

  onLoad(name: string, load: { readonly error?: unknown }): void {
    const counts = this.#of(name)
    counts.loads++
    if ('error' in load) counts.loadErrors++
  }

  #of(name: string): typeof nothing {
    let counts = this.#counts.get(name)
    if (counts === undefined) this.#counts.set(name, (counts = { ...nothing }))
    return counts
  }
}
