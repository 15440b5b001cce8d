import { assertKV } from '../kv/assert-kv.ts'
import { kvCall, type KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { checkNumber } from '../shared/check-number.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { createSingleFlights, type Share } from '../shared/single-flight.ts'
import type { Timers } from '../shared/timers.ts'
import { KVCount, parseClearing, parseSlot, slotCount, toClearing } from './kv-count.ts'
import { KVCountWriter, WrittenCount } from './kv-count-writer.ts'
import { KVWriteLane, writeIntervalMs } from './kv-write-lane.ts'
import type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitName,
  LimitRule,
  LimitSubject,
  RateLimitBackend,
  RateLimitResult,
  RateLimitStatus,
} from './rate-limit-backend.ts'
import { RecentMap } from './recent-map.ts'

export interface KVBackendOptions {
  /** The clock that windows are cut by, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default: the global ones. They must move with `now`. */
  readonly timers?: Timers
  /** Gives numbers from 0 to under 1, which spread isolates over slots. Default `Math.random`. */
  readonly random?: () => number
  /**
   * Told of failed writes and background reads, corrupt counts, and limits that KV can hardly keep. Default: a JSON line on
   * `console.warn`.
   */
  readonly onEvent?: EventReporter
  /**
   * Takes writes and repeated reads out of the request: pass the one from `cloudflare:workers`. Without it a check waits for
   * them, and what was admitted within a second of a write is only written with a later call of the same identifier.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** How many limits this isolate keeps a count of, at least 1. Those not asked for longest are forgotten. Default 10,000. */
  readonly maxKeys?: number
}

type CountedResult = BackendResult<CountedRateLimitResult>

/** What this isolate knows of one limit in one window. */
class HeldCount extends WrittenCount {
  /** When KV was last asked. */
  askedAtMs = -Infinity
  /** When KV was asked for what is known. */
  readAtMs = -Infinity
}

/** Shorter windows end before isolates know of each other. */
const weakWindowMs = 300_000
const cacheMs = kvLimits.minCacheTtlSeconds * 1000
/** How often an isolate asks again for what others counted, and for a reset where the limit is reached. */
const refreshMs = 15_000
const fullRefreshMs = 60_000
/** What is older does not admit a call: KV is asked first. */
const maxAgeMs = 30_000
/** How old counts of others are beside the age of the read: KV's cache, their writing, and what it takes from store to store. */
const othersLagMs = cacheMs + writeIntervalMs + 5000
/** How long a check waits for a read that another began before it reads itself: within any usual deadline. */
const takeoverMs = 200
/** How long a clearing is kept for isolates that still hold the count: longer than any usual window. */
const clearedTtlSeconds = 86_400

