import { CloudflareClientError } from '../shared/client-error.ts'
import type { EventReporter } from '../shared/client-event.ts'
import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'

export interface OutageGuardOptions {
  readonly now: () => number
  readonly timers: Timers
  readonly random: () => number
  readonly deadlineMs: number
  readonly maxFailures: number
  readonly cooldownMs: number
  readonly report: EventReporter
}

export interface OutageGuard {
  /** How long until the backend is asked again. `0`: the next call asks it. */
  retryAfterMs(): number
  /** @returns The answer, or `undefined` when there is none in time. */
  ask<T>(call: () => Promise<T>, key: string): Promise<T | undefined>
}

/**
 * Asks a backend that may be away: not for longer than a deadline, and not at all for a while after it failed too often
 * in a row. Then one call probes it, while the others go on without.
 *
 * Nothing is tried again: the runtime retries calls of Durable Objects itself, and an overloaded one must not be.
 */
export function createOutageGuard({
  now,
  timers,
  random,
  deadlineMs,
  maxFailures,
  cooldownMs,
  report,
}: OutageGuardOptions): OutageGuard {
  let failures = 0
  let closedUntilMs = 0

  const close = (): void => {
    // Isolates that saw the same outage do not all come back at once.
    closedUntilMs = now() + cooldownMs * (1 + random() / 2)
  }
  const retryAfterMs = (): number =>
    failures >= maxFailures ? Math.max(0, closedUntilMs - now()) : 0

  return {
    retryAfterMs,

    async ask(call, key) {
      if (retryAfterMs() > 0) return undefined
      // While this call probes, the others still keep away.
      close()
      try {
        const answer = await raceTimer(call(), { delayMs: deadlineMs, timers })
        if (answer === timedOut) throw new Error(`No answer within ${deadlineMs} ms`)
        failures = 0
        return answer
      } catch (cause) {
        // A caller's mistake is no outage.
        if (cause instanceof TypeError || cause instanceof RangeError) throw cause
        failures++
        close()
        const operation = 'check'
        const error = new CloudflareClientError('Cannot check rate limit: backend unavailable', {
          code: 'unavailable',
          cause,
          operation,
          retryable: true,
        })
        report({ type: 'store_error', client: 'rate-limiter', operation, key, error })
        return undefined
      }
    },
  }
}
