/** Something an operator should know about although the caller got its answer. */
export interface ServiceEvent {
  readonly type: 'cache_invalidation_failed'
  /** The cache keys that may be served as they were until they end. */
  readonly keys: readonly string[]
  readonly error: unknown
}

export type ServiceEventReporter = (event: ServiceEvent) => void

/** The default reporter: one line of JSON on the console, so that a failure is never silent. */
export function logServiceEvent(event: ServiceEvent): void {
  const error = event.error instanceof Error ? event.error.message : String(event.error)
  console.error(JSON.stringify({ event: event.type, keys: event.keys, error }))
}
