import type { Duration } from './duration.ts'
import type { HeldValue, ValueTimes } from './held-value.ts'
import type { ValueFormat } from './json-format.ts'

/** What a loader is told and may decide. */
export interface LoadContext<T> {
  /** The value that is to be replaced, where there is one. Give it back when the origin says that nothing changed. */
  readonly previous: { readonly value: T | null; readonly ageMs: number } | null
  /** Makes this one value fresh for longer or shorter than the definition says: `0` never to be served as fresh. */
  setFresh(fresh: Duration): void
}

/** @returns How many milliseconds before the end of its freshness a value is refreshed, asked anew at each read. */
export type EarlyRefresh = (times: ValueTimes, random: () => number) => number

/** How one kind of value is cached. Durations are seconds, or texts such as `'500ms'`, `'5m'`, `'1d'`. */
export interface CacheDefinitionOptions<Id, T> {
  /**
   * The part of the cache key that tells one id from another: a text, or several that are joined without ambiguity.
   * It must be of everything that the value depends on, the user where it is personal. Default: the id, where it is a string or
   * a number.
   */
  readonly key?: (id: Id) => string | readonly string[]
  /**
   * Gives the value from the origin. `null` is stored as a negative entry; `undefined` reaches the caller as `null` and is
   * not stored. What it throws reaches the caller unchanged, where no stale value can stand in. To load many in one call, use
   * `loadMany`.
   */
  readonly load: (id: Id, context: LoadContext<T>) => Promise<T | null | undefined>
  /**
   * How long a value is served without asking the origin, counted from when its load began. Above 0. A value keeps what
   * was asked for when it was stored.
   */
  readonly fresh: Duration
  /** How much longer it is served while it is refreshed in the background. Default 0. */
  readonly stale?: Duration
  /** How much longer than `fresh` it is served when the load fails. Default 0. */
  readonly staleIfError?: Duration
  /** How long `null` is served. Default: as long as `fresh`. A `null` is never served stale, except on errors. */
  readonly negative?: Duration
  /**
   * The share of `fresh`, 0 to 1, after which a read refreshes in the background, or `xfetch()`, which draws the moment by chance. Default 1: not
   * before it has ended.
   */
  readonly refreshAhead?: number | EarlyRefresh
  /** The share of `fresh`, 0 to 1, by which values are at most shortened, each by chance. Default 0.1. */
  readonly jitter?: number
  /**
   * The tags of an id, which `expireTags` takes. They must follow from the id alone, because they are read in the same round trip as
   * the entry. Each costs a billed read when it was not read for as long as `memory`. Default: none.
   */
  readonly tags?: (id: Id) => readonly string[]
  /** Whether `clearDefinition` may be used, at the price of one more marker as for a tag. Default false. */
  readonly clearable?: boolean
  /**
   * How long an isolate serves a value, and trusts a tag, without reading KV again. `false` keeps nothing in memory. Default: `fresh`, at most
   * 30 seconds.
   */
  readonly memory?: Duration | false
  /** KV's `cacheTtl` for reads of this definition, in whole seconds from 30. Default: KV's own, 60. */
  readonly cacheTtl?: number
  /**
   * How long a load may take before a value that `staleIfError` allows is served instead, while the load goes on. Above 0. Default: no
   * limit. To end a load, wrap it in `loadWithin`.
   */
  readonly softTimeout?: Duration
  /** After a failed load, how long the stale value is served before the next try, doubling up to a minute. Default 5 seconds. */
  readonly errorBackoff?: Duration
  /**
   * How values are stored where plain JSON is not enough, such as `valueFormat({ version: 2, migrate })`, or to be checked, by
   * `schemaFormat(schema)`. Default: JSON.
   */
  readonly format?: ValueFormat<T>
}

export type CacheReadStatus =
  /** Fresh. */
  | 'hit'
  /** Past its freshness, and being refreshed. */
  | 'stale'
  /** Loaded for this read, or for one that this read shared. */
  | 'miss'
  /** The origin is known to have nothing. */
  | 'negative'
  /** The load failed or was slow, and the older value stands in. */
  | 'stale_if_error'

export interface CacheRead<T> {
  readonly value: T | null
  readonly status: CacheReadStatus
  /** Where the value was found. */
  readonly tier: HeldValue<T>['tier']
  /** How long ago the load of the value began. */
  readonly ageMs: number
}
