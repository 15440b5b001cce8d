import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { createR2Error, R2Error } from './r2-error.ts'

export interface AttemptOptions {
  /** From 1. */
  readonly maxAttempts: number
  /** Of one attempt. */
  readonly timeoutMs: number
  readonly timers: Timers
  readonly random: () => number
  readonly signal?: AbortSignal | undefined
  /** Which failures are worth another attempt. Default: those that say so. */
  readonly isRetryable?: (error: R2Error) => boolean
}

const firstDelayMs = 200
const maxDelayMs = 10_000
/** A store that asks for more is asked again at the caller's next call. */
const maxRetryAfterMs = 30_000

/**
 * Makes a call up to `maxAttempts` times, with growing, jittered pauses, or those that the store asks for.
 *
 * @throws What the last attempt threw, or the signal's reason.
 */
export async function attempt<T>(
  operation: string,
  call: (signal: AbortSignal) => Promise<T>,
  options: AttemptOptions,
): Promise<T> {
  const { maxAttempts, timeoutMs, timers, random, signal } = options
  const { isRetryable = (error: R2Error) => error.retryable } = options
  for (let made = 1; ; made++) {
    signal?.throwIfAborted()
    const ending = new AbortController()
    const signals = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal])
    try {
      const answer = await raceTimer(call(signals), { delayMs: timeoutMs, timers })
      if (answer !== timedOut) return answer
      const error = createR2Error(operation, 'timed_out')
      ending.abort(error)
      throw error
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof R2Error) || made >= maxAttempts || !isRetryable(error)) throw error
      const { retryAfterMs } = error
      if (retryAfterMs !== undefined && retryAfterMs > maxRetryAfterMs) throw error
      const backoffMs = Math.min(firstDelayMs * 2 ** (made - 1), maxDelayMs)
      const delayMs = Math.max(retryAfterMs ?? 0, backoffMs * (0.5 + random() / 2))
      await pause(delayMs, { timers, signal })
    }
  }
}

/** Ends early, without an error, when the signal is aborted: the next attempt looks at it. */
async function pause(
  delayMs: number,
  { timers, signal }: Pick<AttemptOptions, 'timers' | 'signal'>,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timers.clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = timers.setTimeout(end, delayMs)
    signal?.addEventListener('abort', end, { once: true })
  })
}
