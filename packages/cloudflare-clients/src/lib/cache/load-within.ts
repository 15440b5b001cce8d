import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { type Duration, toMs } from './duration.ts'
import { CacheLoadError } from './load-error.ts'

/**
 * Gives a loader a hard timeout: when it has taken so long, its `signal` aborts and the load fails, for everybody who
 * waits for it. Where `staleIfError` allows, the older value stands in. Takes the loader of `loadMany` as well.
 *
 * To serve an older value while a slow load goes on, use `softTimeout`.
 *
 * @param limit Above 0.
 * @param load A loader whose second argument has a `signal` too.
 * @returns The loader for the definition. It rejects with a {@link CacheLoadError} with code `load_timeout`.
 * @throws {TypeError | RangeError} When the limit is no duration above 0.
 *
 * @example
 * ```ts
 * import { CacheClient, loadWithin } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const rates = cache.define('rate', {
 *   load: loadWithin('5s', async (currency: string, { signal }) => {
 *     const response = await fetch(`https://rates.example/${currency}`, { signal })
 *     return response.json<number>()
 *   }),
 *   fresh: '1h',
 *   staleIfError: '1d',
 * })
 * ```
 */
export function loadWithin<Id, Context extends object, R>(
  limit: Duration,
  load: (id: Id, context: Context & { readonly signal: AbortSignal }) => Promise<R>,
  { timers = globalThis }: { readonly timers?: Timers } = {},
): (id: Id, context: Context) => Promise<R> {
  const delayMs = toMs('limit load: it', limit, 1)
  return async (id, context) => {
    const controller = new AbortController()
    const { signal } = controller
    const result = await raceTimer(load(id, { ...context, signal }), { delayMs, timers })
    if (result !== timedOut) return result
    const error = new CacheLoadError(
      `Cannot load: it took longer than ${delayMs} ms`,
      'load_timeout',
    )
    controller.abort(error)
    throw error
  }
}
