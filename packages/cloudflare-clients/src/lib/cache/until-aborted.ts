/**
 * Ends a caller's wait when a signal aborts. What it waited for goes on for whoever else wants it: a load that several requests
 * share must not end because one of them did.
 *
 * @returns What the promise gives. Rejects with the signal's reason when it aborts first, or has.
 *
 * @example
 * ```ts
 * import { CacheClient, untilAborted } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', { load: loadUser, fresh: '1m' })
 *
 * async function handle(request: Request): Promise<Response> {
 *   return Response.json(await untilAborted(users.get(id), request.signal))
 * }
 * ```
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
