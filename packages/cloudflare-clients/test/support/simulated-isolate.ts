import {
  type CacheDefinition,
  type CacheDefinitionOptions,
  CacheClient,
  type CacheClientOptions,
  type CacheRead,
  CacheCounters,
  CacheLoadError,
  deleteByPrefix,
  loadWithin,
  valueFormat,
  type ValueFormatOptions,
  loadMany,
} from '../../src/cache.ts'
import { KVError } from '../../src/index.ts'
import { createSeededRandom, type EdgeLocation, type VirtualClock } from '../../src/testing.ts'
import { type Item, OriginError, type VersionedOrigin } from './versioned-origin.ts'
import { wrapKV } from './wrapped-kv.ts'
import { clearDefinition } from '../../src/lib/cache/clear-definition.ts'
import { expireTags } from '../../src/lib/cache/expire-tags.ts'

/** The times of the definition under test, in seconds. */
export interface DefinitionPlan extends Pick<
  CacheDefinitionOptions<string, Item>,
  'refreshAhead' | 'memory' | 'jitter'
> {
  readonly codec?: NonNullable<ValueFormatOptions<Item>['codec']>
  readonly fresh: number
  readonly stale: number
  readonly staleIfError: number
  readonly negative: number
  readonly soft?: number | undefined
  readonly hard?: number | undefined
  readonly isBatched: boolean
}

export interface IsolateOptions {
  readonly name: string
  readonly location: EdgeLocation
  readonly clock: VirtualClock
  readonly origin: VersionedOrigin
  readonly plan: DefinitionPlan
  readonly client: Omit<CacheClientOptions, 'waitUntil'>
  readonly hasWaitUntil: boolean
  readonly violations: string[]
}

/** What the isolate must not go back behind, by versions. */
interface Promises {
  /** Of values that were served. */
  served: number
  /** Of `put`, `delete`, `clear` and `deleteByPrefix`: nothing older at all. */
  hard: number
  /** Of `expire` and `expireTags`: nothing older, but for a load that failed. */
  soft: number
}

const plainTtlSeconds = 20
const takeoverMs = 1000
/** A load that somebody waited for is as old as it took: a slow load, and a write that it waited for. */
const maxLoadMs = 60_000

function tagOf(key: string): string {
  return `tag-${key.charCodeAt(0) % 2}`
}

/** One isolate of an application, whose every answer is held against what the cache promises. */
export class SimulatedIsolate {
  readonly cache: CacheClient
  readonly items: CacheDefinition<string, Item>
  readonly counters = new CacheCounters()
  readonly #options: IsolateOptions
  readonly #promises = new Map<string, Promises>()
  readonly #background = new Set<Promise<unknown>>()
  readonly #loading = new Map<
    string,
    Set<{ readonly beganMs: number; readonly calledMs: number }>
  >()
  readonly #lastPutMs = new Map<string, number>()
  readonly #expiring = new Map<string, number>()
  #invalidatedAtMs = -Infinity

