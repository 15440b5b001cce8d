import type { ConfigError } from '../config-error.ts'
import type { ConfigDifference } from '../load/loaded-config.ts'

/** What happened to the configuration that a client holds. */
export type ConfigEvent =
  /** The first one is there. */
  | { readonly type: 'loaded'; readonly versions: Readonly<Record<string, number>> }
  /** Another one has taken its place. Secrets in `differences` are masked. */
  | {
      readonly type: 'changed'
      readonly versions: Readonly<Record<string, number>>
      readonly differences: readonly ConfigDifference[]
    }
  /** A load failed, took too long or was invalid. What was held is held on to. */
  | { readonly type: 'refresh_failed'; readonly error: ConfigError }
  /** A load was older than what is held, which is held on to. Its `faults` name the sources. */
  | { readonly type: 'outdated'; readonly error: ConfigError }
  | {
      readonly type: 'notice_dropped'
      readonly reason: NoticeDropReason
      readonly name?: string
      readonly version?: number
    }
  /** A source could not be watched. It is still asked when its time is over. */
  | { readonly type: 'watch_failed'; readonly error: unknown }
  /** A listener of `watch` threw. The others were told all the same. */
  | { readonly type: 'listener_failed'; readonly error: unknown }

export type NoticeDropReason =
  /** It is no notice. */
  | 'malformed'
  /** It is of a configuration that is no layer of this one. */
  | 'unknown_name'
  /** That version, or a newer one, is in use. */
  | 'not_newer'
  /** Its version did not show in time. */
  | 'not_seen'
  | 'closed'

export type ConfigEventReporter = (event: ConfigEvent) => void

/** Of an error only what is known to hold no secret: a `ConfigError` says what is wrong without one, other errors may not. */
function logEvent(event: ConfigEvent): void {
  switch (event.type) {
    case 'refresh_failed':
    case 'outdated': {
      const { code, message } = event.error
      console.warn(
        JSON.stringify({ event: event.type, client: 'config', error: { code, message } }),
      )
      break
    }
    case 'watch_failed':
    case 'listener_failed': {
      const name = event.error instanceof Error ? event.error.name : typeof event.error
      console.warn(JSON.stringify({ event: event.type, client: 'config', error: { name } }))
      break
    }
    case 'loaded':
    case 'changed':
    case 'notice_dropped':
      break
  }
}

/**
 * Makes a reporter that cannot fail: an observer that throws must not turn a good load into a failed one.
 *
 * @param report Default: one JSON line on `console.warn` for what went wrong, nothing for the rest.
 */
export function createConfigReporter(report: ConfigEventReporter = logEvent): ConfigEventReporter {
  return (event) => {
    try {
      report(event)
    } catch {
      // What it threw may hold anything.
      console.error('An observer of configuration events threw')
    }
  }
}
