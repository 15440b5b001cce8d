// A constant for each, because a bundle that uses one then holds no others.

/** UTF-8 bytes of a key. */
export const maxKeyBytes = 512
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
export const defaultCacheTtlSeconds = 60
/** Keys of one bulk read. */
export const maxBulkReadKeys = 100
/** Keys of one page of a list. */
export const maxListKeys = 1000
/** A second write to a key within a second is refused with a 429, on every plan. */
const maxWritesPerSecondPerKey = 1
/** A little over the second in which KV refuses another write to the key. */
export const writeSpacingMs = 1000 / maxWritesPerSecondPerKey + 100

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
