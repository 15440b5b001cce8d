import type { FlagDefinition, FlagSegment } from './flag-definition.ts'

/** A flag in a ruleset: with the version of the ruleset in which it was last changed. */
export interface StoredFlag extends FlagDefinition {
  readonly version: number
}

/** A segment in a ruleset. The version is absent where it was written without an authority. */
export interface StoredSegment extends FlagSegment {
  readonly version?: number
}

/** Everything an isolate needs to answer, in one value of KV. */
export interface FlagRuleset {
  /** Of this shape. A reader takes only what it knows. */
  readonly format: 1
  /** Grows by one with each change. A reader never goes back to a lower one. */
  readonly version: number
  readonly changedAtMs: number
  readonly flags: Readonly<Record<string, StoredFlag>>
  readonly segments?: Readonly<Record<string, StoredSegment>>
}
