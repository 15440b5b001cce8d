import { checkNumber } from '../shared/check-number.ts'
import type { CacheDefinitionOptions } from './definition-options.ts'
import { type Duration, toMs } from './duration.ts'
import type { Timing } from './held-value.ts'

/** Markers are kept for so long in KV, and no value that depends on one for longer. */
export const markerLifetimeMs = 30 * 86_400_000
const defaultMemorySeconds = 30
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

/** The times of one definition, in milliseconds, and what follows from them. */
export class FreshnessPolicy {
  readonly freshMs: number
  readonly negativeMs: number
  /** 0 where nothing is kept in memory. */
  readonly memoryMs: number
  readonly locationMs: number
  /** `Infinity` where there is none, as in the next. */
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  /** How long a value is kept past its freshness. */
  readonly graceMs: number
  readonly #staleMs: number
  readonly #staleIfErrorMs: number
  readonly #errorBackoffMs: number
  readonly #jitter: number
  readonly #refreshAhead: number
  readonly #earlyRefreshBeta: number
  readonly #maxLifetimeMs: number

  /** @param what The definition, as "define cache "user"". */
  constructor(what: string, options: TimingOptions) {
    const { fresh, stale = 0, staleIfError = 0, negative = fresh, location = 0 } = options
    const { jitter = 0.1, refreshAhead = 1, earlyRefreshBeta = 0, errorBackoff = 5 } = options
    const { memory, timeout: { soft, hard } = {} } = options
    const ms = (option: string, value: Duration, minMs = 0): number =>
      toMs(`${what}: ${option}`, value, minMs)
    const number = (option: string, value: number, max?: number): number =>
      checkNumber(`${what}: ${option}`, value, { min: 0, ...(max !== undefined && { max }) })
    this.freshMs = ms('fresh', fresh, 1)
    this.#staleMs = ms('stale', stale)
    this.#staleIfErrorMs = ms('staleIfError', staleIfError)
    this.graceMs = Math.max(this.#staleMs, this.#staleIfErrorMs)
    this.negativeMs = ms('negative', negative)
    this.memoryMs =
      memory === undefined
        ? Math.min(this.freshMs, defaultMemorySeconds * 1000)
        : ms('memory', memory || 0)
    this.locationMs = ms('location', location)
    this.softTimeoutMs = soft === undefined ? Infinity : ms('timeout.soft', soft, 1)
    this.hardTimeoutMs = hard === undefined ? Infinity : ms('timeout.hard', hard, 1)
    this.#errorBackoffMs = ms('errorBackoff', errorBackoff)
    this.#jitter = number('jitter', jitter, 1)
    this.#refreshAhead = number('refreshAhead', refreshAhead, 1)
    this.#earlyRefreshBeta = number('earlyRefreshBeta', earlyRefreshBeta, 100)
    const isMarked = options.tags !== undefined || options.clearable === true
    this.#maxLifetimeMs = isMarked ? markerLifetimeMs : Infinity
    number(
      'fresh and its grace, with tags or clearable,',
      this.freshMs + this.graceMs,
      this.#maxLifetimeMs,
    )
  }

  /** @param freshMs What the definition or the loader asks for. Jitter only ever shortens it. */
  freshUntilMs(loadedAtMs: number, freshMs: number, random: () => number): number {
    const lastingMs = Math.min(freshMs, this.#maxLifetimeMs - this.graceMs)
    return loadedAtMs + lastingMs * (1 - this.#jitter * random())
  }

  of({ value, freshUntilMs }: Timing & { readonly value: unknown }, nowMs: number): Freshness {
    if (nowMs < freshUntilMs) return 'fresh'
    if (value !== null && nowMs < freshUntilMs + this.#staleMs) return 'stale'
    return nowMs < freshUntilMs + this.#staleIfErrorMs ? 'error' : 'dead'
  }

  /** Whether a value that was ended may still stand in for a failed load. */
  get outlastsEnd(): boolean {
    return this.#staleIfErrorMs > this.#staleMs
  }

  /** @returns The end of freshness that leaves a value no stale time, so that only a failed load brings it back. */
  endedAtMs(endMs: number): number {
    return endMs - this.#staleMs
  }

  /**
   * Until when a fresh value needs no refresh. With `earlyRefreshBeta` each call draws anew, by XFetch: Vattani,
   * Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention (2015).
   *
   * @param draw Above 0 and at most 1.
   */
  refreshAtMs({ loadedAtMs, loadMs, freshUntilMs }: Timing, draw: number): number {
    const aheadMs = (freshUntilMs - loadedAtMs) * (1 - this.#refreshAhead)
    return freshUntilMs - Math.max(aheadMs, -loadMs * this.#earlyRefreshBeta * Math.log(draw))
  }

  /** @param failures How many loads in a row failed, from 1. */
  backoffMs(failures: number): number {
    return Math.min(this.#errorBackoffMs * 2 ** (failures - 1), maxBackoffMs)
  }
}