/**
 * Counts in Workers KV, in fixed windows: as well as KV can, which is **not exact**.
 *
 * KV has no atomic counter, takes one write per key and second, and shows a write elsewhere 30 seconds later or more. So each
 * isolate stores only what it admitted itself (a G-counter), in one of 16 keys, and adds up what all of them hold. No count
 * is lost to another's write or counted twice, other than is said here. A slot holds some 20 bytes for each isolate that
 * admitted a call in the window.
 *
 * - **Over-admission:** what comes in while isolates do not know of each other, up to a minute and sometimes longer: over all
 *   about the limit and a minute's demand, and in each isolate at most the limit, while it keeps the count (`maxKeys`). In the
 *   simulator, with 20 isolates in 5 locations, 1.3 times the limit at three times the demand in 10 minutes, and 3.2 times at
 *   six times the demand in one minute: windows under 5 minutes are warned of (`weak_limit`). More where isolates end before
 *   they write (their last 10 s), and where two take one slot before they have read each other: the later write hides the other's
 *   count, until that isolate writes again. Two windows side by side may admit twice the limit around their border.
 * - **Under-admission:** none. Denied calls consume nothing.
 * - **Staleness:** `staleMs` in each result, 45 to 75 s where it admits. No bound is promised by KV. A reset holds here at once and
 *   elsewhere after some two minutes.
 * - **Cost:** a read of 17 keys, which KV bills one by one, for an identifier's first call in an isolate and window, then every
 *   15 s of use, and every 60 s once the limit is reached. A write when a tenth of the limit is not written, at most one a second,
 *   else one in 10 s. In that load of 10 minutes: 2,100 keys read and 160 writes for 1,000 calls. For rare calls, up to 17 reads
 *   and a write each. An isolate never meets KV's 429 by its own writes; two that chance gave one slot and moment may (0.2 %
 *   of the writes there). The refused one moves to another, and nothing is lost.
 *
 * Pass `waitUntil`: checks then wait for KV only where this isolate has not asked for 30 s.
 *
 * **Failure.** What cannot be read is the outage policy's to answer (`onUnavailable`), with `remaining` and `resetAt` as
 * they are known here. Where the limit is known to be reached, calls stay denied. A failed write is reported and made up for by the next.
 *
 * Identifiers are part of KV key names, which appear in traces: hash those that are personal.
 *
 * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
 * @throws {RangeError} When `maxKeys` is under 1.
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 */
export function kvBackend(
  kv: KVNamespace,
  options: KVBackendOptions = {},
): RateLimitBackend<CountedRateLimitResult> {
  assertKV('create rate limiter', kv)
  const counts = new KVCounts(kv, options)
  return {
    name: 'KV',
    isRemote: true,
    assertRule: (rule) => {
      counts.assertRule(rule)
    },
    checkLocally: (check) => counts.checkLocally(check),
    check: (check) => counts.check(check),
    authority: {
      shard: ({ identifier, keyPrefix }) => JSON.stringify([keyPrefix, identifier]),
      of: (shard) => {
        const [keyPrefix, identifier] = JSON.parse(shard) as [string, string]
        return {
          getStatus: (key, rule) => counts.getStatus({ identifier, keyPrefix, key, rule }),
          change: async ({ key, type }) => {
            // There is no one place that could keep the other changes.
            if (type !== 'reset') {
              throw new TypeError(
                `Cannot call ${type}: the backend must be one that can, received KV`,
              )
            }
            await counts.reset({ identifier, keyPrefix, key })
            return true
          },
        }
      },
    },
    lastKnown: (subject) => counts.lastKnown(subject),
  }
}

class KVCounts {
  readonly #kv: KVNamespace
  readonly #now: () => number
  readonly #random: () => number
  readonly #report: EventReporter
  readonly #waitUntil: KVBackendOptions['waitUntil']
  readonly #reads: Share<void>
  readonly #writer: KVCountWriter
  readonly #held: RecentMap<HeldCount>
  readonly #cleared: RecentMap<number>
  readonly #warned = new RecentMap<true>(100)

  constructor(kv: KVNamespace, options: KVBackendOptions) {
    const { now = Date.now, timers = globalThis, random = Math.random, waitUntil } = options
    const { maxKeys = 10_000 } = options
    checkNumber('create rate limiter: maxKeys', maxKeys, { min: 1 })
    this.#kv = kv
    this.#now = now
    this.#random = random
    this.#report = createReporter(options.onEvent)
    this.#waitUntil = waitUntil
    this.#reads = createSingleFlights({ takeoverMs, timers }).createShare()
    this.#held = new RecentMap(maxKeys)
    this.#cleared = new RecentMap(maxKeys)
    const onError = (subject: LimitSubject, error: KVError): void => {
      this.#reportError('put', subject, error)
    }
    this.#writer = new KVCountWriter({ kv, now, timers, waitUntil, onError })
  }

