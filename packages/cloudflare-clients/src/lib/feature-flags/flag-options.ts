import type { EventReporter } from '../shared/client-event.ts'
import type { Timers } from '../shared/timers.ts'
import type { BucketingAlgorithm } from './bucketing.ts'
import type { FlagOperators } from './condition-operators.ts'
import type { FlagAuthorityNamespace } from './flag-authority-calls.ts'
import type { FlagContext, FlagEvaluation } from './flag-evaluation.ts'
import type { FlagRuleset } from './flag-ruleset.ts'

export interface FlagReaderOptions {
  /** Which ruleset: one for each environment. Default `default`. */
  readonly environment?: string
  /** For how long an isolate answers without asking KV again, in seconds from 1. Default 30. */
  readonly freshSeconds?: number
  /**
   * For how long after that a request still is answered at once while the ruleset is renewed behind it, in seconds from 0. Later than that `ready`
   * waits for the renewal, and answers are `STALE` where it fails. Default 300.
   */
  readonly staleSeconds?: number
  /** For how long a location of KV may answer from what it read before, in seconds from 30. Default 60, as KV's own. */
  readonly cacheTtlSeconds?: number
  /** How long `ready` waits for KV or the authority, in ms from 1. Default 2,000. */
  readonly timeoutMs?: number
  /** The binding of `FlagsObject`. Needed for strict flags, and to write without losing updates. */
  readonly authority?: FlagAuthorityNamespace
  /** Confirms the whole ruleset with the authority at most so many seconds ago, from 1 to 3,600. Default: only as its strict flags want it. */
  readonly confirmWithinSeconds?: number
  /** A ruleset in the bundle, to answer from until one is loaded. A loaded one that is older does not take its place. */
  readonly bootstrap?: FlagRuleset
  /** Beside `sha256`, version 1, which is built in. */
  readonly algorithms?: readonly BucketingAlgorithm[]
  /** Beside those that are built in: `semverOperators`, `cidrOperators`. A flag that needs one that is not there cannot be read. */
  readonly operators?: readonly FlagOperators[]
  /** Told of each answer, synchronously. What it throws is reported and changes nothing. See `createExposureReporter`. */
  readonly onEvaluation?: (exposure: FlagExposure) => void
  readonly now?: () => number
  readonly timers?: Timers
  readonly waitUntil?: (work: Promise<unknown>) => void
  /**
   * Told of stores that failed and of what could not be read. That KV is behind what is known is no event. Default: a JSON line on
   * `console.warn`.
   */
  readonly onEvent?: EventReporter
}

/** Who got what. */
export interface FlagExposure {
  readonly flag: string
  readonly context: FlagContext
  readonly evaluation: FlagEvaluation
  /** Of the ruleset. */
  readonly rulesetVersion: number
  readonly atMs: number
}

/** What the ruleset rests on. */
export interface FlagReadiness {
  /** `none`: there is nothing to answer from, and every answer is the caller's default. `stale`: it could not be renewed, or confirmed, in time. */
  readonly status: 'ready' | 'stale' | 'none'
  /** 0: none was ever written. */
  readonly version: number
  /** When it was last read from KV or confirmed by the authority. `null`: never, it is the bootstrap. */
  readonly asOfMs: number | null
  readonly error?: unknown
}

/** What happened to a reader's ruleset. */
export type FlagReaderEvent =
  /** `toChangedFlags` names the flags that are not the same in the two. */
  | {
      readonly type: 'changed'
      readonly version: number
      readonly before: FlagRuleset
      readonly after: FlagRuleset
    }
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'stale'; readonly version: number; readonly error: unknown }
  /** There is nothing to answer from. */
  | { readonly type: 'error'; readonly error: unknown }

export interface FlagWriteOptions {
  /** For the history. Default `unknown`. */
  readonly author?: string
  readonly reason?: string
  /** Refuses with a `FlagError` of code `conflict` unless the flag has this version; 0: unless there is none. */
  readonly ifVersion?: number
}

/** A change that was made: for an audit log. */
export interface FlagAuditEvent {
  readonly type:
    | 'flag_set'
    | 'flag_deleted'
    | 'flag_renamed'
    | 'flag_reverted'
    | 'segment_set'
    | 'segment_deleted'
  readonly name: string
  readonly version: number
  readonly author: string
  readonly reason?: string
  readonly atMs: number
}
