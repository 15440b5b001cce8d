import { assertKV } from '../kv/assert-kv.ts'
import { toExpirationTtlSeconds } from '../kv/kv-entry.ts'
import { kvCall, type KVError, toKVError } from '../kv/kv-error.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { keys } from '../kv/keys.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { mergeCounts, parseWindowCount, type WindowCount, windowEnd } from './fixed-window.ts'
import type { RateLimitPolicy } from './policies.ts'

export interface RateLimiterClientOptions {
  /** The clock that windows are cut by, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of store errors and corrupt counts. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /**
   * What a check says when KV cannot be read. `open`: what this isolate's own count says. `closed`: denied.
   * Default `open`.
   */
  readonly onStoreError?: 'open' | 'closed'
  /**
   * Takes the write of an admitted call out of the request: pass the one from `cloudflare:workers`. Default:
   * `checkLimit` awaits its write, because a Worker cancels what nobody waits for.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** How many identifiers this isolate keeps a count of, at least 1. The oldest is dropped first. Default 10,000. */
  readonly maxLocalCounts?: number
}

export interface RateLimitResult {
  readonly allowed: boolean
  /** How many more calls the window admits, as far as this isolate knows. */
  readonly remaining: number
  /** When the window ends, in epoch ms. The same for every check within a window. */
  readonly resetAt: number
}

/** What this isolate knows, and when it last asked KV. */
interface LocalCount extends WindowCount {
  readonly askedAtMs: number
  /** Whether the window's first refused write was reported: on a busy key KV refuses most, and the count stands. */
  readonly refusalReported: boolean
}

/** KV may serve a count that is this old, so a denial that is younger is not asked for again. */
const staleMs = kvLimits.defaultCacheTtlSeconds * 1000
/** How long a clearing is kept for isolates that still hold the count: longer than any usual window. */
const clearedTtlSeconds = 86_400

/**
 * A fixed-window rate limiter on Workers KV.
 *
 * **It is not exact, because KV cannot make it so.** Within one isolate no window admits more than its limit, as long
 * as the isolate still keeps the identifier's count (`maxLocalCounts`). Isolates
 * learn of each other's calls only through KV, which is read up to 60 seconds or more late, takes one write per key
 * and second and has no atomic increment: under concurrent load from several isolates or locations a window admits up
 * to its limit in each of them. Two windows side by side may admit twice the limit around their border. Use it to
 * slow abuse, not to meter what must not be exceeded.
 *
 * **Windows** are aligned to the clock: they begin at multiples of their length since the epoch, so `resetAt` is the
 * same everywhere without asking, and a count is never extended by the calls that follow.
 *
 * **Cost.** An admitted call is one read and one write. A denied call consumes nothing and writes nothing, and
 * repeated denials are answered from this isolate without an operation for up to 60 seconds at a time.
 *
 * **Failure.** A failed write is reported, where KV refuses it for the one before once in a window, and the call stands; a failed read is decided by `onStoreError`.
 *
 * Identifiers are part of KV key names, which appear in traces: hash those that are personal.
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 *
 * @example
 * ```ts
 * import { RateLimiterClient, rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const { allowed, resetAt } = await limiter.checkLimit('user-1', rateLimitPolicies.login)
 * if (!allowed) {
 *   const retryAfterSeconds = Math.ceil((resetAt - Date.now()) / 1000)
 *   throw new Response('Too many attempts', { status: 429, headers: { 'Retry-After': `${retryAfterSeconds}` } })
 * }
 * ```
 */
