/**
 * How calls are counted.
 *
 * - `fixed-window`: windows aligned to the clock. No window admits more than its limit; two side by side may admit
 *   twice the limit around their border. The cheapest.
 * - `sliding-window`: the count of this window and a share of the last one. The estimate never exceeds the limit; a true
 *   trailing window may see up to twice the limit in the worst case.
 * - `strict-sliding-window`: no trailing window, wherever it begins, admits more than the limit.
 * - `token-bucket`: at most `burst` at once, refilled at `limit` per `window` (GCRA). Any interval of `d` seconds admits
 *   at most `burst + d × limit / window`.
 */
export type RateLimitAlgorithm =
  'fixed-window' | 'sliding-window' | 'strict-sliding-window' | 'token-bucket'

/**
 * What a check answers when its backend cannot be asked in time. `closed`: denied. `open`: admitted. `local`: admitted up to
 * a share of the limit in each isolate, which stays near the limit over all of them.
 */
export type UnavailablePolicy = 'open' | 'closed' | 'local'

/** How many calls an identifier has in a window. */
export interface RateLimitPolicy {
  /** Calls admitted in a window: a whole number of at least 1. */
  readonly limit: number
  /** The window's length in seconds, above 0. */
  readonly window: number
  /** Names what is limited. Counts under different prefixes are apart. Not empty. */
  readonly keyPrefix: string
  /** Default `fixed-window`. KV and the native binding know that one only. */
  readonly algorithm?: RateLimitAlgorithm
  /** The bucket's size, for `token-bucket` only: a whole number of at least 1. Default `limit`. */
  readonly burst?: number
  /** Default: what the limiter's own option says. */
  readonly onUnavailable?: UnavailablePolicy
  /** Counts and reports, and admits all the same. Default `false`. */
  readonly shadow?: boolean
}

/** Policies for what most applications limit. Who signs in is let in by nobody while the limiter is down; an API stays open. */
export const rateLimitPolicies = {
  /** 5 in 15 minutes. */
  login: { limit: 5, window: 900, keyPrefix: 'login', onUnavailable: 'closed' },
  /** 3 an hour. */
  register: { limit: 3, window: 3600, keyPrefix: 'register', onUnavailable: 'closed' },
  /** 3 an hour. */
  passwordReset: { limit: 3, window: 3600, keyPrefix: 'passwordReset', onUnavailable: 'closed' },
  /** 5 an hour. */
  verifyEmail: { limit: 5, window: 3600, keyPrefix: 'verifyEmail', onUnavailable: 'closed' },
  /** 100 a minute. */
  api: { limit: 100, window: 60, keyPrefix: 'api', onUnavailable: 'local' },
  /** 10 an hour. */
  upload: { limit: 10, window: 3600, keyPrefix: 'upload', onUnavailable: 'local' },
} as const satisfies Record<string, RateLimitPolicy>
