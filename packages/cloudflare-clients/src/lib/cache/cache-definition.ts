import { assertValueSize, type KVEntry, toEntry } from '../kv/kv-entry.ts'
import { toCacheText, toEpochText, toTagText } from '../kv/cache-keys.ts'
import { escapePart } from '../kv/escape-part.ts'
import { utf8Length } from '../kv/kv-key.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { checkNumber } from '../shared/check-number.ts'
import { SingleFlight } from '../shared/single-flight.ts'
import { raceTimer, timedOut } from '../shared/timers.ts'
import { type EntryPut, toEntryPut } from './cache-core.ts'
import { type CacheStats, StatsCounter } from './cache-stats.ts'
import type { ClientCore } from './client-core.ts'
import type { CacheDefinitionOptions, CacheRead } from './definition-options.ts'
import { toMs } from './duration.ts'
import { FreshnessPolicy } from './freshness.ts'
import {
  type DefinitionControl,
  type HeldValue,
  readControl,
  type Timing,
  toControlMetadata,
} from './held-value.ts'
import { CacheLoadError } from './load-error.ts'
import { Origin } from './origin.ts'
import { ValueFormat } from './value-format.ts'

export interface CacheReadOptions {
  /** Ends the caller's wait. The load goes on for whoever else wants it. */
  readonly signal?: AbortSignal
}

/** An id with what follows from it. */
interface Target<Id> {
  readonly id: Id
  readonly key: string
  readonly memoryKey: string
  /** The markers that make the value stale, and those that end it. */
  readonly tags: readonly string[]
  readonly epochs: readonly string[]
}

interface Found<T> {
  readonly held: HeldValue<T> | null
  readonly tier: CacheRead<T>['tier']
  /** Whether KV failed, so that it is not known to lack what is loaded. */
  readonly hasFailed?: boolean
}

interface Answer<T> {
  readonly held: HeldValue<T>
  readonly tier: CacheRead<T>['tier']
  readonly status: CacheRead<T>['status']
}

