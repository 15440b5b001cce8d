import type { FlagMetadata, FlagValue } from './flag-definition.ts'

/** Who asks. */
export interface FlagContext {
  /** By which users are spread, allowed and blocked. */
  readonly userId?: string
  /** What conditions look at. */
  readonly attributes?: Readonly<Record<string, unknown>>
}

/** The reasons of OpenFeature that apply here. */
export type FlagReason =
  /** The flag gives everybody the same. */
  | 'STATIC'
  /** A list or a rule matched. */
  | 'TARGETING_MATCH'
  /** The user's share decided. */
  | 'SPLIT'
  /** Nothing matched. */
  | 'DEFAULT'
  /** The flag is off: not enabled, outside its time, or a prerequisite is not met. */
  | 'DISABLED'
  /** The answer rests on a ruleset that could not be renewed, or confirmed, for longer than it should. */
  | 'STALE'
  | 'ERROR'

/** What decided, in more detail than the reason. */
export type FlagDecision =
  | 'disabled'
  | 'not-started'
  | 'ended'
  | 'prerequisite'
  | 'block'
  | 'allow'
  | 'rule'
  | 'percentage'
  | 'split'
  | 'default'
  | 'unconfirmed'

export type FlagErrorCode =
  | 'PROVIDER_NOT_READY'
  | 'FLAG_NOT_FOUND'
  /** The flag's definition could not be read. */
  | 'PARSE_ERROR'
  /** The flag's values are of another type than the default. */
  | 'TYPE_MISMATCH'
  /** The answer depends on the user's share, and the context has nothing to spread by. */
  | 'TARGETING_KEY_MISSING'
  | 'GENERAL'

/** Frozen. */
export interface FlagEvaluation<T extends FlagValue = FlagValue> {
  readonly value: T
  /** Absent where the value is the caller's default. */
  readonly variant?: string
  readonly reason: FlagReason
  /** Absent on errors. */
  readonly decision?: FlagDecision
  /** The id of the rule that decided. */
  readonly rule?: string
  /** The version of the ruleset in which the flag was last changed; 0 where there is no such flag. */
  readonly flagVersion: number
  readonly metadata?: FlagMetadata
  readonly error?: { readonly code: FlagErrorCode; readonly message: string }
}