  constructor(options: IsolateOptions) {
    this.#options = options
    const { clock, location, plan, client, hasWaitUntil, name } = options
    const kv = wrapKV(location.kv('CACHE_KV'), {
      put: (real, args) => {
        this.#checkSpacing(String(args[0]))
        return real(...args)
      },
    })
    this.cache = new CacheClient(kv, {
      now: clock.now,
      timers: clock,
      random: createSeededRandom(name),
      onEvent: () => undefined,
      observer: this.counters,
      takeoverMs,
      ...client,
      ...(hasWaitUntil && {
        waitUntil: (work) => {
          this.#background.add(work)
          void work.finally(() => this.#background.delete(work))
        },
      }),
    })
    const { soft, hard, isBatched, codec, ...times } = plan
    const load = (key: string, { signal }: { signal?: AbortSignal }): Promise<Item | null> =>
      this.#load(key, signal === undefined ? {} : { signal })
    const loadAll = async (
      keys: readonly string[],
      { signal }: { signal?: AbortSignal },
    ): Promise<Map<string, Item | null>> =>
      new Map(
        await Promise.all(
          keys.map(async (key) => [key, await load(key, signal ? { signal } : {})] as const),
        ),
      )
    this.items = this.cache.define<string, Item>('item', {
      ...times,
      tags: (key) => [tagOf(key)],
      clearable: true,
      ...(codec !== undefined && { format: valueFormat({ codec }) }),
      ...(soft !== undefined && { softTimeout: soft }),
      load: isBatched
        ? loadMany(
            hard === undefined
              ? (keys) => loadAll(keys, {})
              : loadWithin(hard, loadAll, { timers: clock }),
          )
        : hard === undefined
          ? (key) => load(key, {})
          : loadWithin<string, object, Item | null>(hard, load, { timers: clock }),
    })
  }

  /** Until nothing is left to do. */
  async settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background)
  }

  async read(key: string): Promise<void> {
    const before = { ...this.#of(key) }
    await this.#reading(async () => {
      this.#check(key, before, await this.items.read(key))
    })
  }

  async getMany(keys: readonly string[]): Promise<void> {
    const befores = new Map(keys.map((key) => [key, { ...this.#of(key) }]))
    await this.#reading(async () => {
      const found = await this.items.getMany(keys)
      if (found.size !== befores.size)
        this.#violate(`getMany gave ${found.size} of ${befores.size}`)
      for (const [key, before] of befores) {
        this.#check(key, before, { value: found.get(key) ?? null })
      }
    })
  }

  async put(key: string, { isMissing }: { isMissing: boolean }): Promise<void> {
    const item = this.#options.origin.save(key, { isMissing })
    const version = this.#options.origin.newest(key)
    const { now } = this.#options.clock
    this.#invalidatedAtMs = now()
    const writing = this.items.put(key, item)
    await this.#options.clock.sleep(1)
    this.#invalidatedAtMs = now()
    this.#raise(key, 'hard', version)
    await this.#reading(() => writing)
  }

  async expire(key: string): Promise<void> {
    this.#options.origin.save(key)
    this.#expiring.set(key, (this.#expiring.get(key) ?? 0) + 1)
    const expiring = this.#invalidate(() => this.items.expire(key))
    this.#raise(key, 'soft')
    await expiring
    this.#expiring.set(key, (this.#expiring.get(key) ?? 0) - 1)
  }

  async delete(key: string): Promise<void> {
    this.#options.origin.save(key)
    const deleting = this.#invalidate(() => this.items.delete(key))
    this.#raise(key, 'hard')
    await deleting
  }

  async clear(): Promise<void> {
    const clearing = this.#invalidate(() => clearDefinition(this.cache, this.items))
    for (const key of this.#itemKeys()) this.#raise(key, 'hard')
    await clearing
  }

  async expireTags(key: string): Promise<void> {
    this.#options.origin.save(key)
    const expiring = this.#invalidate(() => expireTags(this.cache, [tagOf(key)]))
    this.#of(key)
    for (const other of this.#itemKeys())
      if (tagOf(other) === tagOf(key)) this.#raise(other, 'soft')
    await expiring
  }

  async deleteByPrefix(): Promise<void> {
    const deleting = this.#invalidate(() => deleteByPrefix(this.cache, 'cache:item:'))
    // What this isolate never dealt with it does not know to be deleted.
    for (const key of this.#itemKeys()) if (this.#of(key).served > 0) this.#raise(key, 'hard')
    await deleting
  }

  async plainGetOrSet(key: string): Promise<void> {
    const before = { ...this.#of(key) }
    const { now } = this.#options.clock
    const calledMs = now()
    const load = (): Promise<Item | null> => {
      // Who waited for another's call for so long calls for itself, and its load may meet the other's.
      if (now() - calledMs >= takeoverMs) this.#invalidatedAtMs = now()
      return this.#load(key, { calledMs })
    }
    await this.#reading(async () => {
      this.#checkPlain(key, before, await this.cache.getOrSet(key, plainTtlSeconds, load))
    })
  }

  async plainGet(key: string): Promise<void> {
    const before = { ...this.#of(key) }
    await this.#reading(async () => {
      const entry = await this.cache.getEntry<Item>(key)
      if (entry !== null) this.#checkPlain(key, before, entry.value)
    })
  }

  async plainSet(key: string): Promise<void> {
    const item = this.#options.origin.save(key)
    this.#invalidatedAtMs = this.#options.clock.now()
    const writing = this.#reading(() => this.cache.set(key, item, plainTtlSeconds))
    this.#raise(key, 'hard')
    await writing
  }

  async plainDelete(key: string): Promise<void> {
    this.#options.origin.save(key)
    const deleting = this.#invalidate(() => this.cache.delete(key))
    this.#raise(key, 'hard')
    await deleting
  }

  #of(key: string): Promises {
    let promises = this.#promises.get(key)
    if (promises === undefined) {
      promises = { served: 0, hard: 0, soft: 0 }
      this.#promises.set(key, promises)
    }
    return promises
  }

  #itemKeys(): string[] {
    return [...this.#promises.keys()].filter((key) => !key.startsWith('plain'))
  }

  #raise(key: string, floor: 'hard' | 'soft', version = this.#options.origin.newest(key)): void {
    const promises = this.#of(key)
    promises[floor] = Math.max(promises[floor], version)
  }

  #violate(what: string): void {
    const { clock, name, violations } = this.#options
    violations.push(`${name} at ${clock.now() - 1_700_000_000_000} ms: ${what}`)
  }

  /** What reads and writes through may throw: what the loader threw, and a load that took too long. */
  async #reading(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const isLoads =
        error instanceof OriginError ||
        (error instanceof CacheLoadError && error.code === 'load_timeout')
      if (!isLoads) this.#violate(`a caller got ${String(error)}`)
    }
  }

  async #invalidate(work: () => Promise<unknown>): Promise<void> {
    this.#invalidatedAtMs = this.#options.clock.now()
    try {
      await work()
    } catch (error) {
      if (!(error instanceof KVError)) this.#violate(`an invalidation threw ${String(error)}`)
    }
  }

  /** @param calledMs When the call began that loads, where an invalidation since then keeps others from sharing it. */
  async #load(
    key: string,
    {
      signal,
      calledMs = this.#options.clock.now(),
    }: { readonly signal?: AbortSignal; readonly calledMs?: number },
  ): Promise<Item | null> {
    const { clock, origin } = this.#options
    const loads = this.#loading.get(key) ?? new Set()
    this.#loading.set(key, loads)
    const own = { beganMs: clock.now(), calledMs }
    for (const { beganMs, calledMs } of loads) {
      const isDetached = this.#invalidatedAtMs >= Math.min(calledMs, own.calledMs)
      if (own.beganMs - beganMs < takeoverMs && !isDetached) {
        this.#violate(
          `${key} is loaded again ${own.beganMs - beganMs} ms after a load that goes on`,
        )
      }
    }
    loads.add(own)
    try {
      return await origin.load(key, signal)
    } finally {
      loads.delete(own)
    }
  }

  #checkSpacing(name: string): void {
    const { now } = this.#options.clock
    const sinceMs = now() - (this.#lastPutMs.get(name) ?? -Infinity)
    this.#lastPutMs.set(name, now())
    // Invalidations are tried at once, and rather meet a 429 than wait.
    const isUrgent =
      !/^(cache:|plain)/.test(name) ||
      (this.#expiring.get(name.slice('cache:item:'.length)) ?? 0) > 0
    if (sinceMs < 1000 && !isUrgent)
      this.#violate(`${name} was written ${sinceMs} ms after a write`)
  }

  #check(
    key: string,
    before: Promises,
    read: { value: Item | null; status?: CacheRead<Item>['status'] },
  ): void {
    const { plan } = this.#options
    const { value, status } = read
    const standsIn = status === 'stale_if_error' || status === undefined
    const graceSeconds = {
      hit: 0,
      negative: 0,
      miss: 0,
      stale: plan.stale,
      stale_if_error: plan.staleIfError,
      unknown: Math.max(plan.stale, plan.staleIfError),
    }[status ?? 'unknown']
    const boundMs = (plan.fresh + graceSeconds) * 1000
    this.#checkItem(key, before, {
      value,
      boundMs,
      isFromOrigin: status === 'miss' || status === undefined,
    })
    if (value !== null && !standsIn && value.version < before.soft) {
      this.#violate(`${key} ${value.version} is a ${status} after ${before.soft} was expired`)
    }
    if (
      value !== null &&
      plan.codec === undefined &&
      !(Object.isFrozen(value) && Object.isFrozen(value.parts))
    ) {
      this.#violate(`${key} is not frozen`)
    }
    if (plan.codec !== undefined) value?.parts.push('changed')
  }

  #checkPlain(key: string, before: Promises, value: Item | null): void {
    const boundMs = plainTtlSeconds * 1000
    this.#checkItem(key, before, { value, boundMs, isFromOrigin: true })
    value?.parts.push('changed')
  }

  #checkItem(
    key: string,
    before: Promises,
    {
      value,
      boundMs,
      isFromOrigin,
    }: { value: Item | null; boundMs: number; isFromOrigin: boolean },
  ): void {
    const { clock, origin } = this.#options
    const promises = this.#of(key)
    const ageMs = clock.now() - origin.lastTrueMs(key, value)
    const allowedMs = boundMs + (isFromOrigin ? maxLoadMs : 0)
    if (ageMs > allowedMs) this.#violate(`${key} was true ${ageMs} ms ago, over ${allowedMs}`)
    if (value === null) return
    const { version } = value
    promises.served = Math.max(promises.served, version)
    if (value.key !== key) this.#violate(`${key} is ${value.key}`)
    if (value.parts.length !== 1) this.#violate(`${key} was changed by another reader`)
    if (version < before.served)
      this.#violate(`${key} went back from ${before.served} to ${version}`)
    if (version < before.hard)
      this.#violate(`${key} ${version} is served after ${before.hard} was written or deleted`)
  }
}