/** How long a location may go on answering that a key is not there after we wrote it. */
const missCachedMs = kvLimits.defaultCacheTtlSeconds * 1000
/** A parsed value takes about twice the bytes of its text, which is held too. */
const bytesPerCharacter = 3
const bytesPerEntry = 300
const maxFailures = 1000
const maxNameBytes = 200

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
  readonly #options: CacheDefinitionOptions<Id, T>
  readonly #core: ClientCore
  readonly #endMarkers: (markers: readonly string[]) => Promise<void>
  readonly #policy: FreshnessPolicy
  readonly #format: ValueFormat<T>
  readonly #origin: Origin<Id, T>
  readonly #reads: SingleFlight<Answer<T>>
  readonly #loads: SingleFlight<HeldValue<T>>
  readonly #failures = new Map<string, { readonly count: number; readonly retryAtMs: number }>()
  readonly #stats = new StatsCounter()
  readonly #group: string
  readonly #epochs: readonly string[]

  /** @internal */
  constructor(
    name: string,
    options: CacheDefinitionOptions<Id, T>,
    core: ClientCore,
    endMarkers: (markers: readonly string[]) => Promise<void>,
  ) {
    const what = `define cache ${JSON.stringify(name)}`
    this.name = name
    this.#group = escapePart(name)
    // As `keys.cachePrefix` has it, which digests what is longer.
    checkNumber(`${what}: the bytes of its name`, utf8Length(this.#group), {
      min: 0,
      max: maxNameBytes,
    })
    const { cacheTtl = kvLimits.minCacheTtlSeconds, version = 1 } = options
    checkNumber(`${what}: cacheTtl`, cacheTtl, { min: kvLimits.minCacheTtlSeconds })
    checkNumber(`${what}: version`, version, { min: 0, max: Number.MAX_SAFE_INTEGER })
    this.#options = options
    this.#core = core
    this.#endMarkers = endMarkers
    this.#policy = new FreshnessPolicy(what, options)
    this.#format = new ValueFormat(options)
    const { hardTimeoutMs } = this.#policy
    this.#origin = new Origin(name, options, { hardTimeoutMs, timers: core.timers })
    this.#reads = new SingleFlight(core)
    this.#loads = new SingleFlight(core, core.waitUntil)
    this.#epochs = options.clearable === true ? [toEpochText(name)] : []
  }

  /**
   * Reads a value from the nearest tier that may answer, or loads it.
   *
   * @returns The value, frozen. `null` where the origin has none.
   * @throws What the loader threw, where no older value can stand in. {@link CacheLoadError} on the hard timeout, and
   * where what was loaded does not fit the schema.
   */
  async get(id: Id, options?: CacheReadOptions): Promise<T | null> {
    const held = this.#quiet(id)
    if (held !== undefined) return held.value
    const answer = await this.#answer(this.#target(id), options)
    return this.#format.isShareable ? answer.held.value : (await this.#toRead(answer)).value
  }

  /** Reads as {@link get} does, and says how fresh the value is and where it was found. */
  async read(id: Id, options?: CacheReadOptions): Promise<CacheRead<T>> {
    const held = this.#quiet(id)
    return this.#toRead(
      held === undefined
        ? await this.#answer(this.#target(id), options)
        : { held, tier: 'memory', status: statusOf(held) },
    )
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
    const { clock, floors, now } = this.#core
    const target = this.#target(id)
    const stored = await this.#hold(value, { loadedAtMs: clock.next(), loadMs: 0 })
    const put = await this.#toPut(target, stored)
    // A later put, or a delete, whose value was ready sooner.
    if (stored.loadedAtMs < floors.of(target.key)) return
    this.detach(target.key)
    if (put === null) {
      this.#keep(target, stored)
      return
    }
    this.#keep(target, { ...stored, storedUntilMs: stored.freshUntilMs, writtenAtMs: now() })
    this.#writeLocation(put, target, stored)
    await this.#core.put(put)
  }

  /**
   * Has a value loaded again before it is next served, and keeps it to stand in should that load fail (`staleIfError`).
   * One billed read and one write, or a delete without `staleIfError`.
   *
   * A newer value that another isolate wrote in the last seconds may be replaced by the older one, which whoever reads
   * it next loads again.
   *
   * @throws {KVError} When KV fails.
   */
  async expire(id: Id): Promise<void> {
    if (!this.#policy.outlastsEnd) return this.delete(id)
    const { clock, markers, now } = this.#core
    const target = this.#target(id)
    markers.learn(target.key, clock.next(), 0)
    this.detach(target.key)
    await this.#forgetInLocation(target)
    const entry = await this.#core.read(target.key)
    const control = entry && readControl(entry, now())
    if (!control) return
    const freshUntilMs = this.#policy.endedAtMs(Math.min(control.freshUntilMs, now()))
    const put = this.#toEntryPut(target, entry.text, { ...control, freshUntilMs })
    if (put !== null) await this.#core.write(put, { isUrgent: true })
  }

  /**
   * Forgets a value: it is never served again where this is known. One billed delete.
   *
   * @throws {KVError} When KV fails.
   */
  async delete(id: Id): Promise<void> {
    const { clock, floors, memory } = this.#core
    const target = this.#target(id)
    floors.delete(target.key, clock.next())
    memory?.delete(target.memoryKey)
    this.detach(target.key)
    await this.#forgetInLocation(target)
    await this.#core.remove(target.key)
  }

  /**
   * Forgets every value of the definition with one write: none that was loaded before is served again where this is
   * known.
   *
   * @throws {TypeError} When the definition is not `clearable`.
   * @throws {KVError} When KV fails.
   */
  async clear(): Promise<void> {
    if (this.#epochs.length === 0) {
      throw new TypeError(
        `Cannot clear cache ${JSON.stringify(this.name)}: clearable must be true in its definition`,
      )
    }
    await this.#endMarkers(this.#epochs)
  }

  /** What the reads in this isolate came to. */
  stats(): CacheStats {
    return this.#stats.snapshot()
  }

  /** @internal Readers from now on share nothing that began before. */
  detach(key: string): void {
    this.#reads.detach(key)
    this.#loads.detach(key)
  }

  /** @internal */
  detachAll(): void {
    this.#reads.detachAll()
    this.#loads.detachAll()
  }

  #keyOf(id: Id): string | readonly string[] {
    if (this.#options.key !== undefined) return this.#options.key(id)
    if (typeof id === 'string' || typeof id === 'number') return String(id)
    throw new TypeError(
      `Cannot read cache ${JSON.stringify(this.name)}: its definition must have a key for ids of type ${typeof id}`,
    )
  }

  /** The part of the key as it is, because escaping it takes longer than the rest of a hit. */
  #memoryKey(part: string | readonly string[]): string {
    return `${this.name}\0${typeof part === 'string' ? part : `\0${JSON.stringify(part)}`}`
  }

  #target(id: Id): Target<Id> {
    const part = this.#keyOf(id)
    return {
      id,
      key: toCacheText(this.#group, typeof part === 'string' ? [part] : part),
      memoryKey: this.#memoryKey(part),
      tags: this.#options.tags?.(id).map(toTagText) ?? [],
      epochs: this.#epochs,
    }
  }

  get #generation(): number {
    return this.#core.floors.endings + this.#core.markers.generation
  }

  /** The way of nearly every read: fresh in memory, nothing ended since, nothing to refresh. */
  #quiet(id: Id): HeldValue<T> | undefined {
    const { memory } = this.#core
    if (memory === undefined) return undefined
    const held = memory.get(this.#memoryKey(this.#keyOf(id))) as HeldValue<T> | undefined
    if (held === undefined || this.#core.now() >= held.quietUntilMs) return undefined
    if (held.generation !== this.#generation) return undefined
    this.#stats.counts.memory++
    return held
  }

  async #toRead({ held, status, tier }: Answer<T>): Promise<CacheRead<T>> {
    let { value } = held
    if (!this.#format.isShareable && value !== null) {
      // What cannot be frozen is made anew for every reader.
      const decoded = await this.#format.toValue(held.text)
      if ('value' in decoded) value = decoded.value
    }
    return { value, status, tier, ageMs: Math.max(0, this.#core.now() - held.loadedAtMs) }
  }

  async #answer(target: Target<Id>, options?: CacheReadOptions): Promise<Answer<T>> {
    const signal = options?.signal
    signal?.throwIfAborted()
    const held = this.#inMemory(target)
    const isChecked = held !== null && this.#core.now() < held.checkAtMs
    let answer = isChecked ? this.#serve(target, { held, tier: 'memory' }) : null
    if (answer === null) {
      const answering = this.#reads.run(target.key, () => this.#resolve(target))
      answer = await (signal === undefined ? answering : untilAborted(answering, signal))
    }
    this.#stats.count(answer)
    return answer
  }

  #inMemory(target: Target<Id>): HeldValue<T> | null {
    const held = this.#core.memory?.get(target.memoryKey) as HeldValue<T> | undefined
    if (held === undefined) return null
    const valid = this.#applyEnds(target, held)
    // Found valid: the next read need not look again.
    if (valid === held) this.#quieten(held)
    return valid
  }

  #quieten(held: HeldValue<T>): void {
    held.generation = this.#generation
    // The chance that a draw for an early refresh is smaller is one in a billion.
    const refreshAtMs = this.#policy.refreshAtMs(held, 1e-9)
    held.quietUntilMs = this.#format.isShareable ? Math.min(refreshAtMs, held.checkAtMs) : 0
  }

  /** @returns The value with what is known to have ended it: stale sooner, or `null` where it must not be served. */
  #applyEnds({ key, tags, epochs }: Target<Id>, held: HeldValue<T>): HeldValue<T> | null {
    const { floors, markers, now } = this.#core
    const { loadedAtMs } = held
    if (loadedAtMs < floors.of(key) || loadedAtMs <= markers.highest(epochs)) return null
    const endedMs = Math.max(markers.highest(tags), markers.highest([key]))
    if (loadedAtMs > endedMs) return held
    // Stamps may be ahead of a clock that stands still.
    const freshUntilMs = this.#policy.endedAtMs(Math.min(held.freshUntilMs, endedMs, now()))
    return { ...held, freshUntilMs, storedUntilMs: 0, quietUntilMs: 0 }
  }

  /** Answers with what was found, where it may be given out without asking the origin first. */
  #serve(target: Target<Id>, found: Found<T>): Answer<T> | null {
    const { held, tier } = found
    if (held === null) return null
    const { now, random } = this.#core
    const freshness = this.#policy.of(held, now())
    if (freshness !== 'fresh' && freshness !== 'stale') return null
    if (freshness === 'stale' || now() >= this.#policy.refreshAtMs(held, 1 - random())) {
      if (!this.#isBackingOff(target)) {
        this.#loads.start(target.key, () => this.#load(target, found, true))
      }
    }
    return { held, tier, status: freshness === 'stale' ? 'stale' : statusOf(held) }
  }

  async #resolve(target: Target<Id>): Promise<Answer<T>> {
    const { now, timers } = this.#core
    const found = await this.#find(target)
    const served = this.#serve(target, found)
    if (served !== null) return served
    const { held, tier } = found
    const isCovered = held !== null && this.#policy.of(held, now()) === 'error'
    const load = async (): Promise<Answer<T>> => {
      const work = (): Promise<HeldValue<T>> => this.#load(target, found, isCovered)
      return { held: await this.#loads.run(target.key, work), tier: 'origin', status: 'miss' }
    }
    if (!isCovered) return load()
    const standIn = { held, tier, status: 'stale_if_error' } as const
    if (this.#isBackingOff(target)) return standIn
    const loading = load()
    const delayMs = this.#policy.softTimeoutMs
    // An error was reported where it came up.
    const loaded = await raceTimer(loading, { delayMs, timers }).catch(() => timedOut)
    if (loaded !== timedOut) return loaded as Answer<T>
    // The wait may have been longer than the older value may stand in.
    return this.#policy.of(held, now()) === 'dead' ? loading : standIn
  }

  async #find(target: Target<Id>): Promise<Found<T>> {
    const { memory, now } = this.#core
    const nearby = this.#policy.locationMs > 0 ? await this.#findInLocation(target) : null
    const isNewest = (held: HeldValue<T> | null): held is HeldValue<T> =>
      held !== null && held.loadedAtMs >= (this.#inMemory(target)?.loadedAtMs ?? 0)
    if (isNewest(nearby)) return { held: this.#keep(target, nearby), tier: 'location' }
    let isOlder: boolean
    try {
      const entry = await this.#readKV(target)
      const stored = entry && (await this.#toHeld(target, entry))
      const valid = stored && this.#applyEnds(target, stored)
      if (entry !== null && isNewest(valid)) {
        this.#writeLocation(entry, target, valid)
        return { held: this.#keep(target, valid), tier: 'kv' }
      }
      isOlder = stored !== null
    } catch (error) {
      this.#core.reporting('get', target.key)(error)
      return { held: this.#inMemory(target), tier: 'memory', hasFailed: true }
    }
    // What is known now, and not before the read: it may have been put or deleted meanwhile.
    const known = this.#inMemory(target)
    // KV shows something older than what this isolate knows of, or does not show yet what it wrote.
    if (known !== null && (isOlder || now() < known.writtenAtMs + missCachedMs)) {
      return { held: this.#keep(target, known), tier: 'memory' }
    }
    memory?.delete(target.memoryKey)
    return { held: null, tier: 'kv' }
  }

  /** Reads the entry and every marker that was not read lately, in one call. */
  #readKV({ key, tags, epochs }: Target<Id>): Promise<KVEntry | null> {
    const { markers, now } = this.#core
    const { cacheTtl } = this.#options
    const due = markers.due([...tags, ...epochs], now() - this.#policy.memoryMs)
    const entry = this.#core.read(key, cacheTtl)
    return due.length === 0 ? entry : this.#readWithMarkers(entry, due)
  }

  async #readWithMarkers(
    reading: Promise<KVEntry | null>,
    due: readonly string[],
  ): Promise<KVEntry | null> {
    const { clock, markers, now } = this.#core
    const { cacheTtl } = this.#options
    const [entry, ...found] = await Promise.all([
      reading,
      ...due.map((marker) => this.#core.read(marker, cacheTtl)),
    ])
    for (const [index, marker] of due.entries()) {
      const stampMs = Math.min(Number(found[index]?.text) || 0, now())
      clock.observe(stampMs)
      markers.learn(marker, stampMs, now())
    }
    return entry
  }

  async #findInLocation(target: Target<Id>): Promise<HeldValue<T> | null> {
    const { location, now } = this.#core
    if (location === undefined) return null
    try {
      const found = await this.#core.inTime(location.read(target.key))
      const entry = found && toEntry(found.text, found.metadata, now())
      const held = entry && (await this.#toHeld(target, entry))
      const valid = held && this.#applyEnds(target, held)
      return valid && this.#policy.of(valid, now()) === 'fresh' ? valid : null
    } catch (error) {
      this.#core.reporting('get', target.key)(error)
      return null
    }
  }

  #writeLocation(
    { text, metadata }: Pick<KVEntry, 'text' | 'metadata'>,
    { key }: Pick<Target<Id>, 'key'>,
    { freshUntilMs }: Timing,
  ): void {
    const { location, now, waitUntil } = this.#core
    const ttlMs = Math.min(this.#policy.locationMs, freshUntilMs - now())
    if (ttlMs <= 0 || location === undefined) return
    const written = location.write(key, { text, metadata }, ttlMs / 1000)
    const settled = written.catch(this.#core.reporting('set', key))
    waitUntil?.(settled)
  }

  async #forgetInLocation({ key }: Target<Id>): Promise<void> {
    if (this.#policy.locationMs === 0) return
    await this.#core.location?.delete(key).catch(this.#core.reporting('delete', key))
  }

  /** @returns `null` for an entry that cannot be read as a value of this definition: it is reported and left alone. */
  async #toHeld({ key }: Target<Id>, entry: KVEntry): Promise<HeldValue<T> | null> {
    const { clock, now, report } = this.#core
    const control = readControl(entry, now())
    const decoded = control
      ? await this.#format.read(entry.text, key, control)
      : { problem: 'no definition wrote it' }
    if (control === null || 'problem' in decoded) {
      const reason = 'problem' in decoded ? decoded.problem : ''
      report({ type: 'corrupt_value', client: 'cache', key, reason })
      return null
    }
    const { loadedAtMs, loadMs, freshUntilMs } = control
    clock.observe(loadedAtMs)
    return toHeldValue(decoded, { loadedAtMs, loadMs, freshUntilMs, storedUntilMs: freshUntilMs })
  }

  #isBackingOff({ key }: Target<Id>): boolean {
    return this.#core.now() < (this.#failures.get(key)?.retryAtMs ?? 0)
  }

  /** @param isCovered Whether an older value stands in when the load fails. */
  async #load(target: Target<Id>, found: Found<T>, isCovered: boolean): Promise<HeldValue<T>> {
    const { clock, now, report } = this.#core
    const { held: older } = found
    const loadedAtMs = clock.next()
    const beganMs = now()
    let freshMs: number | undefined
    this.#stats.counts.loads++
    try {
      const value = await this.#origin.load(target.id, {
        previous: older && (await this.#toRead({ held: older, tier: found.tier, status: 'stale' })),
        setFresh: (fresh) => {
          freshMs = toMs(`set fresh of cache ${JSON.stringify(this.name)}: it`, fresh)
        },
      })
      const held = await this.#hold(value ?? null, { loadedAtMs, loadMs: now() - beganMs, freshMs })
      this.#failures.delete(target.key)
      if (value !== undefined) await this.#store(target, held, found)
      return held
    } catch (error) {
      this.#stats.counts.loadErrors++
      this.#recordFailure(target)
      if (isCovered) report({ type: 'load_error', client: 'cache', key: target.key, error })
      throw error
    }
  }

  #recordFailure({ key }: Target<Id>): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1
    if (this.#failures.size >= maxFailures) this.#failures.clear()
    this.#failures.set(key, { count, retryAtMs: this.#core.now() + this.#policy.backoffMs(count) })
  }

  /** Makes of a value what a hit would give. */
  async #hold(
    value: T | null,
    timing: Omit<Timing, 'freshUntilMs'> & { readonly freshMs?: number | undefined },
  ): Promise<HeldValue<T>> {
    const { freshMs: ownFreshMs, ...times } = timing
    const what = `cache ${JSON.stringify(this.name)}`
    const text = this.#format.toText(what, value)
    const decoded = await this.#format.toValue(text)
    if ('problem' in decoded) {
      throw new CacheLoadError(`Cannot ${what}: ${decoded.problem}`, 'invalid_value')
    }
    const { negativeMs, freshMs } = this.#policy
    const lastingMs = ownFreshMs ?? (value === null ? negativeMs : freshMs)
    const { now, random } = this.#core
    // Stamps may be ahead of the time, by as much as another isolate's clock is.
    const beganMs = Math.min(times.loadedAtMs, now() - times.loadMs)
    const freshUntilMs = this.#policy.freshUntilMs(beganMs, lastingMs, random)
    return toHeldValue({ value: decoded.value, text }, { ...times, freshUntilMs, storedUntilMs: 0 })
  }

  /** Stores what was loaded, unless something newer is known or it was invalidated meanwhile. */
  async #store(target: Target<Id>, held: HeldValue<T>, found: Found<T>): Promise<void> {
    const { floors, now, waitUntil, writer } = this.#core
    const { key } = target
    const isStill = (): boolean =>
      !floors.isFenced(key, held.loadedAtMs) && this.#applyEnds(target, held) === held
    // Also where it is not stored: its callers see it, and nothing older from then on.
    floors.raise(key, held.loadedAtMs)
    if (!isStill()) return
    const { held: older, hasFailed } = found
    const isStored =
      older !== null &&
      older.text === held.text &&
      older.storedUntilMs - now() >= (held.freshUntilMs - now()) / 2
    if (hasFailed === true || isStored || writer.isSpaced(key)) {
      this.#keep(target, { ...held, storedUntilMs: isStored ? older.storedUntilMs : 0 })
      return
    }
    // In memory at once: whoever comes while it is being encoded and written must not load it again.
    this.#keep(target, { ...held, storedUntilMs: held.freshUntilMs, writtenAtMs: now() })
    const written = this.#toPut(target, held)
      .then((put) => {
        if (put === null || !isStill()) return
        this.#writeLocation(put, target, held)
        return this.#core.fill(put)
      })
      .catch(this.#core.reporting('set', key))
    if (waitUntil === undefined) await written
    else waitUntil(written)
  }

  /** Takes a value into memory, for as long as KV need not be asked. */
  #keep(target: Target<Id>, value: HeldValue<T>): HeldValue<T> {
    const { floors, memory, now } = this.#core
    const { memoryMs } = this.#policy
    if (value.loadedAtMs < floors.of(target.key)) return value
    floors.raise(target.key, value.loadedAtMs)
    if (memory === undefined || memoryMs === 0) return value
    // The first read looks whether it has ended meanwhile.
    const held = { ...value, checkAtMs: now() + memoryMs, quietUntilMs: 0 }
    const bytes = held.text.length * bytesPerCharacter + bytesPerEntry
    memory.set(target.memoryKey, held, bytes)
    return held
  }

  /** @returns `null` for what has already ended, or where an encoder failed, which is reported. */
  async #toPut(target: Target<Id>, held: HeldValue<T>): Promise<EntryPut | null> {
    const { loadedAtMs, loadMs, freshUntilMs } = held
    const reporting = this.#core.reporting('set', target.key)
    const encoded = await this.#format.encode(held.text, target.key).catch(reporting)
    if (!encoded) return null
    const { text, encodings } = encoded
    const { version } = this.#format
    return this.#toEntryPut(target, text, { loadedAtMs, loadMs, freshUntilMs, version, encodings })
  }

  /** @returns `null` for what has already ended. */
  #toEntryPut({ key }: Target<Id>, text: string, control: DefinitionControl): EntryPut | null {
    const nowMs = this.#core.now()
    const expiresAtMs = control.freshUntilMs + this.#policy.graceMs
    assertValueSize(`cache ${JSON.stringify(this.name)}`, text)
    if (expiresAtMs <= nowMs) return null
    return toEntryPut(key, text, { ...toControlMetadata(control), expiresAtMs, nowMs })
  }
}

/** Written out, because spreading costs more than the rest of a read. */
function toHeldValue<T>(
  { value, text }: { readonly value: T | null; readonly text: string },
  { loadedAtMs, loadMs, freshUntilMs, storedUntilMs }: Timing & { readonly storedUntilMs: number },
): HeldValue<T> {
  return {
    value,
    text,
    loadedAtMs,
    loadMs,
    freshUntilMs,
    storedUntilMs,
    writtenAtMs: 0,
    checkAtMs: 0,
    quietUntilMs: 0,
    generation: 0,
  }
}

function statusOf({ value }: HeldValue<unknown>): 'hit' | 'negative' {
  return value === null ? 'negative' : 'hit'
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
