import type { LimitRule } from '../rate-limit-backend.ts'
import type { LimitAlgorithm } from './algorithm.ts'
import { type FixedWindowState, fixedWindow } from './fixed-window.ts'
import { type SlidingWindowState, slidingWindow } from './sliding-window.ts'
import { type StrictSlidingWindowState, strictSlidingWindow } from './strict-sliding-window.ts'
import { type TokenBucketState, tokenBucket } from './token-bucket.ts'

/** A count as one of the algorithms keeps it. Plain JSON. */
export type LimitState =
  FixedWindowState | SlidingWindowState | StrictSlidingWindowState | TokenBucketState

const algorithms: Record<LimitRule['algorithm'], LimitAlgorithm<LimitState>> = {
  'fixed-window': fixedWindow,
  'sliding-window': slidingWindow,
  'strict-sliding-window': strictSlidingWindow,
  'token-bucket': tokenBucket,
}

/** @returns The rule's algorithm, for states that were made by it. */
export function algorithmOf(rule: LimitRule): LimitAlgorithm<LimitState> {
  return algorithms[rule.algorithm]
}
