import { sha256FirstWord } from '../shared/sha256.ts'
import type { BucketingAlgorithm } from './bucketing.ts'

/**
 * Spreads users by SHA-256 over 10,000 buckets: `n` is the first 32 bits, big-endian, of the digest of `unit:salt` in UTF-8, and the bucket is
 * `(n % 100) * 100 + floor(n / 100) % 100`.
 *
 * The first two digits of the bucket alone decide whole percents, so that `n % 100 < percentage` goes on to hold for users who were spread
 * that way, and the next two add steps of 0.01 %. `bucketing-vectors.json` has examples for other languages.
 *
 * @example
 * ```ts
 * import { sha256Bucketing } from '@codex/cloudflare-clients/feature-flags'
 *
 * sha256Bucketing.toShare('user-1', 'new-checkout') // 0.2885
 * ```
 */
export const sha256Bucketing: BucketingAlgorithm = {
  name: 'sha256',
  version: 1,
  toShare(unit, salt) {
    const n = sha256FirstWord(`${unit}:${salt}`)
    return ((n % 100) * 100 + (Math.floor(n / 100) % 100)) / 10_000
  },
}
