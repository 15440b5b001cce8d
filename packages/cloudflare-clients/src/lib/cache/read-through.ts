import { assertValueSize, type KVEntry, toEntry, toPutOptions } from '../kv/kv-entry.ts'
import { KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { SingleFlight } from '../shared/single-flight.ts'
import { raceTimer, timedOut } from '../shared/timers.ts'
import { type BulkReader, StoreSparedError } from './bulk-reader.ts'
import type { CacheCore, EntryPut } from './cache-core.ts'
import { StatsCounter } from './cache-stats.ts'
import type { CacheTier, TierEntry } from './cache-tier.ts'
import type { CacheDefinitionOptions, CacheRead } from './definition-options.ts'
import { toMs } from './duration.ts'
import { FreshnessPolicy } from './freshness.ts'
import { type DefinitionControl, type HeldValue, readControl } from './held-value.ts'
import { CacheLoadError } from './load-error.ts'
import type { MemoryTier } from './memory-tier.ts'
import { Origin } from './origin.ts'
import type { TagMarkers } from './tag-markers.ts'
import { ValueFormat } from './value-format.ts'

/** What the definitions of one `CacheClient` share. */
export interface DefinitionContext {
  readonly core: CacheCore
  readonly reader: BulkReader
  readonly markers: TagMarkers
  readonly memory: MemoryTier<HeldValue<unknown>> | undefined
  readonly location: CacheTier | undefined
  readonly random: () => number
}

/** An id with what follows from it. */
export interface Target<Id> {
  readonly id: Id
  /** The physical key. */
  readonly name: string
  readonly memoryKey: string
  /** The markers in KV whose stamp makes the value stale. */
  readonly tags: readonly string[]
}

export interface Answer<T> extends Pick<CacheRead<T>, 'status' | 'tier'> {
  readonly held: HeldValue<T>
}

interface Lookup<T> {
  readonly held: HeldValue<T> | null
  readonly tier: CacheRead<T>['tier']
  /** Whether KV failed, so that it is not known to lack what is loaded. */
  readonly hasFailed?: boolean
}

interface Previous<T> extends Pick<Lookup<T>, 'held' | 'hasFailed'> {
  /** Whether the older value may stand in when the load fails. */
  readonly isCovered: boolean
}

interface Failure {
  readonly count: number
  readonly retryAtMs: number
}

/** How long a location may go on answering that a key is not there after we wrote it. */
const missCachedMs = kvLimits.defaultCacheTtlSeconds * 1000
/** A parsed value takes about twice the bytes of its text, which is held too. */
const bytesPerCharacter = 3
const bytesPerEntry = 300
const maxFailures = 1000

/** Decides every read of one definition: memory, the location's tier, KV, the origin. */
export class ReadThrough<Id, T> {
  readonly #name: string
  readonly #options: CacheDefinitionOptions<Id, T>
  readonly #context: DefinitionContext
  readonly #policy: FreshnessPolicy
  readonly #format: ValueFormat<T>
  readonly #origin: Origin<Id, T>
  readonly #reads: SingleFlight<Answer<T>>
  readonly #loads: SingleFlight<HeldValue<T>>
  readonly #failures = new Map<string, Failure>()
  readonly #epochs: readonly string[]
  readonly #memoryPrefix: string
  readonly stats = new StatsCounter()

  constructor(name: string, options: CacheDefinitionOptions<Id, T>, context: DefinitionContext) {
    this.#name = name
    this.#options = options
    this.#context = context
    this.#policy = new FreshnessPolicy(name, options)
    this.#format = new ValueFormat(options)
    const { hardTimeoutMs } = this.#policy
    this.#origin = new Origin({ ...options, name, hardTimeoutMs, timers: context.core.timers })
    this.#reads = new SingleFlight(context.core)
    this.#loads = new SingleFlight(context.core)
    this.#epochs = options.clearable === true ? [keys.cacheEpoch(name)] : []
    this.#memoryPrefix = `${name}\0`
  }

  get epochs(): readonly string[] {
    return this.#epochs
  }

  get hasGrace(): boolean {
    return this.#policy.graceMs > 0
  }

  target(id: Id): Target<Id> {
    const part = this.#keyOf(id)
    const parts = typeof part === 'string' ? ([part] as const) : part
    const [first = '', ...rest] = parts
    return {
      id,
      name: keys.cache(this.#name, first, ...rest),
      memoryKey: this.#memoryKey(part),
      tags: this.#options.tags?.(id).map(keys.cacheTag) ?? [],
    }
  }

  /** The way of nearly every read: fresh in memory, nothing ended since, nothing to refresh. */
  quiet(id: Id): HeldValue<T> | undefined {
    const { core, memory } = this.#context
    if (memory === undefined) return undefined
    const held = memory.get(this.#memoryKey(this.#keyOf(id))) as HeldValue<T> | undefined
    if (held === undefined || core.now() >= held.quietUntilMs) return undefined
    if (held.generation !== this.#generation) return undefined
    this.stats.memory++
    return held
  }

  async read(id: Id): Promise<Answer<T>> {
    const target = this.target(id)
    const held = this.#inMemory(target)
    const nowMs = this.#context.core.now()
    let answer: Answer<T> | null = null
    if (held !== null && nowMs < held.checkAtMs) {
      answer = this.#serve(target, { held, tier: 'memory' })
    }
    answer ??= await this.#reads.run(target.name, () => this.#resolve(target))
    this.stats.count(answer)
    return answer
  }

  /** The value to give out: one that cannot be frozen is made anew for every reader. */
  async valueOf({ value, text }: HeldValue<T>): Promise<T | null> {
    if (this.#format.isShareable || value === null) return value
    const decoded = await this.#format.toValue(text)
    return 'value' in decoded ? decoded.value : value
  }

  /** Takes a value for the newest, in this isolate at once. @returns What is to be written. */
  async accept(target: Target<Id>, value: T | null): Promise<EntryPut | null> {
    const { clock, now } = this.#context.core
    const held = await this.#hold(target, value, { stampMs: clock.next(), loadMs: 0 })
    const put = await this.#toPut(target, held)
    this.detach(target)
    this.#keep(target, { ...held, storedUntilMs: held.freshUntilMs, writtenAtMs: now() })
    if (put !== null) this.#writeLocation(target, toTierEntry(put), held)
    return put
  }

  /** An entry as it is in KV, as one that is stale from now on. `null` where there is nothing to expire. */
  async toExpired(target: Target<Id>, entry: KVEntry | null): Promise<EntryPut | null> {
    const nowMs = this.#context.core.now()
    const control = readControl(entry?.control ?? null, nowMs)
    if (entry === null || control === null) return null
    const freshUntilMs = Math.min(control.freshUntilMs, nowMs)
    return this.#toEntryPut(target.name, entry.text, { ...control, freshUntilMs })
  }

  forget(target: Target<Id>): void {
    this.#context.memory?.delete(target.memoryKey)
    this.detach(target)
  }

  async forgetInLocation(target: Target<Id>): Promise<void> {
    if (this.#policy.locationMs === 0) return
    await this.#context.location?.delete(target.name).catch((error: unknown) => {
      this.#reportLocation('location_delete', target.name, error)
    })
  }

  /** Readers from now on share nothing that began before. */
  detach(target: Target<Id>): void {
    this.#reads.detach(target.name)
    this.#loads.detach(target.name)
  }

  detachAll(): void {
    this.#reads.detachPrefix('')
    this.#loads.detachPrefix('')
  }

  #keyOf(id: Id): string | readonly string[] {
    if (this.#options.key !== undefined) return this.#options.key(id)
    if (typeof id === 'string') return id
    if (typeof id === 'number') return String(id)
    throw new TypeError(
      `Cannot read cache ${JSON.stringify(this.#name)}: key must be defined for ids that are no string or number, received ${typeof id}`,
    )
  }

  #memoryKey(part: string | readonly string[]): string {
    return this.#memoryPrefix + (typeof part === 'string' ? part : `\0${JSON.stringify(part)}`)
  }

  get #generation(): number {
    return this.#context.core.floors.deletions + this.#context.markers.generation
  }

  #inMemory(target: Target<Id>): HeldValue<T> | null {
    const held = this.#context.memory?.get(target.memoryKey) as HeldValue<T> | undefined
    if (held === undefined) return null
    const valid = this.#applyEnds(target, held)
    // Found valid: the next read need not look again.
    if (valid === held) this.#quieten(held)
    return valid
  }

  #quieten(held: HeldValue<T>): void {
    held.generation = this.#generation
    held.quietUntilMs = this.#format.isShareable
      ? Math.min(this.#policy.quietUntilMs(held), held.checkAtMs)
      : 0
  }

  /** @returns The value with what is known to have ended it: stale sooner, or `null` where it must not be served. */
  #applyEnds({ name, tags }: Target<Id>, held: HeldValue<T>): HeldValue<T> | null {
    const { core, markers } = this.#context
    if (held.loadedAtMs < core.floors.of(name)) return null
    if (held.loadedAtMs <= markers.highest(this.#epochs)) return null
    const endedMs = Math.max(markers.highest(tags), markers.highest([name]))
    if (held.loadedAtMs > endedMs) return held
    // Stamps may be ahead of a clock that stands still.
    const freshUntilMs = Math.min(held.freshUntilMs, endedMs, core.now())
    return { ...held, freshUntilMs, quietUntilMs: 0 }
  }

  /** Answers with what was found, where it may be given out without asking the origin first. */
  #serve(target: Target<Id>, { held, tier, hasFailed }: Lookup<T>): Answer<T> | null {
    const { core, random } = this.#context
    if (held === null) return null
    const nowMs = core.now()
    const freshness = this.#policy.of(held, nowMs)
    if (freshness !== 'fresh' && freshness !== 'stale') return null
    if (freshness === 'stale' || this.#policy.isEarly(held, { nowMs, random })) {
      const previous = { held, isCovered: true, ...(hasFailed !== undefined && { hasFailed }) }
      if (!this.#isBackingOff(target.name)) {
        this.#loads.start(target.name, () => this.#load(target, previous))
      }
    }
    const status = freshness === 'stale' ? 'stale' : held.value === null ? 'negative' : 'hit'
    return { held, tier, status }
  }

  async #resolve(target: Target<Id>): Promise<Answer<T>> {
    const { core } = this.#context
    const lookup = await this.#lookup(target)
    const served = this.#serve(target, lookup)
    if (served !== null) return served
    const { held, tier, hasFailed = false } = lookup
    const isCovered = held !== null && this.#policy.of(held, core.now()) === 'error'
    const load = (): Promise<HeldValue<T>> =>
      this.#loads.run(target.name, () => this.#load(target, { held, hasFailed, isCovered }))
    if (!isCovered) return { held: await load(), status: 'miss', tier: 'origin' }
    const standIn: Answer<T> = { held, tier, status: 'stale_if_error' }
    if (this.#isBackingOff(target.name)) return standIn
    const { softTimeoutMs } = this.#policy
    try {
      const loaded =
        softTimeoutMs === undefined
          ? await load()
          : await raceTimer(load(), { delayMs: softTimeoutMs, timers: core.timers })
      return loaded === timedOut ? standIn : { held: loaded, status: 'miss', tier: 'origin' }
    } catch {
      // Reported where it failed.
      return standIn
    }
  }

  async #lookup(target: Target<Id>): Promise<Lookup<T>> {
    const { core, memory } = this.#context
    const nearby = await this.#readLocation(target)
    const known = this.#inMemory(target)
    if (nearby !== null && nearby.loadedAtMs >= (known?.loadedAtMs ?? 0)) {
      return { held: this.#keep(target, nearby), tier: 'location' }
    }
    let stored: HeldValue<T> | null
    let isOlder = false
    try {
      const entry = await this.#readKV(target)
      const readable = entry && (await this.#toHeld(target, entry))
      stored = readable && this.#applyEnds(target, readable)
      isOlder = readable !== null && stored === null
      if (entry !== null && stored !== null) {
        this.#writeLocation(target, { text: entry.text, metadata: entry.control }, stored)
      }
    } catch (error) {
      const failure = toKVError('read', error)
      if (!(failure instanceof StoreSparedError)) {
        core.reportStoreError('get', target.name, failure)
      }
      return { held: known, tier: 'memory', hasFailed: true }
    }
    if (stored !== null && stored.loadedAtMs >= (known?.loadedAtMs ?? 0)) {
      return { held: this.#keep(target, stored), tier: 'kv' }
    }
    // KV shows something older than what this isolate knows of, or does not show yet what it wrote.
    isOlder ||= stored !== null
    if (known !== null && (isOlder || core.now() < known.writtenAtMs + missCachedMs)) {
      return { held: this.#keep(target, known), tier: 'memory' }
    }
    memory?.delete(target.memoryKey)
    return { held: null, tier: 'kv' }
  }

  /** Reads the entry and every marker that was not read lately, in one call. */
  async #readKV({ name, tags }: Target<Id>): Promise<KVEntry | null> {
    const { core, markers, reader } = this.#context
    const { cacheTtl } = this.#options
    const due = markers.due([...tags, ...this.#epochs], core.now() - this.#policy.memoryMs)
    const [entry, ...found] = await Promise.all(
      [name, ...due].map((key) => reader.read(key, cacheTtl)),
    )
    const checkedAtMs = core.now()
    for (const [index, key] of due.entries()) {
      const stampMs = Math.min(Number(found[index]?.text ?? 0) || 0, checkedAtMs)
      core.clock.observe(stampMs)
      markers.learn(key, { stampMs, checkedAtMs })
    }
    return entry ?? null
  }

  async #readLocation(target: Target<Id>): Promise<HeldValue<T> | null> {
    const { core, location } = this.#context
    if (this.#policy.locationMs === 0 || location === undefined) return null
    try {
      const found = await core.inTime(location.read(target.name))
      const entry = found && toEntry(found.text, found.metadata, core.now())
      const held = entry && (await this.#toHeld(target, entry))
      const valid = held && this.#applyEnds(target, held)
      return valid && this.#policy.of(valid, core.now()) === 'fresh' ? valid : null
    } catch (error) {
      this.#reportLocation('location_get', target.name, error)
      return null
    }
  }

  #writeLocation({ name }: Target<Id>, entry: TierEntry, { freshUntilMs }: HeldValue<T>): void {
    const { core, location } = this.#context
    const ttlMs = Math.min(this.#policy.locationMs, freshUntilMs - core.now())
    if (ttlMs <= 0 || location === undefined) return
    const written = location.write(name, entry, ttlMs / 1000).catch((error: unknown) => {
      this.#reportLocation('location_set', name, error)
    })
    core.waitUntil?.(written)
  }

  #reportLocation(operation: string, key: string, cause: unknown): void {
    const options = { code: 'unavailable', operation: 'read', cause } as const
    this.#context.core.reportStoreError(
      operation,
      key,
      new KVError('Cannot use the location tier', options),
    )
  }

  /** @returns `null` for an entry that cannot be read as a value of this definition: it is reported and left alone. */
  async #toHeld({ name }: Target<Id>, entry: KVEntry): Promise<HeldValue<T> | null> {
    const { core } = this.#context
    const control = readControl(entry.control, core.now())
    if (control === null) return this.#reportCorrupt(name, 'no definition wrote it')
    const text = await this.#format.decode(entry.text, name, control)
    if (text === null) return this.#reportCorrupt(name, 'its encoding cannot be read')
    const decoded = await this.#format.toValue(text, control.version)
    if ('problem' in decoded) return this.#reportCorrupt(name, decoded.problem)
    const { loadedAtMs, loadMs, freshUntilMs } = control
    core.clock.observe(loadedAtMs)
    return {
      value: decoded.value,
      text,
      loadedAtMs,
      loadMs,
      // A definition that was made stricter since holds for what was stored before, too.
      freshUntilMs,
      storedUntilMs: freshUntilMs,
      writtenAtMs: 0,
      checkAtMs: 0,
      quietUntilMs: 0,
      generation: 0,
    }
  }

  #reportCorrupt(key: string, reason: string): null {
    this.#context.core.report({ type: 'corrupt_value', client: 'cache', key, reason })
    return null
  }

  #isBackingOff(name: string): boolean {
    return this.#context.core.now() < (this.#failures.get(name)?.retryAtMs ?? 0)
  }

  async #load(target: Target<Id>, previous: Previous<T>): Promise<HeldValue<T>> {
    const { clock, now, report } = this.#context.core
    const { held: older } = previous
    const beganMs = now()
    const stampMs = clock.next()
    let freshMs: number | undefined
    this.stats.loads++
    try {
      const value = await this.#origin.load(target.id, {
        previous:
          older === null
            ? null
            : { value: await this.valueOf(older), ageMs: Math.max(0, beganMs - older.loadedAtMs) },
        setFresh: (fresh) => {
          freshMs = toMs(`set fresh of cache ${JSON.stringify(this.#name)}: it`, fresh)
        },
      })
      const timing = { stampMs, loadMs: now() - beganMs, freshMs }
      const held = await this.#hold(target, value ?? null, timing)
      this.#failures.delete(target.name)
      if (value !== undefined) await this.#store(target, held, previous)
      return held
    } catch (error) {
      this.stats.loadErrors++
      this.#recordFailure(target.name)
      if (previous.isCovered) report({ type: 'load_error', client: 'cache', key: target.name, error })
      throw error
    }
  }

  #recordFailure(name: string): void {
    const count = (this.#failures.get(name)?.count ?? 0) + 1
    this.#failures.delete(name)
    const retryAtMs = this.#context.core.now() + this.#policy.backoffMs(count)
    this.#failures.set(name, { count, retryAtMs })
    if (this.#failures.size <= maxFailures) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      return
    }
  }

  async #hold(
    target: Target<Id>,
    value: T | null,
    timing: { stampMs: number; loadMs: number; freshMs?: number | undefined },
  ): Promise<HeldValue<T>> {
    const { stampMs, loadMs } = timing
    const text = this.#format.toText(`cache ${target.name}`, value)
    const decoded = await this.#format.toValue(text)
    if ('problem' in decoded) {
      throw new CacheLoadError(
        `Cannot cache ${JSON.stringify(this.#name)}: ${decoded.problem}`,
        'invalid_value',
      )
    }
    const { random } = this.#context
    const freshMs =
      timing.freshMs ?? (value === null ? this.#policy.negativeMs : this.#policy.freshMs)
    return {
      value: decoded.value,
      text,
      loadedAtMs: stampMs,
      loadMs,
      freshUntilMs: this.#policy.freshUntilMs(stampMs, { freshMs, random }),
      storedUntilMs: 0,
      writtenAtMs: 0,
      checkAtMs: 0,
      quietUntilMs: 0,
      generation: 0,
    }
  }

  /** Stores what was loaded, unless something newer is known or it was invalidated meanwhile. */
  async #store(target: Target<Id>, held: HeldValue<T>, previous: Previous<T>): Promise<void> {
    const { core } = this.#context
    const { loadedAtMs: stampMs } = held
    const isStill = (): boolean =>
      !core.floors.isFenced(target.name, stampMs) && this.#applyEnds(target, held) === held
    if (!isStill()) return
    const { held: older, hasFailed } = previous
    const nowMs = core.now()
    const isStored =
      older !== null &&
      older.text === held.text &&
      older.storedUntilMs - nowMs >= (held.freshUntilMs - nowMs) / 2
    if (hasFailed === true || isStored) {
      this.#keep(target, { ...held, storedUntilMs: isStored ? older.storedUntilMs : 0 })
      return
    }
    // In memory at once: whoever comes while it is being encoded and written must not load it again.
    this.#keep(target, { ...held, storedUntilMs: held.freshUntilMs, writtenAtMs: nowMs })
    const written = this.#toPut(target, held)
      .then((put) => {
        if (put === null || !isStill()) return
        this.#writeLocation(target, toTierEntry(put), held)
        return core.fill(put, stampMs)
      })
      .catch((error: unknown) => {
        core.reportStoreError('set', target.name, toKVError('write', error))
      })
    if (core.waitUntil === undefined) await written
    else core.waitUntil(written)
  }

  /** Takes a value into memory, for as long as KV need not be asked. */
  #keep(target: Target<Id>, value: HeldValue<T>): HeldValue<T> {
    const { core, memory } = this.#context
    core.floors.raise(target.name, value.loadedAtMs)
    const held = { ...value, checkAtMs: core.now() + this.#policy.memoryMs }
    if (held.freshUntilMs > 0) this.#quieten(held)
    if (this.#policy.memoryMs > 0) {
      const bytes = held.text.length * bytesPerCharacter + bytesPerEntry
      memory?.set(target.memoryKey, held, bytes)
    }
    return held
  }

  /** @returns `null` for what has already ended. */
  async #toPut(target: Target<Id>, held: HeldValue<T>): Promise<EntryPut | null> {
    const { loadedAtMs, freshUntilMs, loadMs } = held
    const { text, encodings } = await this.#format.encode(held.text, target.name)
    const { version } = this.#format
    const control = { loadedAtMs, freshUntilMs, loadMs, version, encodings }
    return this.#toEntryPut(target.name, text, control)
  }

  #toEntryPut(name: string, text: string, control: DefinitionControl): EntryPut | null {
    const { core } = this.#context
    const action = `cache ${name}`
    const nowMs = core.now()
    const expiresAtMs = control.freshUntilMs + this.#policy.graceMs
    if (expiresAtMs <= nowMs) return null
    assertValueSize(action, text)
    const options = toPutOptions(action, { expiresAtMs, nowMs, control: { ...control } })
    return { name, text, options }
  }
}

function toTierEntry({ text, options }: EntryPut): TierEntry {
  return { text, metadata: options.metadata }
}
