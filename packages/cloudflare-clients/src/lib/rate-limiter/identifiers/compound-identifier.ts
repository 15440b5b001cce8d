import { escapePart } from '../../kv/escape-part.ts'

/**
 * One identifier of several parts, such as an account and an address.
 *
 * Parts are escaped, so that different parts never give the same identifier: `('a:b', 'c')` and `('a', 'b:c')` differ, as
 * do `('a', 'b')` and `('a:b')`. Any text is a valid part, except for an empty one: whoever comes without it would share
 * one count.
 *
 * @throws {TypeError} When there is no part, or when one is empty or no string.
 *
 * @example
 * ```ts
 * import { compoundIdentifier } from '@codex/cloudflare-clients/rate-limiter'
 *
 * compoundIdentifier('user-1', 'upload') // 'user-1:upload'
 * compoundIdentifier('user-1', '2001:db8::/64') // 'user-1:2001%3Adb8%3A%3A/64'
 * ```
 */
export function compoundIdentifier(...parts: readonly [string, ...string[]]): string {
  const given: readonly unknown[] = parts
  if (given.length === 0) {
    throw new TypeError('Cannot build compound identifier: it must have a part, received none')
  }
  return given
    .map((part, index) => {
      if (typeof part === 'string' && part !== '') return escapePart(part)
      throw new TypeError(
        `Cannot build compound identifier: part ${index + 1} must be a string and not empty, received ${part === '' ? 'an empty one' : typeof part}`,
      )
    })
    .join(':')
}
