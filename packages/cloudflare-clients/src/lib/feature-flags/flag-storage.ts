import type { FlagChange, FlagTarget } from './flag-authority-calls.ts'
import type { FlagDefinition, FlagSegment } from './flag-definition.ts'

/** A flag or a segment as it stands. */
export interface FlagRow extends FlagTarget {
  /** Of the ruleset, when it was last changed. */
  readonly version: number
  readonly definition: FlagDefinition | FlagSegment
}

/** Where the ruleset stands. */
export interface FlagStateRow {
  readonly version: number
  readonly changedAtMs: number
}

/** By what a change is known again when its call is repeated. */
export interface FlagReceipt {
  readonly changeId: string
  readonly version: number
  readonly target: FlagTarget
}

/** All that one change writes. */
export interface FlagWrite {
  readonly changeId: string
  readonly change: FlagChange
  readonly deleted: readonly FlagTarget[]
  readonly saved: FlagRow | null
  /** Changes up to this version are forgotten. */
  readonly forgetUpToVersion: number
}

/** What was written to KV, and what is known of it. */
export interface FlagOutboxRow {
  /** Whose ruleset it is: an alarm is not told. */
  readonly environment: string
  /** The newest that KV took. */
  readonly publishedVersion: number
  /** When the last put ended, or began where it is under way. `null`: there was none. */
  readonly triedAtMs: number | null
  /** A put is under way, or its object ended before it. */
  readonly isPutting: boolean
  /** Puts that failed since one succeeded. */
  readonly failures: number
  /** The last time that a put ended without it being known whether KV took it. It may still do so. `null`: there is none. */
  readonly doubtfulAtMs: number | null
}

/** Which changes. */
export interface FlagHistoryQuery {
  readonly target: FlagTarget | undefined
  readonly beforeVersion: number | undefined
  readonly limit: number
}

/**
 * Where an authority keeps its rows. Synchronous, so that nothing comes between deciding and writing. Nobody else may write to it.
 */
export interface FlagStorage {
  loadState(): FlagStateRow | undefined
  loadRows(): readonly FlagRow[]
  loadReceipts(): readonly FlagReceipt[]
  /** Newest first. With a target: also the changes by which it took, or gave up, its name. */
  loadHistory(query: FlagHistoryQuery): Iterable<FlagChange>
  /** All of them, from the oldest on, or, where it throws, nothing. At least one. */
  save(writes: readonly FlagWrite[]): void
  /** What somebody else wrote before, in place of all that is there. */
  adopt(state: FlagStateRow, rows: readonly FlagRow[]): void
  loadOutbox(): FlagOutboxRow | undefined
  saveOutbox(row: FlagOutboxRow): void
}
