import type { FlagDefinition, FlagSegment } from './flag-definition.ts'
import type { FlagRuleset } from './flag-ruleset.ts'

/** What is to become of one flag or segment. */
export interface FlagStep {
  readonly target: FlagTarget
  /** `null` deletes. A `version` in it, as in a ruleset, is passed over. A flag without `bucketing` keeps what it had. */
  readonly next: FlagDefinition | FlagSegment | null
  /** A flag that the target, a new name, takes the place of, with its bucketing: a rename, in one step. */
  readonly renamedFrom?: string
  /** The version the caller saw, of the target, or of `renamedFrom`: 0 where there must be none. Absent: whatever is there is replaced. */
  readonly ifVersion?: number
}

/** Whose change it is. */
interface FlagChangeOrigin {
  /** Random, the same when a call is repeated: the runtime repeats calls whose reply was lost. */
  readonly changeId: string
  /** Who, for the history. 1 to 200 characters. */
  readonly author: string
  /** Why. At most 1,000 characters. */
  readonly reason?: string
}

/** One change of one flag or segment. */
export interface FlagChangeRequest extends FlagStep, FlagChangeOrigin {}

/** Changes of many that are made together, or not at all. Each has a version of its own, in their order. */
export interface FlagChangesRequest extends FlagChangeOrigin {
  /** At least one. Each begins with what those before it make; definitions are judged by what is there after the last. */
  readonly changes: readonly FlagStep[]
}

export interface FlagTarget {
  readonly kind: 'flag' | 'segment'
  readonly name: string
}

/** What is wrong with a definition, and where: `rules[2].when.value`. */
export interface FlagFault {
  readonly path: string
  readonly reason: string
}

export type FlagChangeReply =
  | {
      readonly ok: true
      /** After the last of them. */
      readonly version: number
      /** All there was to do was to delete what is not there. Absent: something was changed. */
      readonly isUnchanged?: true
    }
  | FlagChangeRefusal

export type FlagChangeRefusal = {
  readonly ok: false
  /** Which of many was refused, from 0. Absent: the first. */
  readonly index?: number
} & (
  | {
      readonly reason: 'conflict'
      /** The one that is there. */
      readonly version: number
    }
  | { readonly reason: 'invalid'; readonly faults: readonly FlagFault[] }
)

/** A change that was made. */
export interface FlagChange {
  readonly version: number
  readonly atMs: number
  readonly target: FlagTarget
  readonly author: string
  readonly reason?: string
  readonly renamedFrom?: string
  /** `null`: there was none. */
  readonly before: FlagDefinition | FlagSegment | null
  /** `null`: it was deleted. */
  readonly after: FlagDefinition | FlagSegment | null
}

export interface FlagHistoryRequest {
  /** Only of this flag or segment, with the renames by which it took or gave up its name. */
  readonly target?: FlagTarget
  /** Only older ones. A whole number from 1. */
  readonly beforeVersion?: number
  /** From 1 to 100. Default 50. Fewer come where they are large, but one as long as there is one. */
  readonly limit?: number
}

export interface FlagRulesetReply {
  readonly version: number
  /** Absent: the caller knows it. */
  readonly ruleset?: FlagRuleset
}

/** What a `FlagsObject` answers, as one object for each environment, over RPC. */
export interface FlagAuthorityCalls {
  /** @param knownVersion The reply then carries the ruleset only where it is another one. */
  getRuleset(knownVersion?: number): FlagRulesetReply | Promise<FlagRulesetReply>
  change(request: FlagChangeRequest): FlagChangeReply | Promise<FlagChangeReply>
  changeAll(request: FlagChangesRequest): FlagChangeReply | Promise<FlagChangeReply>
  /** Newest first. */
  getHistory(request: FlagHistoryRequest): readonly FlagChange[] | Promise<readonly FlagChange[]>
}

/** A Durable Object binding of `FlagsObject`, or what has its shape. */
export interface FlagAuthorityNamespace {
  getByName(name: string): FlagAuthorityCalls
}
