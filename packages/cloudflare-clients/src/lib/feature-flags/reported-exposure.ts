import type { FlagDecision, FlagReason } from './flag-evaluation.ts'

/** Who saw which variant, as it leaves the isolate: plain JSON, without attributes. */
export interface ReportedExposure {
  readonly flag: string
  /** Absent where the value was the caller's default. */
  readonly variant?: string
  /** As `identify` gave it. Absent where it gave nothing. */
  readonly user?: string
  readonly reason: FlagReason
  readonly decision?: FlagDecision
  readonly rule?: string
  readonly flagVersion: number
  readonly rulesetVersion: number
  readonly atMs: number
  /** The share of users that this one stands for: each counts `1 / sampleRate` times. */
  readonly sampleRate: number
}

/**
 * Takes exposures that were collected in one tick. What it rejects with is reported; the same exposures are then given again when they are
 * seen again, unless the error says `retryable: false`.
 */
export type ExposureSink = (exposures: readonly ReportedExposure[]) => unknown