  assertRule({ algorithm, limit, windowMs }: LimitRule): void {
    if (algorithm !== 'fixed-window') {
      throw new TypeError(
        `Cannot check rate limit: algorithm must be fixed-window on KV, received ${algorithm} (use leaseBackend or durableObjectBackend)`,
      )
    }
    const name = `${limit}/${windowMs}`
    if (windowMs >= weakWindowMs || this.#warned.get(name)) return
    this.#warned.set(name, true)
    this.#report({
      type: 'weak_limit',
      client: 'rate-limiter',
      limit,
      windowSeconds: windowMs / 1000,
      reason:
        'KV shows what other isolates counted about a minute late, so in a window under 5 minutes each may admit the whole limit: use leaseBackend or durableObjectBackend',
    })
  }

  checkLocally(check: BackendCheck): CountedResult | undefined {
    const known = this.#held.get(toHeldKey(check))
    const nowMs = this.#now()
    if (known === undefined || known.count.resetAt <= nowMs || check.exact) return undefined
    const held = this.#hold(check)
    const isFull = isOver(held, check)
    const isDue = nowMs - held.askedAtMs >= (isFull ? fullRefreshMs : refreshMs)
    if (!isFull && nowMs - held.readAtMs >= maxAgeMs) return undefined
    if (this.#waitUntil === undefined && (isDue || (!isFull && nowMs >= held.notBeforeMs)))
      return undefined
    if (isDue) this.#refresh(held, check)
    return this.#decide(held, check)
  }

  async check(check: BackendCheck): Promise<CountedResult> {
    // Who keeps this as insurance for another backend calls nothing else.
    const known = this.checkLocally(check)
    if (known !== undefined) return known
    const asked = this.#hold(check)
    // A call that only has to write needs no read before.
    if (check.exact || this.#now() - asked.readAtMs >= refreshMs) await this.#ask(asked, check)
    const held = this.#hold(check, asked)
    const result = this.#decide(held, check)
    if (this.#waitUntil === undefined && this.#writer.isDue(held)) {
      await this.#writer.writeInline(held, check)
    }
    return result
  }

  async getStatus(subject: LimitSubject): Promise<RateLimitStatus> {
    const asked = this.#hold(subject)
    await this.#readOnce(asked, subject)
    const { limit } = subject.rule
    const { used, resetAt } = this.#hold(subject, asked).count
    return { limit, used, remaining: Math.max(0, limit - used), resetAt }
  }

  async reset({ identifier, key, keyPrefix }: LimitName): Promise<void> {
    // Later than any before it, so that it ends what was counted since then.
    const clearedAtMs = Math.max(this.#now(), (this.#cleared.get(key) ?? 0) + 1)
    this.#cleared.set(key, clearedAtMs)
    await kvCall('write', () =>
      this.#kv.put(keys.rateLimit(keyPrefix, identifier), toClearing(clearedAtMs), {
        expirationTtl: clearedTtlSeconds,
      }),
    )
  }

  lastKnown(subject: LimitSubject): Pick<RateLimitResult, 'remaining' | 'resetAt'> {
    const { used, resetAt } = this.#hold(subject).count
    return { remaining: Math.max(0, subject.rule.limit - used), resetAt }
  }

  /** @param known What other calls may have pushed out of memory meanwhile. */
  #hold(subject: LimitSubject, known?: HeldCount): HeldCount {
    const name = toHeldKey(subject)
    const nowMs = this.#now()
    let held = this.#held.get(name) ?? known
    if (held === undefined || held.count.resetAt <= nowMs) {
      const writer = crypto.randomUUID().replaceAll('-', '').slice(0, 12)
      const count = new KVCount({ writer, nowMs, windowMs: subject.rule.windowMs })
      held = new HeldCount(count, held?.lane ?? new KVWriteLane(this.#random))
    }
    held.count.clear(this.#cleared.get(subject.key) ?? 0)
    this.#held.set(name, held)
    return held
  }

  /** Nothing is awaited between what is known and what is counted: concurrent checks of this isolate see each other's calls. */
  #decide(held: HeldCount, check: BackendCheck): CountedResult {
    const { cost, rule } = check
    const { count } = held
    const allowed = !isOver(held, check)
    if (allowed) count.add(cost)
    this.#writer.schedule(held, check)
    const nowMs = this.#now()
    const ageMs = nowMs - held.readAtMs
    return {
      allowed,
      remaining: Math.max(0, rule.limit - count.used),
      resetAt: count.resetAt,
      // What costs more than the limit is never admitted.
      ...(!allowed && cost <= rule.limit && { retryAfterMs: count.resetAt - nowMs }),
      exact: false,
      reason: allowed ? 'within_limit' : 'over_limit',
      ...(ageMs < Infinity && { staleMs: ageMs + othersLagMs }),
    }
  }

  async #ask(held: HeldCount, check: BackendCheck): Promise<void> {
    try {
      await this.#readOnce(held, check)
    } catch (error) {
      // A count only grows: what was over the limit before the outage is over it now.
      if (!isOver(held, check)) throw error
    }
  }

  #readOnce(held: HeldCount, subject: LimitSubject): Promise<void> {
    return this.#reads(toReadName(held, subject), () => {
      const reading = this.#read(held, subject)
      // Others wait for it, also when the client whose request began it is gone.
      this.#waitUntil?.(reading.catch(() => undefined))
      return reading
    })
  }

  #refresh(held: HeldCount, subject: LimitSubject): void {
    const refreshed = this.#readOnce(held, subject).then(
      () => {
        this.#writer.schedule(held, subject)
      },
      (error: unknown) => {
        this.#reportError('get', subject, toKVError('read', error))
      },
    )
    this.#waitUntil?.(refreshed)
  }

  async #read(held: HeldCount, { identifier, key, keyPrefix }: LimitSubject): Promise<void> {
    const { count } = held
    const askedAtMs = this.#now()
    held.askedAtMs = askedAtMs
    const slotNames = Array.from({ length: slotCount }, (_, slot) =>
      keys.rateLimitSlot(keyPrefix, identifier, { window: count.window, slot }),
    )
    const clearedName = keys.rateLimit(keyPrefix, identifier)
    const found = await kvCall('read', () =>
      this.#kv.get([...slotNames, clearedName], {
        type: 'text',
        cacheTtl: kvLimits.minCacheTtlSeconds,
      }),
    )
    const clearedAtMs = this.#parse(clearedName, found, parseClearing) ?? 0
    if (clearedAtMs > (this.#cleared.get(key) ?? 0)) this.#cleared.set(key, clearedAtMs)
    const slots = slotNames.map((name) => this.#parse(name, found, parseSlot))
    count.merge(slots)
    // So long after a write every location has it, or another write took its place.
    if (askedAtMs - held.wroteAtMs > maxAgeMs + othersLagMs) count.checkWritten(slots)
    held.readAtMs = askedAtMs
  }

  #parse<T>(
    name: string,
    found: ReadonlyMap<string, string | null>,
    parse: (text: string) => T | null,
  ): T | null {
    const text = found.get(name) ?? null
    if (text === null) return null
    const parsed = parse(text)
    if (parsed === null) {
      const reason = 'it is not a count'
      this.#report({ type: 'corrupt_value', client: 'rate-limiter', key: name, reason })
    }
    return parsed
  }

  #reportError(operation: string, { identifier, keyPrefix }: LimitSubject, error: KVError): void {
    const key = keys.rateLimit(keyPrefix, identifier)
    this.#report({ type: 'store_error', client: 'rate-limiter', operation, key, error })
  }
}

function isOver({ count }: HeldCount, { cost, rule }: BackendCheck): boolean {
  return count.used + cost > rule.limit
}

/** Windows of another length under the same prefix are counted apart. */
function toHeldKey({ key, rule }: LimitSubject): string {
  return `${rule.windowMs} ${key}`
}

function toReadName({ count }: HeldCount, { key }: LimitSubject): string {
  return `${count.window} ${key}`
}
