import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { CoordinationError } from './coordination-error.ts'

interface CallOptions {
  readonly timeoutMs: number
  readonly timers: Timers
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks an object, and waits for its answer with a timer of the caller's own request.
 *
 * @throws {CoordinationError} When it fails or does not answer in time.
 * @throws The signal's reason, when that is first.
 */
export async function callObject<T>(
  operation: string,
  call: () => Promise<T>,
  { timeoutMs, timers, signal }: CallOptions,
): Promise<T> {
  let reply: T | typeof timedOut
  try {
    reply = await raceTimer(raceSignal(call(), signal), { delayMs: timeoutMs, timers })
  } catch (cause) {
    signal?.throwIfAborted()
    const isOverloaded = (cause as { readonly overloaded?: unknown } | null)?.overloaded === true
    const code = isOverloaded ? 'overloaded' : 'unavailable'
    const message = `Cannot ${operation}: the object is ${code}`
    throw new CoordinationError(message, { code, operation, cause })
  }
  if (reply !== timedOut) return reply
  throw new CoordinationError(`Cannot ${operation}: the object did not answer in ${timeoutMs} ms`, {
    code: 'no_answer',
    operation,
  })
}

function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new Error('aborted'))
    }
    signal.addEventListener('abort', abort, { once: true })
    const settle =
      <V>(to: (value: V) => void) =>
      (value: V): void => {
        signal.removeEventListener('abort', abort)
        to(value)
      }
    promise.then(settle(resolve), settle(reject))
  })
}
