/**
 * Limits of Workers KV.
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 * @see https://developers.cloudflare.com/kv/api/write-key-value-pairs/ for the least expiration
 * @see https://developers.cloudflare.com/kv/api/read-key-value-pairs/ for `cacheTtl` and bulk reads
 */
export const kvLimits = {
  /** UTF-8 bytes of a key. */
  maxKeyBytes: 512,
  /** UTF-8 bytes of a key's metadata as JSON. */
  maxMetadataBytes: 1024,
  /** 25 MiB. */
  maxValueBytes: 26_214_400,
  /** A shorter `expirationTtl` is refused with a 400. */
  minExpirationTtlSeconds: 60,
  /** `expirationTtl` is a 32-bit integer in the binding. */
  maxExpirationTtlSeconds: 2_147_483_647,
  /** The least `cacheTtl` of a read. */
  minCacheTtlSeconds: 30,
  /** How long a location may serve what it read before, when a read names no `cacheTtl`. */
  defaultCacheTtlSeconds: 60,
  /** Keys of one bulk read. */
  maxBulkReadKeys: 100,
  /** Keys of one page of a list. */
  maxListKeys: 1000,
  /** A second write to a key within a second is refused with a 429, on every plan. */
  maxWritesPerSecondPerKey: 1,
} as const
