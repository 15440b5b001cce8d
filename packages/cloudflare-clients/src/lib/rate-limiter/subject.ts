import type { RateLimitPolicy } from './policies.ts'
import type { LimitRule } from './rate-limit-backend.ts'

/** The longest window: 68 years, KV's longest expiration. */
const maxWindowSeconds = 2_147_483_647

/** @throws {TypeError} When the identifier or the prefix is empty or no string: all such would share one count. */
export function toKey(action: string, identifier: string, keyPrefix: string): string {
  assertText(action, 'identifier', identifier)
  assertText(action, 'keyPrefix', keyPrefix)
  // The length says where the prefix ends, so that no two pairs give the same key.
  return `${keyPrefix.length}:${keyPrefix}:${identifier}`
}

/**
 * @returns The policy with its defaults filled in.
 * @throws {TypeError | RangeError} When it is none.
 */
export function toRule(policy: RateLimitPolicy): LimitRule {
  const { limit, window, algorithm = 'fixed-window', burst = limit } = policy
  assertCount('check rate limit', 'limit', limit)
  assertCount('check rate limit', 'burst', burst)
  if (!(window > 0 && window <= maxWindowSeconds)) {
    throw new RangeError(
      `Cannot check rate limit: window must be above 0 and at most ${maxWindowSeconds}, received ${window}`,
    )
  }
  return { algorithm, limit, windowMs: window * 1000, burst }
}

/** @throws {RangeError} When it is not a whole number of at least 1. */
export function assertCount(action: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return
  throw new RangeError(
    `Cannot ${action}: ${name} must be a whole number of at least 1, received ${value}`,
  )
}

/**
 * @param expected Begins with what cannot be done.
 * @throws {TypeError} When it is not an object with that method, as where a binding is missing.
 */
export function assertMethod(value: unknown, name: string, expected: string): void {
  const method = (value as Record<string, unknown> | null | undefined)?.[name]
  if (typeof method === 'function') return
  throw new TypeError(`Cannot ${expected}, received ${String(value)}`)
}

function assertText(action: string, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  const received = value === '' ? "''" : typeof value
  throw new TypeError(
    `Cannot ${action}: ${name} must be a string and not empty, received ${received}`,
  )
}
