// A constant for each, and each a number, because a bundle that uses one then holds the number and nothing else.

/** UTF-8 bytes of a key. */
export const maxKeyBytes = 512
/** Bytes of a digest in a key with the `~` before it. */
export const digestBytes = 44
/** A listing prefix up to here matches digested keys too, because their readable part is at least this long. */
export const maxPrefixBytes = 468
/** UTF-8 bytes of a key's metadata as JSON. */
export const maxMetadataBytes = 1024
/** 25 MiB. */
export const maxValueBytes = 26_214_400
/** A shorter `expirationTtl` is refused with a 400. */
export const minExpirationTtlSeconds = 60
/** `expirationTtl` is a 32-bit integer in the binding. */
export const maxExpirationTtlSeconds = 2_147_483_647
/** The least `cacheTtl` of a read. */
export const minCacheTtlSeconds = 30
/** How long a location may serve what it read before, when a read names no `cacheTtl`. */
const defaultCacheTtlSeconds = 60
/** Keys of one bulk read. */
export const maxBulkReadKeys = 100
/** Keys of one page of a list. */
export const maxListKeys = 1000
/** A second write to a key within a second is refused with a 429, on every plan. */
const maxWritesPerSecondPerKey = 1
/** A little over the second in which KV refuses another write to the key. */
export const writeSpacingMs = 1100
/** How often a write is tried that KV refuses for another one. */
export const maxWriteAttempts = 4
/** How long a write may be under way before the next one no longer waits for it: its request may have died. */
export const maxWriteMs = 5000
/** What stamps differ by at least: a double holds epoch milliseconds to about a quarter of this. */
export const stampStepMs = 0.001
/** The least TTL of an entry: the clock does not tell less. */
export const minTtlSeconds = 0.001

/**
 * Limits of Workers KV.
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 * @see https://developers.cloudflare.com/kv/api/write-key-value-pairs/ for the least expiration
 * @see https://developers.cloudflare.com/kv/api/read-key-value-pairs/ for `cacheTtl` and bulk reads
 */
export const kvLimits = {
  /** UTF-8 bytes of a key. */
  maxKeyBytes,
  /** UTF-8 bytes of a key's metadata as JSON. */
  maxMetadataBytes,
  /** 25 MiB. */
  maxValueBytes,
  /** A shorter `expirationTtl` is refused with a 400. */
  minExpirationTtlSeconds,
  /** `expirationTtl` is a 32-bit integer in the binding. */
  maxExpirationTtlSeconds,
  /** The least `cacheTtl` of a read. */
  minCacheTtlSeconds,
  /** How long a location may serve what it read before, when a read names no `cacheTtl`. */
  defaultCacheTtlSeconds,
  /** Keys of one bulk read. */
  maxBulkReadKeys,
  /** Keys of one page of a list. */
  maxListKeys,
  /** A second write to a key within a second is refused with a 429, on every plan. */
  maxWritesPerSecondPerKey,
} as const
