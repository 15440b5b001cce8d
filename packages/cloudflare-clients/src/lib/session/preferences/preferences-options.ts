import type { EventReporter } from '../../shared/client-event.ts'
import type { StandardSchema } from '../../shared/standard-schema.ts'
import type { Timers } from '../../shared/timers.ts'
import type { PreferencesAuthorityNamespace } from './preferences-authority-calls.ts'

/** How old what is read may be. */
export type PreferencesFreshness =
  /** The authority is asked: what was patched before is read. */
  | 'strict'
  /** The authority has confirmed it at most so many seconds ago, from 1 to 86,400. */
  | { readonly boundedSeconds: number }

export interface UserPreferencesOptions<T extends object> {
  /** The binding of `SessionObject`. */
  readonly authority: PreferencesAuthorityNamespace
  /**
   * Any Standard Schema, such as valibot's or zod's: for what is read, and for the fields of a patch. It sees the defaults below the
   * fields, and must take what it gives. Rules over several fields at once are not kept by patches: two writers each keep them, and
   * together they do not.
   */
  readonly schema?: StandardSchema<T>
  /** What stands in for fields that the user has not, or that do not fit the schema. They are not stored. Default none. */
  readonly defaults?: Partial<T>
  /** The default of `get`. Default `{ boundedSeconds: 300 }`. */
  readonly freshness?: PreferencesFreshness
  /**
   * How long KV keeps a copy, in seconds from 60 to 86,400, or 0 for no copies in KV. Default: as long as `freshness` may read it, 60 at
   * least, and 0 for `strict`.
   */
  readonly cacheSeconds?: number
  /** Users whose preferences an isolate keeps, the least recently used go first, from 1. Default 1,000. */
  readonly memoryEntries?: number
  /** How long to wait for the authority, and for KV, in ms from 1. Default 2,000. */
  readonly timeoutMs?: number
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Default the global ones. */
  readonly timers?: Timers
  /** Keeps the writing of copies alive: pass the one from `cloudflare:workers`. Default: it ends with its request. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Told of a KV that failed, and of what does not fit the schema. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

export interface GetPreferencesOptions {
  /** Default the client's. */
  readonly freshness?: PreferencesFreshness
}

export interface PatchPreferencesOptions {
  /**
   * When the user wrote it, in epoch ms from 0, by the clock of the device. Of two writes of a field the later one wins, and one that is ahead
   * of the authority's clock counts as written when it arrives. A call that is repeated with the same patch and the same
   * `writtenAtMs` changes nothing more. Default: when it arrives.
   */
  readonly writtenAtMs?: number
}

/** A merge patch (RFC 7396) for the names at the top: absent fields stay, `null` removes one, and a value replaces one as a whole. */
export type PreferencesPatch<T extends object> = {
  readonly [Name in keyof T]?: T[Name] | null | undefined
}