export class RateLimiterClient {
  readonly #kv: KVNamespace
  readonly #now: () => number
  readonly #report: EventReporter
  readonly #onStoreError: 'open' | 'closed'
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #maxLocalCounts: number
  readonly #localCounts = new Map<string, LocalCount>()

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When `maxLocalCounts` is not a whole number of at least 1.
   */
  constructor(kv: KVNamespace, options: RateLimiterClientOptions = {}) {
    assertKV('create rate limiter', kv)
    this.#kv = kv
    this.#now = options.now ?? Date.now
    this.#report = createReporter(options.onEvent)
    this.#onStoreError = options.onStoreError ?? 'open'
    this.#waitUntil = options.waitUntil
    this.#maxLocalCounts = options.maxLocalCounts ?? 10_000
    if (!(Number.isInteger(this.#maxLocalCounts) && this.#maxLocalCounts >= 1)) {
      throw new RangeError(
        `Cannot create rate limiter: maxLocalCounts must be a whole number of at least 1, received ${this.#maxLocalCounts}`,
      )
    }
  }

  /**
   * Counts a call and says whether it is within the limit.
   *
   * @throws {TypeError} When the identifier or the prefix is empty or no string: all such would share one count.
   * @throws {RangeError} When `limit` is not a whole number of at least 1 or `window` is not above 0.
   */
  async checkLimit(identifier: string, policy: RateLimitPolicy): Promise<RateLimitResult> {
    assertPolicy(policy)
    const key = toKey('check rate limit', identifier, policy.keyPrefix)
    const local = this.#localCounts.get(key)
    if (local !== undefined && this.#isDenialKnown(local, policy)) {
      return { allowed: false, remaining: 0, resetAt: local.resetAt }
    }

    const stored = await this.#readCount(key)
    return this.#decide(key, policy, stored)
  }

  /**
   * Clears the count of an identifier, with one write. This isolate admits again at once; others when KV makes the
   * clearing known to them, within 60 seconds or more.
   *
   * @throws {TypeError} When the identifier or the prefix is empty.
   * @throws {KVError} When KV fails. This isolate has cleared its own count all the same.
   */
  async reset(identifier: string, keyPrefix: string): Promise<void> {
    const key = toKey('reset rate limit', identifier, keyPrefix)
    const nowMs = this.#now()
    const cleared = { count: 0, resetAt: 0, clearedAtMs: nowMs }
    this.#keep(key, { ...cleared, askedAtMs: nowMs, refusalReported: false })
    // A delete would be lost on isolates that hold a higher count of their own: a clearing outranks it.
    await kvCall('write', () =>
      this.#kv.put(key, JSON.stringify(cleared), { expirationTtl: clearedTtlSeconds }),
    )
  }

  #isDenialKnown(local: LocalCount, { limit, window }: RateLimitPolicy): boolean {
    const nowMs = this.#now()
    return (
      local.count >= limit &&
      local.resetAt === windowEnd(nowMs, window) &&
      nowMs - local.askedAtMs < staleMs
    )
  }

  async #decide(
    key: string,
    { limit, window }: RateLimitPolicy,
    stored: WindowCount | null | 'failed',
  ): Promise<RateLimitResult> {
    // Up to the write nothing is awaited: concurrent checks of this isolate see each other's calls.
    const nowMs = this.#now()
    const resetAt = windowEnd(nowMs, window)
    if (stored === 'failed' && this.#onStoreError === 'closed') {
      return { allowed: false, remaining: 0, resetAt }
    }
    const local = this.#localCounts.get(key)
    const known = [stored === 'failed' ? null : stored, local]
    const merged = mergeCounts(
      known.filter((one) => one != null),
      resetAt,
    )
    const allowed = merged.count < limit
    const counted = { ...merged, count: merged.count + (allowed ? 1 : 0) }
    const refusalReported = local?.resetAt === resetAt && local.refusalReported
    this.#keep(key, { ...counted, askedAtMs: nowMs, refusalReported })
    if (allowed) {
      const write = this.#writeCount(key, counted, nowMs)
      if (this.#waitUntil === undefined) await write
      else this.#waitUntil(write)
    }
    return { allowed, remaining: Math.max(0, limit - counted.count), resetAt }
  }

  async #readCount(key: string): Promise<WindowCount | null | 'failed'> {
    let text: string | null
    try {
      text = await this.#kv.get(key, { type: 'text', cacheTtl: kvLimits.minCacheTtlSeconds })
    } catch (error) {
      this.#reportStoreError('get', key, toKVError('read', error))
      return 'failed'
    }
    if (text === null) return null
    const stored = parseWindowCount(text)
    if (stored === null) {
      const reason = 'it is not a count'
      this.#report({ type: 'corrupt_value', client: 'rate-limiter', key, reason })
    }
    return stored
  }

  async #writeCount(key: string, counted: WindowCount, nowMs: number): Promise<void> {
    // In the last minute of a window the rest is under the 60 s that KV takes: KV keeps the count longer then, and
    // the resetAt in the value decides.
    const expirationTtl = toExpirationTtlSeconds(counted.resetAt, nowMs)
    try {
      await this.#kv.put(key, JSON.stringify(counted), { expirationTtl })
    } catch (error) {
      const kvError = toKVError('write', error)
      const local = this.#localCounts.get(key)
      if (kvError.code === 'rate_limited' && local?.resetAt === counted.resetAt) {
        if (local.refusalReported) return
        this.#keep(key, { ...local, refusalReported: true })
      }
      this.#reportStoreError('put', key, kvError)
    }
  }

  #keep(key: string, local: LocalCount): void {
    this.#localCounts.delete(key)
    this.#localCounts.set(key, local)
    if (this.#localCounts.size <= this.#maxLocalCounts) return
    const [oldest] = this.#localCounts.keys()
    if (oldest !== undefined) this.#localCounts.delete(oldest)
  }

  #reportStoreError(operation: string, key: string, error: KVError): void {
    this.#report({ type: 'store_error', client: 'rate-limiter', operation, key, error })
  }
}

function toKey(action: string, identifier: string, keyPrefix: string): string {
  assertText(action, 'identifier', identifier)
  assertText(action, 'keyPrefix', keyPrefix)
  return keys.rateLimit(keyPrefix, identifier)
}

function assertText(action: string, name: string, value: unknown): void {
  if (value === '') throw new TypeError(`Cannot ${action}: ${name} must not be empty`)
  if (typeof value !== 'string') {
    throw new TypeError(`Cannot ${action}: ${name} must be a string, received ${typeof value}`)
  }
}

function assertPolicy({ limit, window }: RateLimitPolicy): void {
  if (!(Number.isInteger(limit) && limit >= 1)) {
    throw new RangeError(
      `Cannot check rate limit: limit must be a whole number of at least 1, received ${limit}`,
    )
  }
  if (!(window > 0 && window <= kvLimits.maxExpirationTtlSeconds)) {
    throw new RangeError(
      `Cannot check rate limit: window must be greater than 0 and at most ${kvLimits.maxExpirationTtlSeconds}, received ${window}`,
    )
  }
}
