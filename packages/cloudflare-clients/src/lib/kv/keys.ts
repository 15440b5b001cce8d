import { toCacheText, toEpochText, toTagText } from './cache-keys.ts'
import { escapePart } from './escape-part.ts'
import { digestText, toKVKey, utf8Length } from './kv-key.ts'

/** A part that others are listed under stays short enough that no key below it is cut inside the prefix. */
const maxGroupBytes = 200

function escapeGroup(part: string): string {
  const escaped = escapePart(part)
  return utf8Length(escaped) <= maxGroupBytes ? escaped : digestText(escaped, maxGroupBytes)
}

function toRateLimitText(endpoint: string, identifier: string): string {
  return `rl:${escapeGroup(endpoint)}:${escapePart(identifier)}`
}

/** The pattern of every key that this package and `@codex/config` write. `docs/storage-schema.md` is held to this list by a test. */
export const keyPatterns = {
  cache: 'cache:{feature}:{id}',
  cacheEpoch: 'cache-epoch:{feature}',
  cacheTag: 'cache-tag:{tag}',
  config: 'config:{name}',
  configBody: 'config-body:{sha256}',
  flags: 'flags:{environment}',
  preferences: 'preferences:{userId}',
  rateLimit: 'rl:{endpoint}:{identifier}',
  rateLimitSlot: 'rl:{endpoint}:{identifier}:{window}:{slot}',
  session: 'session:token:{tokenHash}',
  userSession: 'session:user:{userId}:{tokenHash}',
} as const

/**
 * Typed builders for the key patterns of the storage schema.
 *
 * Parts are escaped, so that different parts never give the same key: `("a:b", "c")` and `("a", "b:c")` differ. Any
 * string is a valid part. A key that would be over KV's 512 bytes ends in a digest and keeps a readable start.
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 *
 * @example
 * ```ts
 * import { keys } from '@codex/cloudflare-clients'
 *
 * keys.cache('content', 'list', 'photography') // 'cache:content:list:photography'
 * keys.cache('a:b', 'c') // 'cache:a%3Ab:c'
 * ```
 */
export const keys = {
  /** A cache entry of a feature. At least one part of an id: without one it would be the key of the id `""`. */
  cache(feature: string, ...id: readonly [string, ...string[]]): string {
    return toKVKey(toCacheText(escapeGroup(feature), id))
  },
  /** What every cache entry of a feature starts with: for `deleteByPrefix`. */
  cachePrefix(feature: string): string {
    return `cache:${escapeGroup(feature)}:`
  },
  /** The marker that ends every entry of a feature. */
  cacheEpoch(feature: string): string {
    return toKVKey(toEpochText(feature))
  },
  /** The marker that ends every entry of a tag. */
  cacheTag(tag: string): string {
    return toKVKey(toTagText(tag))
  },
  /** A published configuration, of `@codex/config`. */
  config(name: string): string {
    return toKVKey(`config:${escapePart(name)}`)
  },
  /** All feature flags of an environment. */
  flags(environment: string): string {
    return toKVKey(`flags:${escapePart(environment)}`)
  },
  /** A copy of a user's preferences. */
  preferences(userId: string): string {
    return toKVKey(`preferences:${escapePart(userId)}`)
  },
  /** When the counts of one identifier at one endpoint were last cleared. */
  rateLimit(endpoint: string, identifier: string): string {
    return toKVKey(toRateLimitText(endpoint, identifier))
  },
  /** A share of the count of one identifier at one endpoint in one window. */
  rateLimitSlot(
    endpoint: string,
    identifier: string,
    { window, slot }: { readonly window: string; readonly slot: number },
  ): string {
    return toKVKey(`${toRateLimitText(endpoint, identifier)}:${escapePart(window)}:${slot}`)
  },
  /** A cached session. Takes the hash of the bearer token, never the token. */
  session(tokenHash: string): string {
    return toKVKey(`session:token:${escapePart(tokenHash)}`)
  },
  /** The entry that lets a user's sessions be found. */
  userSession(userId: string, tokenHash: string): string {
    return toKVKey(`${keys.userSessionPrefix(userId)}${escapePart(tokenHash)}`)
  },
  /** What every session entry of a user starts with. */
  userSessionPrefix(userId: string): string {
    return `session:user:${escapeGroup(userId)}:`
  },
} as const
