import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { SessionError } from './session-error.ts'

export interface AuthorityWait {
  readonly timeoutMs: number
  readonly timers: Timers
  /** What is asked about, for the message. Default `session`. */
  readonly what?: string
}

/**
 * Asks an authority once, and waits for its answer with a timer of the caller's own request.
 *
 * @throws {SessionError} When it fails or does not answer in time.
 */
export async function callAuthority<T>(
  operation: string,
  call: () => T | Promise<T>,
  { timeoutMs, timers, what = 'session' }: AuthorityWait,
): Promise<T> {
  let reply: T | typeof timedOut
  try {
    reply = await raceTimer(Promise.resolve(call()), { delayMs: timeoutMs, timers })
  } catch (cause) {
    if (cause instanceof SessionError) throw cause
    const isOverloaded = (cause as { readonly overloaded?: unknown } | null)?.overloaded === true
    const code = isOverloaded ? 'overloaded' : 'unavailable'
    throw new SessionError(`Cannot ${operation} ${what}: its Durable Object is ${code}`, {
      code,
      operation,
      cause,
    })
  }
  if (reply !== timedOut) return reply
  throw new SessionError(
    `Cannot ${operation} ${what}: its Durable Object did not answer in ${timeoutMs} ms`,
    { code: 'no_answer', operation },
  )
}
