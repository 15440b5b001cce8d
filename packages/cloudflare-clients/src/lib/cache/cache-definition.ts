import type { CacheStats } from './cache-stats.ts'
import type { CacheDefinitionOptions, CacheRead } from './definition-options.ts'
import { type DefinitionContext, ReadThrough } from './read-through.ts'

export interface CacheReadOptions {
  /** Ends the caller's wait. The load goes on for whoever else wants it. */
  readonly signal?: AbortSignal
}

/**
 * One kind of cached value: how it is loaded, how long it is good for, what ends it. Made by `CacheClient.define`.
 *
 * **Bound.** A value is never served when its load began longer ago than `fresh` + `stale`, or than `fresh` +
 * `staleIfError` while loads fail. Within that, `put`, `expire`, `delete`, `clear` and `expireTags` are obeyed by this
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
 * is loaded meanwhile is not written back. `expire`, `delete` and `clear` reject, because an invalidation that did not
 * happen must be known.
 */
export class CacheDefinition<Id, T> {
  /** As given to `define`: the feature in the key pattern `cache:{feature}:{id}`. */
  readonly name: string
  readonly #engine: ReadThrough<Id, T>
  readonly #context: DefinitionContext
  readonly #endMarkers: (markers: readonly string[]) => Promise<void>

  /** @internal */
  constructor(
    name: string,
    options: CacheDefinitionOptions<Id, T>,
    context: DefinitionContext & {
      readonly endMarkers: (markers: readonly string[]) => Promise<void>
    },
  ) {
    this.name = name
    this.#context = context
    this.#endMarkers = context.endMarkers
    this.#engine = new ReadThrough(name, options, context)
  }

  /**
   * Reads a value from the nearest tier that may answer, or loads it.
   *
   * @returns The value, frozen. `null` where the origin has none.
   * @throws What the loader threw, where no older value can stand in. {@link CacheLoadError} on the hard timeout, and
   * where what was loaded does not fit the schema.
   */
  async get(id: Id, options?: CacheReadOptions): Promise<T | null> {
    const held = this.#engine.quiet(id)
    return held === undefined ? (await this.#read(id, options)).value : held.value
  }

  /** Reads as {@link get} does, and says how fresh the value is and where it was found. */
  async read(id: Id, options?: CacheReadOptions): Promise<CacheRead<T>> {
    const held = this.#engine.quiet(id)
    if (held === undefined) return this.#read(id, options)
    const { value, loadedAtMs } = held
    const status = value === null ? 'negative' : 'hit'
    return { value, status, tier: 'memory', ageMs: this.#ageMs(loadedAtMs) }
  }

  /**
   * Reads many values: one bulk read of KV for each 100 that are not in memory, and one `loadMany` for those that miss.
   *
   * @returns A value or `null` for every id, in the order of the ids.
   * @throws The first error of a load, as {@link get}.
   */
  async getMany(ids: Iterable<Id>, options?: CacheReadOptions): Promise<Map<Id, T | null>> {
    const reads = Array.from(ids, async (id) => [id, await this.get(id, options)] as const)
    return new Map(await Promise.all(reads))
  }

  /**
   * Stores a value that is known to be new, as after saving it (write-through). A load that is under way does not
   * replace it.
   *
   * @param value `null` stores a negative entry.
   * @throws {TypeError} When the value has no text.
   * @throws {RangeError} When it is over KV's 25 MiB and nothing encodes it smaller.
   * @throws {CacheLoadError} When it does not fit the schema.
   */
  async put(id: Id, value: T | null): Promise<void> {
    const { core } = this.#context
    const put = await this.#engine.accept(this.#engine.target(id), value)
    if (put !== null) await core.settle((onWait) => core.put(put, { onWait }))
  }

  /**
   * Makes a value stale without forgetting it: `stale` and `staleIfError` still apply, counted from now. One billed
   * read and one write, or a delete where nothing may be served stale.
   *
   * A newer value that another isolate wrote in the last seconds may be replaced by the older one. It is stale, so
   * whoever reads it next loads it again.
   *
   * @throws {KVError} When KV fails.
   */
  async expire(id: Id): Promise<void> {
    if (!this.#engine.hasGrace) {
      await this.delete(id)
      return
    }
    const { core, markers } = this.#context
    const target = this.#engine.target(id)
    markers.learn(target.name, { stampMs: core.clock.next(), checkedAtMs: 0 })
    this.#engine.detach(target)
    await this.#engine.forgetInLocation(target)
    const put = await this.#engine.toExpired(target, await core.readEntry(target.name))
    if (put === null) return
    const { name, text, options } = put
    const tries = { operation: 'write', isUrgent: true } as const
    await core.writer.write(name, () => core.kv.put(name, text, options), tries)
  }

  /**
   * Forgets a value: it is never served again where this is known. One billed delete.
   *
   * @throws {KVError} When KV fails.
   */
  async delete(id: Id): Promise<void> {
    const { core } = this.#context
    const target = this.#engine.target(id)
    core.floors.delete(target.name, core.clock.next())
    this.#engine.forget(target)
    await this.#engine.forgetInLocation(target)
    await core.remove(target.name)
  }

  /**
   * Forgets every value of the definition with one write: none that was loaded before is served again where this is
   * known.
   *
   * @throws {TypeError} When the definition is not `clearable`.
   * @throws {KVError} When KV fails.
   */
  async clear(): Promise<void> {
    if (this.#engine.epochs.length === 0) {
      throw new TypeError(
        `Cannot clear cache ${JSON.stringify(this.name)}: clearable must be true in its definition`,
      )
    }
    await this.#endMarkers(this.#engine.epochs)
  }

  /** What the reads in this isolate came to. */
  stats(): CacheStats {
    return this.#engine.stats.snapshot()
  }

  /** @internal Readers from now on share nothing that began before. */
  detachAll(): void {
    this.#engine.detachAll()
  }

  #ageMs(loadedAtMs: number): number {
    return Math.max(0, this.#context.core.now() - loadedAtMs)
  }

  async #read(id: Id, options: CacheReadOptions | undefined): Promise<CacheRead<T>> {
    const signal = options?.signal
    signal?.throwIfAborted()
    const answering = this.#engine.read(id)
    const { held, status, tier } = await (signal ? untilAborted(answering, signal) : answering)
    const value = await this.#engine.valueOf(held)
    return { value, status, tier, ageMs: this.#ageMs(held.loadedAtMs) }
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
