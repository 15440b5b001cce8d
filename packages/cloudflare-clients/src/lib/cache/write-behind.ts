import type { Timers } from '../shared/timers.ts'
import type { Duration } from './duration.ts'
import { WriteBehindQueue } from './write-behind-queue.ts'

export interface WriteBehindEntry<Id, T> {
  readonly id: Id
  readonly value: T
}

/** What a write-behind stands on: a definition of `CacheClient.define`, or anything else with such a `put`. */
export interface WriteBehindTarget<Id, T> {
  put(id: Id, value: T): Promise<void>
}

export type WriteBehindEvent<Id, T> =
  | { readonly type: 'saved'; readonly entries: number }
  /** Nothing is lost yet: it is tried again, after the retries by the next `put` or `flush`. */
  | { readonly type: 'save_failed'; readonly entries: number; readonly error: unknown }
  /** `save` will never take it (its error says `retryable: false`), so it was given up. */
  | { readonly type: 'lost'; readonly entry: WriteBehindEntry<Id, T>; readonly error: unknown }

export interface WriteBehindOptions<Id, T> {
  /**
   * Saves values where they belong: a database, or a queue with `saveToQueue`. It must be idempotent, because a save
   * whose answer was lost is repeated, and should stop at `signal`. An error that has `retryable: false` says that
   * trying again is no use: the entries are then tried one by one, and those that fail so are lost.
   */
  readonly save: (
    entries: readonly WriteBehindEntry<Id, T>[],
    options: { readonly signal: AbortSignal },
  ) => Promise<unknown>
  /** Keeps the request alive until what it put is saved: pass the one from `cloudflare:workers`. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** What tells ids apart. Default: string and number ids as text; needed for all others. */
  readonly key?: (id: Id) => string
  /** How long values are collected before they are saved, from 0. Default 1 s. */
  readonly delay?: Duration
  /** Further attempts after a failed one, a whole number from 0. Default 4. */
  readonly retries?: number
  /** The first wait before a retry; it doubles each time, up to 30 s, and half of it is random. Default 1 s. */
  readonly retryDelay?: Duration
  /** How long a save may take, above 0, before it counts as failed. Default 10 s. */
  readonly timeout?: Duration
  /** Ids that may wait at most, a whole number from 1. Default 1,000. */
  readonly maxPending?: number
  /** Entries in one call of `save` at most, a whole number from 1. Default 100. */
  readonly maxBatch?: number
  /** Told what became of the saves. Default: failures and losses are a JSON line on `console.warn`, without values. */
  readonly onEvent?: (event: WriteBehindEvent<Id, T>) => void
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
  /** Default: the global ones. */
  readonly timers?: Timers
}

export interface WriteBehind<Id, T> {
  /**
   * Updates the cache at once and the origin later.
   *
   * @throws {CloudflareClientError} With code `write_behind_full` when `maxPending` other ids wait. The cache was not
   * updated. What waits is being saved: `await flush()` and try again, or save the value directly.
   * @throws What the cache's `put` throws; nothing is saved then.
   */
  put(id: Id, value: T): Promise<void>
  /**
   * Saves what was put before, now.
   *
   * @throws What `save` threw last, after the retries, or when a value was lost meanwhile.
   */
  flush(): Promise<void>
  /** Ids whose last value is not saved yet. */
  readonly pending: number
}

/**
 * Write-behind: a `put` updates the cache at once and saves to the origin a moment later, many values in one call.
 *
 * **When to use it.** For values that change often and of which only the last one counts, such as a playback position
 * or a draft, where losing the last seconds is acceptable. Not for money, stock or anything that another reader decides
 * on: save first and `put` afterwards (write-through).
 *
 * **Guarantee.** An older value of an id is never saved after a newer one by this isolate, as long as a save that was told to stop by its `signal`
 * stops. Each id's last value is saved, at least once, unless it is lost as follows. Two isolates that put the same id are not ordered: the
 * origin decides, by a version or a time in the value.
 *
 * **Loss window.** Values wait in the isolate's memory: when it ends before they are saved (a deployment, its memory limit, a crash),
 * what was put within the last `delay` + the time of the save + the retries is lost. Every `put` waits in its own
 * request with `waitUntil`, which a Worker allows for 30 seconds after the response; without it nothing waits, and values are
 * lost with the request. What could not be saved in that time stays and is tried again by the next `put` or
 * `flush` in the isolate. With `saveToQueue` the window ends when the queue has taken the message.
 *
 * **Bound.** At most `maxPending` ids wait. A `put` of one more rejects with a clear error before the cache is updated, because
 * the cache would promise what is never saved.
 *
 * @param target A definition, or anything with `put(id, value)`. What else writes to the cache must not `put` the same ids.
 * @throws {RangeError | TypeError} When an option is out of range.
 * @see https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
 *
 * @example
 * ```ts
 * import { waitUntil } from 'cloudflare:workers'
 * import { CacheClient, createWriteBehind } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV, { waitUntil })
 * const positions = cache.define<string, number>('position', {
 *   fresh: '1d',
 *   load: (userId) =>
 *     env.DB.prepare('SELECT seconds FROM positions WHERE user_id = ?').bind(userId).first('seconds'),
 * })
 * const behind = createWriteBehind(positions, {
 *   waitUntil,
 *   delay: '5s',
 *   save: (entries) => {
 *     const upsert = env.DB.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?)')
 *     return env.DB.batch(entries.map(({ id, value }) => upsert.bind(id, value)))
 *   },
 * })
 *
 * await behind.put('user-1', 62)
 * ```
 */
export function createWriteBehind<Id, T>(
  target: WriteBehindTarget<Id, T>,
  options: WriteBehindOptions<Id, T>,
): WriteBehind<Id, T> {
  return new WriteBehindQueue(target, options)
}
