import type { CloudflareClientError } from './client-error.ts'

export type ClientName = 'cache' | 'kv-store' | 'rate-limiter' | 'session-cache'

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

/** What a client did that its return value does not show. Keys in it hold no secret, because keys never do. */
export type ClientEvent = StoreErrorEvent | CorruptValueEvent | LoadErrorEvent

export type EventReporter = (event: ClientEvent) => void

function logEvent(event: ClientEvent): void {
  const error =
    'error' in event
      ? describeError(Object(event.error) as Partial<CloudflareClientError>)
      : undefined
  console.warn(JSON.stringify({ event: event.type, ...event, error }))
}

function describeError({ code, message, cause }: Partial<CloudflareClientError>): object {
  return { code, message, cause: cause instanceof Error ? cause.message : undefined }
}

/**
 * Makes a reporter that cannot fail: an observer that throws must not turn a served request into a failed one.
 *
 * @param report The caller's reporter. Default: one JSON line per event on `console.warn`.
 */
export function createReporter(report: EventReporter = logEvent): EventReporter {
  return (event) => {
    try {
      report(event)
    } catch (error) {
      console.error('The onEvent option threw', error)
    }
  }
}
