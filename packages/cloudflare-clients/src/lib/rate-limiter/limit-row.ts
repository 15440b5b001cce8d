import type { LimitState } from './algorithms/algorithm-of.ts'
import type { LimitRule } from './rate-limit-backend.ts'

/** A date that JSON and SQLite hold exactly, for what never ends. */
export const neverMs = Number.MAX_SAFE_INTEGER

/** A count as it is kept for after a restart: at most so many tokens were ever granted. */
export interface LimitCountRow {
  readonly rule: LimitRule
  readonly state: LimitState
  /** At most so many tokens are out on lease, until then at the latest. */
  readonly leasedTokens: number
  readonly leasedUntilMs: number
}

export interface LimitOverride {
  readonly limit: number
  readonly untilMs?: number
}

/** All that an authority keeps of a key. Plain JSON. */
export interface LimitRow {
  readonly epoch: number
  /** The latest time that the key has seen, in epoch ms. */
  readonly seenMs: number
  /** From when on the row says nothing that matters. */
  readonly idleAtMs: number
  readonly blockedUntilMs: number
  readonly override?: LimitOverride
  readonly counts: readonly LimitCountRow[]
}

/** Where an authority keeps its rows. Synchronous, so that nothing comes between reading a state and writing it. */
export interface LimitStorage {
  load(key: string): LimitRow | undefined
  save(key: string, row: LimitRow): void
  delete(key: string): void
}
