import { forEachConcurrent } from '../shared/for-each-concurrent.ts'

/** What is needed of a definition: the ones that `CacheClient.define` makes have it. */
export interface WarmableDefinition<Id> {
  getMany(ids: readonly Id[]): Promise<unknown>
}

export interface WarmCacheOptions {
  /** Billed KV operations at most, a whole number from `operationsPerId`. Default 1,000. */
  readonly maxOperations?: number
  /**
   * Operations that an id may cost, a whole number from 1: a read and a write, and a read more for each tag and for
   * `clearable`. Default 2.
   */
  readonly operationsPerId?: number
  /** Bulk reads of up to 100 ids that run at once, a whole number from 1. Default 2. */
  readonly concurrency?: number
}

export interface WarmCacheResult<Id> {
  /** Ids whose values are in the cache now. */
  readonly warmed: number
  /** Ids that were not asked for, or whose load failed, in their order. Pass them to the next call. */
  readonly remaining: readonly Id[]
  /** The first error, which ended it early. `null` when there was none. */
  readonly error: unknown
}

/** As many ids as one bulk read of KV takes. */
const idsPerRead = 100

function assertWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new RangeError(
    `Cannot warm cache: ${name} must be a whole number from ${least}, received ${value}`,
  )
}

/**
 * Loads values into a cache before anybody asks for them, as after a deployment or from a cron trigger.
 *
 * **When to use it.** For the few hundred values that nearly every visitor needs. Warming what is seldom read costs
 * more writes than it saves reads.
 *
 * **Guarantee.** Never more than `maxOperations` billed operations, counted as if every id missed; values that are
 * there already cost only their read, and are not loaded again while they are fresh. What did not fit, and what failed, is in `remaining`: warming goes on where
 * it stopped when that is passed to another call, in another invocation or through a queue. An id whose writing KV refused counts as warmed: the cache reports that itself. It ends at the first
 * failing load, because an origin that is down needs no more callers.
 *
 * @param ids What to warm, the most important first. Doubles count once.
 * @throws {RangeError} When an option is out of range.
 *
 * @example
 * ```ts
 * import { CacheClient, warmCache } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', { fresh: '1h', load: loadUser })
 *
 * async function warm(ids: readonly string[]): Promise<readonly string[]> {
 *   const { remaining } = await warmCache(users, ids, { maxOperations: 800 })
 *   return remaining
 * }
 * ```
 */
export async function warmCache<Id>(
  definition: WarmableDefinition<Id>,
  ids: readonly Id[],
  options: WarmCacheOptions = {},
): Promise<WarmCacheResult<Id>> {
  const { maxOperations = 1000, operationsPerId = 2, concurrency = 2 } = options
  assertWhole('operationsPerId', operationsPerId, 1)
  assertWhole('maxOperations', maxOperations, operationsPerId)
  assertWhole('concurrency', concurrency, 1)
  const distinct = [...new Set(ids)]
  const affordable = Math.floor(maxOperations / operationsPerId)
  const chunks: Id[][] = []
  for (let i = 0; i < Math.min(affordable, distinct.length); i += idsPerRead) {
    chunks.push(distinct.slice(i, Math.min(i + idsPerRead, affordable)))
  }
  const warmed = new Set<Id>()
  let hasFailed = false
  const [error = null] = await forEachConcurrent(chunks, concurrency, async (chunk) => {
    if (hasFailed) return
    try {
      await definition.getMany(chunk)
      for (const id of chunk) warmed.add(id)
    } catch (failure) {
      hasFailed = true
      throw failure
    }
  })
  return { warmed: warmed.size, remaining: distinct.filter((id) => !warmed.has(id)), error }
}
