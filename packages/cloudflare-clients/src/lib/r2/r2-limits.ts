/**
 * Limits of R2 and of the S3 API.
 *
 * @see https://developers.cloudflare.com/r2/platform/limits/
 */
export const r2Limits = {
  maxKeyBytes: 1024,
  maxMetadataBytes: 8192,
  minPartBytes: 5 * 1024 * 1024,
  maxPartBytes: 5 * 1024 * 1024 * 1024,
  maxParts: 10_000,
  maxDeleteKeys: 1000,
  maxPresignSeconds: 7 * 24 * 3600,
} as const
