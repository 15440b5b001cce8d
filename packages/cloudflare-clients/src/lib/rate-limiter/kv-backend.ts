import { assertKV } from '../kv/assert-kv.ts'
import { toExpirationTtlSeconds } from '../kv/kv-entry.ts'
import { kvCall, type KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { kvLimits } from '../kv/kv-limits.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { mergeCounts, parseWindowCount, type WindowCount, windowEnd } from './fixed-window.ts'
import type {
  BackendCheck,
  BackendResult,
  CountedRateLimitResult,
  LimitRule,
  LimitSubject,
  RateLimitBackend,
} from './rate-limit-backend.ts'

export interface KVBackendOptions {
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
   * a check awaits its write, because a Worker cancels what nobody waits for.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** How many identifiers this isolate keeps a count of, at least 1. The oldest is dropped first. Default 10,000. */
  readonly maxLocalCounts?: number
}

type CountedResult = BackendResult<CountedRateLimitResult>
type NamedSubject = Pick<LimitSubject, 'identifier' | 'keyPrefix'>

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
 * Counts in Workers KV, in fixed windows.
 *
 * **It is not exact, because KV cannot make it so.** Within one isolate no window admits more than its limit, as long
 * as the isolate still keeps the identifier's count (`maxLocalCounts`). Isolates
 * learn of each other's calls only through KV, which is read up to 60 seconds or more late, takes one write per key
 * and second and has no atomic increment: under concurrent load from several isolates or locations a window admits up
 * to its limit in each of them. Two windows side by side may admit twice the limit around their border. Use it to
 * slow abuse, not to meter what must not be exceeded; for that there is `durableObjectBackend` and `leaseBackend`.
 *
 * **Windows** are aligned to the clock: they begin at multiples of their length since the epoch, so `resetAt` is the
 * same everywhere without asking, and a count is never extended by the calls that follow. One prefix belongs to one
 * window: two windows under it overwrite each other's count.
 *
 * **Cost.** An admitted call is one read and one write. A denied call consumes nothing and writes nothing, and
 * repeated denials are answered from this isolate without an operation for up to 60 seconds at a time.
 *
 * **Failure.** A failed write is reported, where KV refuses it for the one before once in a window, and the call
 * stands; a failed read is decided by `onStoreError`.
 *
 * Identifiers are part of KV key names, which appear in traces: hash those that are personal.
 *
 * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
 * @throws {RangeError} When `maxLocalCounts` is not a whole number of at least 1.
 * @see https://developers.cloudflare.com/kv/platform/limits/
 */
export function kvBackend(
  kv: KVNamespace,
  options: KVBackendOptions = {},
): RateLimitBackend<CountedRateLimitResult> {
  return new KVCounts(kv, options)
}

class KVCounts implements RateLimitBackend<CountedRateLimitResult> {
  readonly name = 'KV'
  /** It answers for failures of KV itself, from the isolate's own counts. */
  readonly isRemote = false
  readonly #kv: KVNamespace
  readonly #now: () => number
  readonly #report: EventReporter
  readonly #onStoreError: 'open' | 'closed'
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #maxLocalCounts: number
  readonly #localCounts = new Map<string, LocalCount>()

  constructor(kv: KVNamespace, options: KVBackendOptions) {
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

  assertRule({ algorithm, windowMs }: LimitRule): void {
    if (algorithm !== 'fixed-window') {
      throw new TypeError(
        `Cannot check rate limit: algorithm must be fixed-window on KV, received ${algorithm}`,
      )
    }
    if (windowMs > kvLimits.maxExpirationTtlSeconds * 1000) {
      throw new RangeError(
        `Cannot check rate limit: window must be at most ${kvLimits.maxExpirationTtlSeconds} on KV, received ${windowMs / 1000}`,
      )
    }
  }

  async check(check: BackendCheck): Promise<CountedResult> {
    const key = toKey(check)
    const local = this.#localCounts.get(key)
    if (local !== undefined && this.#isDenialKnown(local, check)) {
      return this.#toResult(local, { check, allowed: false })
    }
    return this.#decide(key, check, await this.#readCount(key))
  }

  async reset(subject: NamedSubject): Promise<void> {
    const key = toKey(subject)
    const nowMs = this.#now()
    const cleared = { count: 0, resetAt: 0, clearedAtMs: nowMs }
    this.#keep(key, { ...cleared, askedAtMs: nowMs, refusalReported: false })
    // A delete would be lost on isolates that hold a higher count of their own: a clearing outranks it.
    await kvCall('write', () =>
      this.#kv.put(key, JSON.stringify(cleared), { expirationTtl: clearedTtlSeconds }),
    )
  }

  #isDenialKnown(local: LocalCount, { cost, rule }: BackendCheck): boolean {
    const nowMs = this.#now()
    return (
      local.count + cost > rule.limit &&
      local.resetAt === windowEnd(nowMs, rule.windowMs / 1000) &&
      nowMs - local.askedAtMs < staleMs
    )
  }

  async #decide(
    key: string,
    check: BackendCheck,
    stored: WindowCount | null | 'failed',
  ): Promise<CountedResult> {
    const { cost, rule } = check
    // Up to the write nothing is awaited: concurrent checks of this isolate see each other's calls.
    const nowMs = this.#now()
    const resetAt = windowEnd(nowMs, rule.windowMs / 1000)
    const local = this.#localCounts.get(key)
    const known = [stored === 'failed' ? null : stored, local]
    const merged = mergeCounts(
      known.filter((one) => one != null),
      resetAt,
    )
    if (stored === 'failed' && this.#onStoreError === 'closed') {
      return this.#toResult(merged, { check, allowed: false, reason: 'unavailable' })
    }
    const allowed = merged.count + cost <= rule.limit
    const counted = { ...merged, count: merged.count + (allowed ? cost : 0) }
    const refusalReported = local?.resetAt === resetAt && local.refusalReported
    this.#keep(key, { ...counted, askedAtMs: nowMs, refusalReported })
    if (allowed) {
      const write = this.#writeCount(key, counted, nowMs)
      if (this.#waitUntil === undefined) await write
      else this.#waitUntil(write)
    }
    return this.#toResult(counted, { check, allowed })
  }

  #toResult(
    { count, resetAt }: WindowCount,
    {
      check,
      allowed,
      reason = allowed ? 'within_limit' : 'over_limit',
    }: {
      readonly check: BackendCheck
      readonly allowed: boolean
      readonly reason?: CountedResult['reason']
    },
  ): CountedResult {
    return {
      allowed,
      remaining: Math.max(0, check.rule.limit - count),
      resetAt,
      // While KV fails, the end of the window says nothing of when it is back.
      ...(reason === 'over_limit' && { retryAfterMs: resetAt - this.#now() }),
      exact: false,
      reason,
      staleMs,
    }
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

function toKey({ keyPrefix, identifier }: NamedSubject): string {
  return keys.rateLimit(keyPrefix, identifier)
}
