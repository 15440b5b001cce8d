/** How many calls an identifier has in a window. */
export interface RateLimitPolicy {
  /** Calls admitted in a window: a whole number of at least 1. */
  readonly limit: number
  /** The window's length in seconds, above 0. */
  readonly window: number
  /** Names what is limited. Counts under different prefixes are apart. Not empty.
   * One prefix belongs to one window: two windows under it overwrite each other's count, and neither limits. */
  readonly keyPrefix: string
}

/** Policies for what most applications limit. */
export const rateLimitPolicies = {
  /** 5 in 15 minutes. */
  login: { limit: 5, window: 900, keyPrefix: 'login' },
  /** 3 an hour. */
  register: { limit: 3, window: 3600, keyPrefix: 'register' },
  /** 3 an hour. */
  passwordReset: { limit: 3, window: 3600, keyPrefix: 'passwordReset' },
  /** 5 an hour. */
  verifyEmail: { limit: 5, window: 3600, keyPrefix: 'verifyEmail' },
  /** 100 a minute. */
  api: { limit: 100, window: 60, keyPrefix: 'api' },
  /** 10 an hour. */
  upload: { limit: 10, window: 3600, keyPrefix: 'upload' },
} as const satisfies Record<string, RateLimitPolicy>
