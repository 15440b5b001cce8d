import { checkNumber } from '../shared/check-number.ts'
import type { EarlyRefresh } from './definition-options.ts'

export interface XFetchOptions {
  /** How eagerly: 1 is the published optimum. From 0 to 100. Default 1. */
  readonly beta?: number
}

/**
 * Refreshes early by chance, more often the nearer the end and the slower the load, so that isolates do not all refresh at
 * once: XFetch.
 *
 * @returns What a definition takes for `refreshAhead`.
 * @throws {RangeError} When `beta` is out of range.
 * @see Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention (2015)
 *
 * @example
 * ```ts
 * import { CacheClient, xfetch } from '@codex/cloudflare-clients/cache'
 *
 * const cache = new CacheClient(env.CACHE_KV)
 * const users = cache.define<string, { name: string }>('user', {
 *   load: loadUser,
 *   fresh: '10m',
 *   refreshAhead: xfetch(),
 * })
 * ```
 */
export function xfetch({ beta = 1 }: XFetchOptions = {}): EarlyRefresh {
  checkNumber('create xfetch: beta', beta, { min: 0, max: 100 })
  // Random numbers are under 1, so that the logarithm is of more than 0.
  return ({ loadMs }, random) => -loadMs * beta * Math.log(1 - random())
}
