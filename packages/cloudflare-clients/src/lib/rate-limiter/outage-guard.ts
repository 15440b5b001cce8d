import { CloudflareClientError } from '../shared/client-error.ts'
import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'

export interface OutageGuardOptions {
  readonly now: () => number
  readonly timers: Timers
  readonly random: () => number
  readonly deadlineMs: number
  readonly maxFailures: number
  readonly cooldownMs: number
}

/** Why a guarded call has no answer. */
export class LimiterUnavailableError extends CloudflareClientError {
  override readonly name = 'LimiterUnavailableError'
  declare readonly code: 'unavailable' | 'circuit_open'

  constructor(message: string, options: { code: 'unavailable' | 'circuit_open'; cause?: unknown }) {
    super(message, { ...options, operation: 'check', retryable: true })
  }
}

/**
 * Asks a backend that may be away: not for longer than a deadline, and not at all for a while after it failed too often
 * in a row. Then one call probes it, while the others go on without.
 *
 * Nothing is tried again: the runtime retries calls of Durable Objects itself, and an overloaded one must not be.
 */
export class OutageGuard {
  readonly #options: OutageGuardOptions
  #failures = 0
  #closedUntilMs = 0

  constructor(options: OutageGuardOptions) {
    this.#options = options
  }

  /** How long until the backend is asked again. `0`: the next call asks it. */
  get retryAfterMs(): number {
    const isOpen = this.#failures >= this.#options.maxFailures
    return isOpen ? Math.max(0, this.#closedUntilMs - this.#options.now()) : 0
  }

  /** @throws {LimiterUnavailableError} When there is no answer in time. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.retryAfterMs > 0) {
      throw new LimiterUnavailableError('Cannot check rate limit: the limiter failed too often', {
        code: 'circuit_open',
      })
    }
    const { deadlineMs, timers } = this.#options
    // While this call probes, the others still keep away.
    this.#close()
    try {
      const answer = await raceTimer(call(), { delayMs: deadlineMs, timers })
      if (answer === timedOut) throw new Error(`It did not answer within ${deadlineMs} ms`)
      this.#failures = 0
      return answer
    } catch (cause) {
      // A caller's mistake is no outage.
      if (cause instanceof TypeError || cause instanceof RangeError) throw cause
      this.#failures++
      this.#close()
      throw new LimiterUnavailableError('Cannot check rate limit: the limiter is unavailable', {
        code: 'unavailable',
        cause,
      })
    }
  }

  #close(): void {
    const { cooldownMs, now, random } = this.#options
    // Isolates that saw the same outage do not all come back at once.
    this.#closedUntilMs = now() + cooldownMs * (1 + random() / 2)
  }
}
