/** One read of a cache, for `Server-Timing`. */
export interface TimedRead {
  /** Which cache, such as the definition's name. Never a key or an id: everybody can see the header. */
  readonly name: string
  /** Such as `hit` or `stale`. */
  readonly status: string
  /** Such as `memory` or `kv`. */
  readonly tier: string
  /** Milliseconds from 0. Reads without it count, and add no time. */
  readonly durationMs?: number
}

export interface ServerTimingOptions {
  /** Characters of the value at most, a whole number from 100: proxies and browsers limit headers. Default 1,024. */
  readonly maxLength?: number
}

export interface ReadTimerOptions extends ServerTimingOptions {
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: () => number
}

interface Readable<Id, R> {
  readonly name: string
  read(id: Id): Promise<R>
}

export interface ReadTimer {
  /** Reads from a definition, and notes what came of it. What it throws is passed on and not noted. */
  read<Id, R extends { readonly status: string; readonly tier: string }>(
    definition: Readable<Id, R>,
    id: Id,
  ): Promise<R>
  /** Notes a read that was made elsewhere. */
  add(read: TimedRead): void
  /** The value of the header. Empty when nothing was read: leave the header out then. */
  header(): string
}

function toToken(name: string): string {
  return `cache-${name.replaceAll(/[^\w!#$%&'*+.^`|~-]/g, '_')}`
}

function toQuoted(text: string): string {
  return `"${text.replaceAll(/[^ -~]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

/**
 * Writes the cache reads of a request as the value of a `Server-Timing` header, which browsers show beside the request.
 *
 * Reads of one cache with the same status and tier become one metric: `cache-user;desc="hit memory x3";dur=0.4`, `dur`
 * being the sum of their milliseconds, which is not the time that the page waited when they ran at once. What does not fit `maxLength` becomes a
 * last metric that says how many reads are left out. A clock in Workers stands still while code runs, so a
 * read from memory takes 0.
 *
 * Names become tokens and descriptions quoted strings, so nothing in them can break the header.
 *
 * @returns An empty text when there are no reads.
 * @throws {RangeError} When `maxLength` is out of range.
 * @see https://www.w3.org/TR/server-timing/
 *
 * @example
 * ```ts
 * import { toServerTiming } from '@codex/cloudflare-clients/cache'
 *
 * const header = toServerTiming([{ name: 'user', status: 'hit', tier: 'kv', durationMs: 8 }])
 * // cache-user;desc="hit kv";dur=8
 * ```
 */
export function toServerTiming(
  reads: readonly TimedRead[],
  { maxLength = 1024 }: ServerTimingOptions = {},
): string {
  if (!(Number.isSafeInteger(maxLength) && maxLength >= 100)) {
    throw new RangeError(
      `Cannot write Server-Timing: maxLength must be a whole number from 100, received ${maxLength}`,
    )
  }
  const groups = new Map<string, { token: string; label: string; reads: number; ms: number }>()
  for (const { name, status, tier, durationMs = 0 } of reads) {
    const token = toToken(name)
    const label = `${status} ${tier}`
    const group = groups.get(`${token} ${label}`) ?? { token, label, reads: 0, ms: 0 }
    group.reads++
    group.ms += durationMs
    groups.set(`${token} ${label}`, group)
  }
  let header = ''
  let left = reads.length
  for (const { token, label, reads: count, ms } of groups.values()) {
    const times = count > 1 ? ` x${count}` : ''
    const metric = `${token};desc=${toQuoted(label + times)};dur=${+ms.toFixed(1)}`
    const longer = header === '' ? metric : `${header}, ${metric}`
    // Room is kept for the metric that says what is left out.
    if (longer.length > maxLength - (left > count ? 60 : 0)) break
    header = longer
    left -= count
  }
  if (left === 0) return header
  return `${header === '' ? '' : `${header}, `}cache-more;desc="${left} more reads"`
}

/**
 * Collects the cache reads of one request for its `Server-Timing` header. Make one for each request.
 *
 * @throws {RangeError} From `header`, when `maxLength` is out of range.
 *
 * @example
 * ```ts
 * import { CacheClient, createReadTimer } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', { fresh: '1m', load: loadUser })
 *
 * async function handle(): Promise<Response> {
 *   const timer = createReadTimer()
 *   const { value } = await timer.read(users, id)
 *   return Response.json(value, { headers: { 'Server-Timing': timer.header() } })
 * }
 * ```
 */
export function createReadTimer(options: ReadTimerOptions = {}): ReadTimer {
  const { now = () => performance.now() } = options
  const reads: TimedRead[] = []
  return {
    async read(definition, id) {
      const startedMs = now()
      const read = await definition.read(id)
      const { status, tier } = read
      reads.push({ name: definition.name, status, tier, durationMs: now() - startedMs })
      return read
    },
    add(read) {
      reads.push(read)
    },
    header() {
      return toServerTiming(reads, options)
    },
  }
}
