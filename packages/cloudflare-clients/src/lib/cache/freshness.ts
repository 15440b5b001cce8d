import type { CacheDefinitionOptions } from './definition-options.ts'
import { type Duration, toMs } from './duration.ts'

/** Markers are kept for so long in KV, and no value that depends on one for longer. */
export const markerLifetimeMs = 30 * 86_400_000
const defaultMemoryMs = 30_000
const maxBackoffMs = 60_000

export type Freshness = 'fresh' | 'stale' | 'error' | 'dead'

type TimingOptions = Pick<
  CacheDefinitionOptions<never, never>,
  | 'clearable'
  | 'earlyRefreshBeta'
  | 'errorBackoff'
  | 'fresh'
  | 'jitter'
  | 'location'
  | 'memory'
  | 'negative'
  | 'refreshAhead'
  | 'stale'
  | 'staleIfError'
  | 'timeout'
> & { readonly tags?: unknown }

interface Aged {
  readonly value: unknown
  readonly loadedAtMs: number
  readonly loadMs: number
  readonly freshUntilMs: number
}

/** The times of one definition, in milliseconds, and what follows from them. */
export class FreshnessPolicy {
  readonly freshMs: number
  readonly negativeMs: number
  /** 0 where nothing is kept in memory. */
  readonly memoryMs: number
  readonly locationMs: number
  readonly softTimeoutMs: number | undefined
  readonly hardTimeoutMs: number | undefined
  readonly #staleMs: number
  readonly #staleIfErrorMs: number
  readonly #errorBackoffMs: number
  readonly #jitter: number
  readonly #refreshAhead: number
  readonly #earlyRefreshBeta: number
  readonly #maxLifetimeMs: number

  /** @throws {TypeError | RangeError} When an option is not what it should be. */
  constructor(name: string, options: TimingOptions) {
    const at = (option: string): string => `define cache ${JSON.stringify(name)}: ${option}`
    const duration = (option: string, value: Duration | undefined, minMs = 0): number | undefined =>
      value === undefined ? undefined : toMs(at(option), value, minMs)
    const share = (option: string, value: number, isIn: boolean): number => {
      if (isIn) return value
      throw new RangeError(`Cannot ${at(option)} is out of range, received ${value}`)
    }
    const { memory, timeout, jitter = 0.1, refreshAhead = 1, earlyRefreshBeta = 0 } = options
    this.freshMs = toMs(at('fresh'), options.fresh, 1)
    this.#staleMs = duration('stale', options.stale) ?? 0
    this.#staleIfErrorMs = duration('staleIfError', options.staleIfError) ?? 0
    this.negativeMs = duration('negative', options.negative) ?? this.freshMs
    this.memoryMs =
      memory === false
        ? 0
        : (duration('memory', memory) ?? Math.min(this.freshMs, defaultMemoryMs))
    this.locationMs = duration('location', options.location) ?? 0
    this.softTimeoutMs = duration('timeout.soft', timeout?.soft, 1)
    this.hardTimeoutMs = duration('timeout.hard', timeout?.hard, 1)
    this.#errorBackoffMs = duration('errorBackoff', options.errorBackoff) ?? 5000
    this.#jitter = share('jitter', jitter, jitter >= 0 && jitter <= 1)
    this.#refreshAhead = share(
      'refreshAhead',
      refreshAhead,
      refreshAhead === 1 || (refreshAhead > 0 && refreshAhead < 1),
    )
    this.#earlyRefreshBeta = share('earlyRefreshBeta', earlyRefreshBeta, earlyRefreshBeta >= 0)
    const isMarked = options.tags !== undefined || options.clearable === true
    this.#maxLifetimeMs = isMarked ? markerLifetimeMs : Infinity
    if (this.freshMs + this.graceMs > this.#maxLifetimeMs) {
      throw new RangeError(
        `Cannot ${at('fresh')} and its grace must be at most 30 days with tags or clearable`,
      )
    }
  }

  /** How long a value is kept past its freshness. */
  get graceMs(): number {
    return Math.max(this.#staleMs, this.#staleIfErrorMs)
  }

  /** @param freshMs What the loader asked for. Jitter only ever shortens it. */
  freshUntilMs(
    loadedAtMs: number,
    { freshMs, random }: { readonly freshMs: number; readonly random: () => number },
  ): number {
    const lastingMs = Math.min(freshMs, this.#maxLifetimeMs - this.graceMs)
    return loadedAtMs + lastingMs * (1 - this.#jitter * random())
  }

  of({ value, freshUntilMs }: Aged, nowMs: number): Freshness {
    if (nowMs < freshUntilMs) return 'fresh'
    if (value !== null && nowMs < freshUntilMs + this.#staleMs) return 'stale'
    return nowMs < freshUntilMs + this.#staleIfErrorMs ? 'error' : 'dead'
  }

  /** Until when a read cannot be the one that refreshes early. */
  quietUntilMs({ loadedAtMs, loadMs, freshUntilMs }: Aged): number {
    const aheadMs = (freshUntilMs - loadedAtMs) * (1 - this.#refreshAhead)
    // The chance that a draw is over 20 times its mean is one in 500 million.
    return freshUntilMs - Math.max(aheadMs, loadMs * this.#earlyRefreshBeta * 20)
  }

  /** Whether a fresh value is to be refreshed now. */
  isEarly(
    aged: Aged,
    { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
  ): boolean {
    const { loadedAtMs, loadMs, freshUntilMs } = aged
    if (nowMs >= freshUntilMs - (freshUntilMs - loadedAtMs) * (1 - this.#refreshAhead)) return true
    // XFetch, from Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention (2015).
    return this.#earlyRefreshBeta > 0 && nowMs - loadMs * this.#earlyRefreshBeta * Math.log(random()) >= freshUntilMs
  }

  /** @param failures How many loads in a row failed, from 1. */
  backoffMs(failures: number): number {
    return Math.min(this.#errorBackoffMs * 2 ** (failures - 1), maxBackoffMs)
  }
}
