import type { Timers } from '@codex/cloudflare-clients'
import type { ConfigError } from '../config-error.ts'
import type { ConfigEventReporter } from './config-event.ts'
import type { ConfigDifference } from '../load/loaded-config.ts'

/** When a client asks again, and what with. */
export interface ConfigRefreshOptions {
  /**
   * `background`: a timer asks again, and sources that tell of changes are watched: for processes. `on-read`: `read` asks again when its time is
   * over: for Workers, where no timer outlives a request.
   */
  readonly refresh: 'background' | 'on-read'
  /** For how long what was loaded is used without asking again, in seconds from 1 to 86,400. Default 60. */
  readonly ttlSeconds?: number
  /** For how long after that `status` does not call it stale, in seconds from 0. Default 300. It changes nothing else. */
  readonly staleSeconds?: number
  /** How long a load may take, in ms from 1 to 600,000. Default 10,000. */
  readonly timeoutMs?: number
  /** For how long changes of a watched source are gathered, in ms from 0. Default 100. */
  readonly debounceMs?: number
  /** For how long `accept` asks for a version that does not show, in seconds from 0. Default 180. */
  readonly noticeSeconds?: number
  /**
   * A published document that was there and is missing counts as older for so many seconds, from 0, and then as removed. Default 600: a location of
   * KV remembers for a minute and more that there was nothing.
   */
  readonly removedAfterSeconds?: number
  /** In Workers the one of `cloudflare:workers`: loads then go on behind requests, and live on when a client goes away. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Epoch ms. Default `Date.now`. */
  readonly now?: () => number
  readonly timers?: Timers
  /** From 0 to 1, below 1: spreads the loads of many processes. Default `Math.random`. */
  readonly random?: () => number
  /** Default: a JSON line on `console.warn` for what went wrong. */
  readonly onEvent?: ConfigEventReporter
}

/** What a refresh came to. */
export type ConfigRefresh =
  | { readonly status: 'changed' | 'unchanged' }
  | { readonly status: 'failed'; readonly error: ConfigError }

export interface ConfigChange<T> {
  readonly before: T
  readonly after: T
  /** Secrets are masked. */
  readonly differences: readonly ConfigDifference[]
}

export interface ConfigStatus {
  /** When the load began that brought the value in use. `null`: nothing was ever loaded. */
  readonly loadedAtMs: number | null
  /** When the newest good load began. */
  readonly checkedAtMs: number | null
  /** By URI, of the published documents in use. */
  readonly versions: Readonly<Record<string, number>>
  /** Nothing was loaded, or no load was good for longer than `ttlSeconds` and `staleSeconds` together. */
  readonly isStale: boolean
  /** Of the last load, where it was not good. */
  readonly error?: ConfigError
}
