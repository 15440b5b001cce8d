import type { ConfigChangeRequest } from '../config-authority-calls.ts'
import type { ConfigReleaseInfo } from '../config-document.ts'

/** Where a configuration stands. */
export interface ConfigStateRow {
  readonly version: number
  readonly changedAtMs: number
  /** Of the release that readers get. 0: there is none, and `version` is only what to go on from. */
  readonly stableVersion: number
  readonly candidate?: { readonly version: number; readonly percentage: number }
}

/** By what a change is known again when its call is repeated. */
export interface ConfigReceipt {
  readonly changeId: string
  readonly version: number
  readonly kind: ConfigChangeRequest['kind']
}

/** All that one change writes. */
export interface ConfigWrite {
  readonly receipt: ConfigReceipt
  readonly state: ConfigStateRow
  /** New, or in place of the one of its version. */
  readonly releases: readonly ConfigReleaseInfo[]
  /** Of a new release, where it is not that of an older one. */
  readonly body?: { readonly sha256: string; readonly text: string }
}

/** What was written to KV, and what is known of it. */
export interface ConfigOutboxRow {
  /** The newest that KV took. */
  readonly publishedVersion: number
  /** The newest that readers were told of. */
  readonly noticedVersion: number
  /** When the last put of the document ended, or began where it is under way. `null`: there was none. */
  readonly triedAtMs: number | null
  /** A put of the document is under way, or its object ended before it. */
  readonly isPutting: boolean
  /** Tries that failed since one succeeded. */
  readonly failures: number
  /** The last time that a put ended without it being known whether KV took it. It may still do so. `null`: there is none. */
  readonly doubtfulAtMs: number | null
  /** Hashes of large bodies that were read back from KV. */
  readonly bodies: readonly string[]
}

/** Releases that are kept, and changes that are recognized when their calls are repeated. */
export const maxKept = 1000

/**
 * Where an authority keeps one configuration. Synchronous, so that nothing comes between deciding and writing. Nobody else may write to it.
 */
export interface ConfigStorage {
  loadState(): ConfigStateRow | undefined
  /** Newest first. */
  loadReleases(query: {
    readonly beforeVersion: number | undefined
    readonly limit: number
  }): readonly ConfigReleaseInfo[]
  loadRelease(version: number): ConfigReleaseInfo | undefined
  loadBody(sha256: string): string | undefined
  findReceipt(changeId: string): ConfigReceipt | undefined
  /** All of it, or, where it throws, nothing. Then forgets what is beyond the 1,000 that are kept; never what is in the state. */
  save(write: ConfigWrite): void
  /** What somebody else wrote before, in place of all that is there. Bodies may be missing. */
  adopt(state: ConfigStateRow, releases: readonly ConfigReleaseInfo[]): void
  /** A body that was found elsewhere. */
  saveBody(sha256: string, text: string): void
  loadOutbox(): ConfigOutboxRow | undefined
  saveOutbox(row: ConfigOutboxRow): void
}
