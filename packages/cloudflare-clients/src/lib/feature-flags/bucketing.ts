/**
 * Spreads users: gives each a share of the whole, from 0 to below 1, always the same one for the same salt.
 *
 * A flag names the algorithm it was made with, so that a new one never moves the users of an old flag.
 */
export interface BucketingAlgorithm {
  readonly name: string
  readonly version: number
  readonly toShare: (unit: string, salt: string) => number
}
