import { assertValueSize, type KVEntry } from '../kv/kv-entry.ts'
import { toCacheText, toEpochText, toTagText } from '../kv/cache-keys.ts'
import { escapePart } from '../kv/escape-part.ts'
import { utf8Length } from '../kv/kv-key.ts'
import { minCacheTtlSeconds } from '../kv/kv-limits.ts'
import { checkNumber } from '../shared/check-number.ts'
import { raceTimer, timedOut } from '../shared/timers.ts'
import { batchReads } from './batch-reads.ts'
import type { CacheCore, EntryPut } from './cache-core.ts'
import type { CacheDefinition } from './cache-definition.ts'
import {
  bytesPerCharacter,
  bytesPerEntry,
  defaultMemorySeconds,
  markerLifetimeMs,
  maxBackoffMs,
  maxClockSkewMs,
  maxLoadingMs,
  maxNameBytes,
  maxTexts,
  missCachedMs,
} from './cache-limits.ts'
import type { CacheObserver } from './cache-observer.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { CacheDefinitionOptions, CacheRead, EarlyRefresh } from './definition-options.ts'
import { type Duration, toMs } from './duration.ts'
import { noteEnd } from './note-end.ts'
import type { HeldValue, ValueTimes } from './held-value.ts'
import { jsonFormat, type PackedText, type ValueFormat } from './json-format.ts'
import type { MemoryTier } from './memory-tier.ts'

/** What the definitions of one client share. */
export interface DefinitionParts {
  readonly core: CacheCore
  readonly memory: MemoryTier<HeldValue<unknown>> | undefined
  readonly observer: CacheObserver | undefined
  readonly random: () => number
}

/** An id with what follows from it. */
interface Target<Id> {
  readonly id: Id
  readonly key: string
  /** The markers that make the value stale. */
  readonly tags: readonly string[]
}

/** What the metadata of an entry says beside its expiry. */
interface StoredTimes extends Omit<ValueTimes, 'loadMs'> {
  readonly loadMs?: number
  readonly format?: unknown
  /** Noted by the tier of the location in what it gives out. Missing where it came from KV. */
  readonly tier?: 'location' | 'kv'
}

interface LoadOptions<T> {
  readonly older: HeldValue<T> | null
  /** Whether the older value stands in when the load fails. */
  readonly isCovered: boolean
  /** Whether KV failed, so that it is not known to lack what is loaded. */
  readonly isUnread?: boolean | undefined
}

/** What may have to be waited for. */
type Later<T> = T | Promise<T>

type DurationOption =
  'errorBackoff' | 'fresh' | 'memory' | 'negative' | 'softTimeout' | 'stale' | 'staleIfError'

/**
 * Makes a definition. It is one closure and not a class, because what is named in a closure costs a byte for each use.
 *
 * A read goes: {@link answer} → memory, if it was checked lately → {@link resolve}, shared by all who want the key →
 * {@link readEntry} in KV → {@link load}, shared too.
 */
