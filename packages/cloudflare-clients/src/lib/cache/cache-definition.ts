import type { CacheRead } from './definition-options.ts'

/**
 * One kind of cached value: how it is loaded, how long it is good for, what ends it. Made by `CacheClient.define`.
 *
 * **Bound.** A value is never served when its load began longer ago than `fresh` + `stale`, or than `fresh` +
 * `staleIfError` while loads fail. Within that, `put`, `expire`, `delete`, `clearDefinition` and `expireTags` are obeyed by this
 * isolate at once, and by another when its `memory` has passed and KV shows it the change: usually within 60 seconds,
 * with no published upper bound. An isolate never goes back to an older value than it has served, for the 10,000 keys
 * that it dealt with last.
 *
 * **Cost.** A hit in memory costs nothing. A hit in KV is one billed read, and one for each marker (tag, `clearable`)
 * that was not read within `memory`, all in one call. A miss adds one write. Keys that are asked for in one tick share
 * bulk reads of up to 100.
 *
 * **Values** are the same on a miss as on a hit: what JSON (or the codec) and the schema make of what was loaded,
 * deeply frozen where it is plain.
 *
 * **Failure.** A store error never reaches the caller of `get`, `read`, `getMany` and `put`: it is reported, and what
 * is loaded meanwhile is not written back. `expire` and `delete` reject, because an invalidation that did not
 * happen must be known.
 */
export interface CacheDefinition<Id, T> {
  /** As given to `define`: the feature in the key pattern `cache:{feature}:{id}`. */
  readonly name: string
  /** @internal The markers that end every value: one where it is `clearable`. */
  readonly epochs: readonly string[]

  /**
   * Reads a value from the nearest tier that may answer, or loads it.
   *
   * @returns The value, frozen. `null` where the origin has none.
   * @throws What the loader threw, where no older value can stand in. {@link CacheLoadError} where what was loaded does not
   * fit the schema of `schemaFormat`.
   */
  get(id: Id): Promise<T | null>

  /** Reads as {@link get} does, and says how fresh the value is and where it was found. */
  read(id: Id): Promise<CacheRead<T>>

  /**
   * Reads many values: one bulk read of KV for each 100 that are not in memory, and one call of `loadMany` for those that miss.
   *
   * @returns A value or `null` for every id, in the order of the ids.
   * @throws The first error of a load, as {@link get}.
   */
  getMany(ids: Iterable<Id>): Promise<Map<Id, T | null>>

  /**
   * Stores a value that is known to be new, as after saving it (write-through). A load that is under way does not
   * replace it.
   *
   * @param value `null` stores a negative entry.
   * @throws {TypeError} When the value has no text.
   * @throws {RangeError} When it is over KV's 25 MiB and nothing encodes it smaller.
   * @throws {CacheLoadError} When it does not fit the schema of `schemaFormat`.
   */
  put(id: Id, value: T | null): Promise<void>

  /**
   * Has a value loaded again before it is next served, and keeps it to stand in should that load fail (`staleIfError`).
   * One billed read and one write, or a delete without `staleIfError`.
   *
   * A newer value that another isolate wrote in the last seconds may be replaced by the older one, which whoever reads
   * it next loads again.
   *
   * @throws {KVError} When KV fails.
   */
  expire(id: Id): Promise<void>

  /**
   * Forgets a value: it is never served again where this is known. One billed delete.
   *
   * @throws {KVError} When KV fails.
   */
  delete(id: Id): Promise<void>
}
