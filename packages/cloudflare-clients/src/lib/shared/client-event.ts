import type { CloudflareClientError } from './client-error.ts'

export type ClientName =
  | 'cache'
  | 'coordination'
  | 'feature-flags'
  | 'kv-store'
  | 'preferences'
  | 'rate-limiter'
  | 'secondary-storage'
  | 'session'
  | 'session-cache'

/** The store failed and the client went on without it, as its options say. */
export interface StoreErrorEvent {
  readonly type: 'store_error'
  readonly client: ClientName
  readonly operation: string
  readonly key?: string
  readonly error: CloudflareClientError
}

/** A stored value could not be read as what it should be. It was passed over and not deleted. */
export interface CorruptValueEvent {
  readonly type: 'corrupt_value'
  readonly client: ClientName
  readonly key: string
  readonly reason: string
}

/** A load failed, and an older value stands in where a reader waits. */
export interface LoadErrorEvent {
  readonly type: 'load_error'
  readonly client: ClientName
  readonly key: string
  /** What the loader threw. */
  readonly error: unknown
}

/** A limit was asked for that its backend can hardly keep. Told once for each. */
export interface WeakLimitEvent {
  readonly type: 'weak_limit'
  readonly client: ClientName
  readonly limit: number
  readonly windowSeconds: number
  readonly reason: string
}

/** A session was deleted from KV only, because nobody said whose it is. Other locations may accept it for a minute or more. */
export interface UnconfirmedDeleteEvent {
  readonly type: 'unconfirmed_delete'
  readonly client: ClientName
  readonly key: string
}

/** What a client did that its return value does not show. Keys in it hold no secret, because keys never do. */
export type ClientEvent =
  StoreErrorEvent | CorruptValueEvent | LoadErrorEvent | WeakLimitEvent | UnconfirmedDeleteEvent

export type EventReporter = (event: ClientEvent) => void

interface LoggedError {
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: { readonly message?: unknown } | null
}

/** Of an error only what is named here: others may hold what belongs in no log. */
function logEvent(event: ClientEvent): void {
  const { error } = event as { readonly error?: LoggedError | null }
  const named = error && { code: error.code, message: error.message, cause: error.cause?.message }
  console.warn(JSON.stringify({ event: event.type, ...event, error: named }))
}

/**
 * Makes a reporter that cannot fail: an observer that throws must not turn a served request into a failed one.
 *
 * @param report The caller's reporter, or an observer of anything else. Default: one JSON line per event on `console.warn`.
 */
export function createReporter<T = ClientEvent>(
  // Only a reporter of events leaves it out.
  report: (event: T) => void = logEvent as (event: T) => void,
): (event: T) => void {
  return (event) => {
    try {
      report(event)
    } catch (error) {
      console.error('An observer threw', error)
    }
  }
}