export function createDefinition<Id, T>(
  name: string,
  options: CacheDefinitionOptions<Id, T>,
  { core, memory, observer, random }: DefinitionParts,
): CacheDefinition<Id, T> {
  const { anchor, detach, now, records, report, reporting, timers } = core
  const { cacheTtl, jitter = 0.1, key: toParts = toPart, refreshAhead = 1 } = options
  const what = `cache ${JSON.stringify(name)}`
  const group = escapePart(name)
  /** The markers that end every value: one where it is clearable. */
  const epochs = options.clearable ? [toEpochText(name)] : []
  const texts = new Map<unknown, string>()
  const isMarked = options.tags !== undefined || epochs.length > 0
  const format: ValueFormat<T> = options.format ?? jsonFormat
  const freeze = (value: unknown): T | null =>
    (format.isShareable ? deepFreeze(value) : value) as T | null
  const ask = cacheTtl === undefined ? core.read : batchReads(core, { cacheTtl })
  /** Reads of KV and what follows from them, and loads: shared apart, so that a stale answer does not wait for its refresh. */
  const shareRead = core.createShare<HeldValue<T>>()
  const shareLoad = core.createShare<HeldValue<T>>()

  const check = (option: string, value: number, min: number, max = Infinity): void => {
    checkNumber(`define ${what}: ${option}`, value, { min, max })
  }
  const ms = (option: DurationOption, fallback: Duration = 0, minMs = 0): number => {
    const { [option]: duration = fallback } = options
    return toMs(`define ${what}: ${option}`, duration === false ? 0 : duration, minMs)
  }
  const freshMs = ms('fresh', 0, 1)
  const staleMs = ms('stale')
  const staleIfErrorMs = ms('staleIfError')
  const negativeMs = ms('negative', options.fresh)
  /** 0 where nothing is kept in memory. */
  const memoryMs = ms('memory', Math.min(freshMs / 1000, defaultMemorySeconds))
  const softTimeoutMs = options.softTimeout === undefined ? Infinity : ms('softTimeout', 0, 1)
  const backoffMs = ms('errorBackoff', 5)
  /** How long a value is kept past its freshness. */
  const graceMs = Math.max(staleMs, staleIfErrorMs)
  const maxLifetimeMs = isMarked ? markerLifetimeMs : Infinity
  check('fresh and grace', freshMs + graceMs, 0, maxLifetimeMs)
  check('name bytes', utf8Length(group), 0, maxNameBytes)
  check('cacheTtl', cacheTtl ?? Infinity, minCacheTtlSeconds)
  check('jitter', jitter, 0, 1)
  const toAheadMs: EarlyRefresh =
    typeof refreshAhead === 'number'
      ? ({ freshUntilMs, loadedAtMs }) => (freshUntilMs - loadedAtMs) * (1 - refreshAhead)
      : refreshAhead
  if (typeof refreshAhead === 'number') check('refreshAhead', refreshAhead, 0, 1)

  function toPart(id: Id): string {
    if (typeof id === 'string' || typeof id === 'number') return String(id)
    throw new TypeError(`Cannot read ${what}: key must be defined for ${typeof id} ids`)
  }

  function toTarget(id: Id): Target<Id> {
    const parts = toParts(id)
    // Escaping takes longer than the rest of a hit.
    let key = texts.get(parts)
    if (key === undefined) {
      key = toCacheText(group, [parts].flat())
      if (texts.size > maxTexts) texts.clear()
      // An array may hold other parts the next time.
      if (typeof parts === 'string') texts.set(parts, key)
    }
    return { id, key, tags: options.tags?.(id).map(toTagText) ?? [] }
  }

  /** @param pick What the caller wants of it. */
  async function answer<R>(id: Id, pick: (read: CacheRead<T>) => R): Promise<R> {
    const target = toTarget(id)
    const known = findInMemory(target)
    const held =
      (known && now() < (known.checkAtMs ?? 0) ? serve(target, known) : null) ??
      (await shareRead(target.key, () => resolve(target)))
    // Without a wait where there is nothing to wait for, which every hit would pay for.
    const read = toRead(held, format.isShareable ? held.value : await toValue(held))
    observer?.onRead?.(name, read)
    return pick(read)
  }

  /** What cannot be shared is made anew for every reader. */
  function toValue({ value, text }: HeldValue<T>): T | null | Promise<T | null> {
    return format.isShareable ? value : (format.toValue(text) as T | null)
  }

  function toRead({ freshUntilMs, loadedAtMs, tier }: HeldValue<T>, value: T | null): CacheRead<T> {
    const nowMs = now()
    const lateMs = nowMs - freshUntilMs
    let status: CacheRead<T>['status'] = value === null ? 'negative' : 'hit'
    if (tier === 'origin') status = 'miss'
    else if (lateMs >= 0) status = value !== null && lateMs < staleMs ? 'stale' : 'stale_if_error'
    return { value, status, tier, ageMs: Math.max(0, nowMs - loadedAtMs) }
  }

  function findInMemory(target: Target<Id>): HeldValue<T> | null {
    const held = memory?.get(target.key) as HeldValue<T> | undefined
    return held ? applyEnds(target, held) : null
  }

  /** @returns The highest stamp of the markers, 0 where none is set. */
  function highestEnd(keys: readonly string[]): number {
    let endMs = 0
    for (const key of keys) endMs = Math.max(endMs, records.of(key).endMs ?? 0)
    return endMs
  }

  /** @returns The value with what is known to have ended it: stale sooner, or `null` where it must not be served. */
  function applyEnds({ key, tags }: Target<Id>, held: HeldValue<T>): HeldValue<T> | null {
    const { loadedAtMs, freshUntilMs } = held
    if (loadedAtMs < records.of(key).floorMs || loadedAtMs <= highestEnd(epochs)) return null
    const endedMs = highestEnd([key, ...tags])
    return loadedAtMs > endedMs
      ? held
      : // Stamps may be ahead of a clock that stands still.
        { ...held, freshUntilMs: toEnd(Math.min(freshUntilMs, endedMs)), storedUntilMs: 0 }
  }

  /** @returns The end of freshness that leaves a value no stale time, so that only a failed load brings it back. */
  function toEnd(endMs: number): number {
    return Math.min(endMs, now()) - staleMs
  }

  /**
   * Refreshes a value in the background where it is time to.
   *
   * @returns The value, where it may be given out without asking the origin first.
   */
  function serve(target: Target<Id>, held: HeldValue<T>): HeldValue<T> | null {
    const { freshUntilMs, value } = held
    const nowMs = now()
    if (nowMs >= freshUntilMs + (value === null ? 0 : staleMs)) return null
    const aheadMs = toAheadMs(held, random)
    const { loadingUntilMs = 0, retryAtMs = 0 } = records.of(target.key)
    if (nowMs >= Math.max(freshUntilMs - aheadMs, loadingUntilMs, retryAtMs)) {
      // One that has not ended by now is dead.
      detach(target.key)
      void anchor(startLoad(target, { older: held, isCovered: true }))
    }
    return held
  }

  async function resolve(target: Target<Id>): Promise<HeldValue<T>> {
    let older: HeldValue<T> | null
    let isUnread = false
    try {
      const entry = await readEntry(target)
      const stored = entry && toHeld(target, entry)
      older = choose(target, stored instanceof Promise ? await stored : stored)
    } catch (error) {
      reporting('get', target.key)(error)
      older = findInMemory(target)
      isUnread = true
    }
    const served = older && serve(target, older)
    if (served !== null) return served
    /** The older value, as long as it may stand in. */
    const standIn = (): HeldValue<T> | null =>
      older !== null && now() < older.freshUntilMs + staleIfErrorMs ? older : null
    const covering = standIn()
    if (covering !== null && now() < (records.of(target.key).retryAtMs ?? 0)) return covering
    const loading = startLoad(target, { older, isCovered: covering !== null, isUnread })
    if (covering === null) return loading
    // An error was reported where it came up.
    const loaded = await raceTimer(loading, { delayMs: softTimeoutMs, timers }).catch(() => null)
    return loaded === null || loaded === timedOut ? (standIn() ?? loading) : loaded
  }

  /** @returns What KV has, or memory where that is newer. */
  function choose(target: Target<Id>, stored: HeldValue<T> | null): HeldValue<T> | null {
    const valid = stored && applyEnds(target, stored)
    // What is known now, and not before the read: it may have been put or deleted meanwhile.
    const known = findInMemory(target)
    if (valid !== null && valid.loadedAtMs >= (known?.loadedAtMs ?? 0)) return keep(target, valid)
    // KV shows something older than what this isolate knows of, or does not show yet what it wrote.
    if (known !== null && (stored !== null || now() < (known.writtenAtMs ?? 0) + missCachedMs)) {
      return keep(target, known)
    }
    memory?.delete(target.key)
    return null
  }

  /** Reads the entry and every marker that was not read lately, in one call. */
  function readEntry({ key, tags }: Target<Id>): Promise<KVEntry | null> {
    if (!isMarked) return ask(key)
    const due = [...tags, ...epochs].filter(
      (marker) => (records.of(marker).checkedAtMs ?? 0) <= now() - memoryMs,
    )
    const learn = async (marker: string): Promise<void> => {
      const found = await ask(marker)
      const stampMs = Math.min(Number(found?.text) || 0, now())
      records.observe(stampMs)
      noteEnd(records, marker, { stampMs, checkedAtMs: now() })
    }
    return Promise.all([ask(key), ...due.map(learn)]).then(([entry]) => entry)
  }

  /** @returns `null` for an entry that cannot be read as a value of this definition: it is reported and left alone. */
  function toHeld({ key }: Target<Id>, { text, own }: KVEntry): Later<HeldValue<T> | null> {
    const times = Object(own) as StoredTimes
    // A time that is missing is neither at most nor under anything.
    const isOwn = times.loadedAtMs <= now() + maxClockSkewMs && times.freshUntilMs < Infinity
    if (!isOwn) return pass(key, 'it has no times')
    // Plain JSON may look like a value and be a pointer to one.
    if (times.format !== undefined && format.unpack === jsonFormat.unpack) {
      return pass(key, 'it has another format')
    }
    try {
      // Plain JSON without a wait, which every hit would pay for.
      return format === jsonFormat
        ? give(times, text, format.toValue(text))
        : unpack(key, text, times).catch((error: unknown) => fail(key, error))
    } catch (error) {
      return fail(key, error)
    }
  }

  async function unpack(key: string, packed: string, times: StoredTimes): Promise<HeldValue<T>> {
    const text = await format.unpack({ text: packed, format: times.format }, key)
    return give(times, text, await format.toValue(text))
  }

  function give(
    { loadedAtMs, loadMs = 0, freshUntilMs, tier = 'kv' }: StoredTimes,
    text: string,
    value: unknown,
  ): HeldValue<T> {
    records.observe(loadedAtMs)
    return {
      value: freeze(value),
      text,
      loadedAtMs,
      loadMs,
      freshUntilMs,
      tier,
      storedUntilMs: freshUntilMs,
    }
  }

  function fail(key: string, error: unknown): null {
    // Other errors may quote the value. Told by its name, so that only who throws it carries its class.
    const isOurs = error instanceof Error && error.name === 'CacheLoadError'
    return pass(key, isOurs ? error.message : 'it cannot be decoded')
  }

  function pass(key: string, reason: string): null {
    report({ type: 'corrupt_value', client: 'cache', key, reason })
    return null
  }

  /** Loads, or joins who does. */
  function startLoad(target: Target<Id>, options: LoadOptions<T>): Promise<HeldValue<T>> {
    return shareLoad(target.key, () => {
      const loading = load(target, options)
      void anchor(loading)
      return loading
    })
  }

  async function load(
    target: Target<Id>,
    { older, isCovered, isUnread }: LoadOptions<T>,
  ): Promise<HeldValue<T>> {
    const { key } = target
    const loadedAtMs = records.nextStamp()
    const beganMs = now()
    let lastsMs: number | undefined
    records.touch(key).loadingUntilMs = beganMs + maxLoadingMs
    try {
      const value = await options.load(target.id, {
        previous: older && toRead(older, await toValue(older)),
        setFresh: (fresh) => {
          lastsMs = toMs(`set fresh of ${what}: it`, fresh)
        },
      })
      const held = await hold(value ?? null, { loadedAtMs, loadMs: now() - beganMs, lastsMs })
      Object.assign(records.touch(key), { failures: 0, retryAtMs: 0 })
      observer?.onLoad?.(name, { key })
      if (value !== undefined) await store(target, held, { older, isUnread })
      return held
    } catch (error) {
      const record = records.touch(key)
      const { failures = 0 } = record
      Object.assign(record, {
        failures: failures + 1,
        retryAtMs: now() + Math.min(backoffMs * 2 ** failures, maxBackoffMs),
      })
      observer?.onLoad?.(name, { key, error })
      if (isCovered) report({ type: 'load_error', client: 'cache', key, error })
      throw error
    } finally {
      records.touch(key).loadingUntilMs = 0
    }
  }

  /** Makes of a value what a hit would give. */
  async function hold(
    value: T | null,
    {
      loadedAtMs,
      loadMs,
      lastsMs = value === null ? negativeMs : freshMs,
    }: Omit<ValueTimes, 'freshUntilMs'> & { readonly lastsMs?: number | undefined },
  ): Promise<HeldValue<T>> {
    const text = format.toText(value)
    // Stamps may be ahead of the time, by as much as another isolate's clock is.
    const beganMs = Math.min(loadedAtMs, now() - loadMs)
    const lastingMs = Math.min(lastsMs, maxLifetimeMs - graceMs) * (1 - jitter * random())
    return {
      value: freeze(await format.toValue(text)),
      text,
      loadedAtMs,
      loadMs,
      freshUntilMs: beganMs + lastingMs,
      tier: 'origin',
      storedUntilMs: 0,
    }
  }

  /** Stores what was loaded, unless something newer is known or it was invalidated meanwhile. */
  async function store(
    target: Target<Id>,
    held: HeldValue<T>,
    { older, isUnread }: Pick<LoadOptions<T>, 'older' | 'isUnread'>,
  ): Promise<void> {
    const { key } = target
    const isStill = (): boolean =>
      !records.isFenced(key, held.loadedAtMs) && applyEnds(target, held) === held
    // Also where it is not stored: its callers see it, and nothing older from then on.
    records.raise(key, held.loadedAtMs)
    if (!isStill()) return
    const storedUntilMs = older?.text === held.text ? older.storedUntilMs : 0
    const isStored = storedUntilMs - now() >= (held.freshUntilMs - now()) / 2
    if (isUnread || isStored || records.waitMs(key) > 0) {
      keep(target, { ...held, storedUntilMs })
      return
    }
    // In memory at once: whoever comes while it is being encoded and written must not load it again.
    keepWritten(target, held)
    await anchor(
      toPut(target, held)
        .then((put) => (put !== null && isStill() ? core.fill(put) : undefined))
        .catch(reporting('set', key)),
    )
  }

  function keepWritten(target: Target<Id>, held: HeldValue<T>): void {
    keep(target, { ...held, storedUntilMs: held.freshUntilMs, writtenAtMs: now() })
  }

  /** Takes a value into memory, for as long as KV need not be asked. */
  function keep({ key }: Target<Id>, held: HeldValue<T>): HeldValue<T> {
    const { loadedAtMs } = held
    if (loadedAtMs < records.of(key).floorMs) return held
    records.raise(key, loadedAtMs)
    if (memoryMs > 0) {
      const bytes = held.text.length * bytesPerCharacter + bytesPerEntry
      memory?.set(key, { ...held, tier: 'memory', checkAtMs: now() + memoryMs }, bytes)
    }
    return held
  }

  /** @returns `null` for what has already ended, or where its format failed, which is reported. */
  async function toPut({ key }: Target<Id>, held: HeldValue<T>): Promise<EntryPut | null> {
    const { loadedAtMs, loadMs, freshUntilMs } = held
    let packed: PackedText
    try {
      packed = await format.pack(held.text, key)
    } catch (error) {
      reporting('set', key)(error)
      return null
    }
    const { text, format: note } = packed
    assertValueSize(what, text)
    const expiresAtMs = freshUntilMs + graceMs
    if (expiresAtMs <= now()) return null
    // The metadata is JSON, which leaves out what is undefined.
    return {
      key,
      text,
      expiresAtMs,
      loadedAtMs,
      loadMs: loadMs || undefined,
      freshUntilMs,
      format: note,
    }
  }

  const get = (id: Id): Promise<T | null> => answer(id, ({ value }) => value)

  const remove = async (id: Id): Promise<void> => {
    const { key } = toTarget(id)
    memory?.delete(key)
    await core.forget(key)
  }

  return {
    name,
    epochs,
    get,
    read: (id) => answer(id, (read) => read),
    delete: remove,

    async getMany(ids) {
      return new Map(await Promise.all(Array.from(ids, async (id) => [id, await get(id)] as const)))
    },

    async put(id, value) {
      const target = toTarget(id)
      const held = await hold(value, { loadedAtMs: records.nextStamp(), loadMs: 0 })
      const put = await toPut(target, held)
      // A later put, or a delete, whose value was ready sooner.
      if (held.loadedAtMs < records.of(target.key).floorMs) return
      if (put === null) {
        detach(target.key)
        keep(target, held)
      } else {
        keepWritten(target, held)
        await core.put(put)
      }
    },

    async expire(id) {
      if (staleIfErrorMs <= staleMs) return remove(id)
      const target = toTarget(id)
      const { key } = target
      noteEnd(records, key, { stampMs: records.nextStamp(), checkedAtMs: 0 })
      detach(key)
      const entry = await core.read(key)
      const held = entry && (await toHeld(target, entry))
      const put = held && (await toPut(target, { ...held, freshUntilMs: toEnd(held.freshUntilMs) }))
      if (put) await core.write(put, { isUrgent: true })
    },
  }
}
