export interface CircuitBreakerOptions {
  readonly maxFailures: number
  readonly cooldownMs: number
  readonly now: () => number
}

/**
 * Keeps calls from a store that fails: after so many failures in a row it is open, and after the cooldown one call goes through
 * to probe, while the others still do not. A success closes it.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #failures = 0
  #openUntilMs = 0

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
  }

  /** Asks for leave to call: while open, once for each cooldown. */
  allows(): boolean {
    const { maxFailures, cooldownMs, now } = this.#options
    if (this.#failures < maxFailures) return true
    const nowMs = now()
    if (nowMs < this.#openUntilMs) return false
    this.#openUntilMs = nowMs + cooldownMs
    return true
  }

  record(succeeded: boolean): void {
    const { maxFailures, cooldownMs, now } = this.#options
    this.#failures = succeeded ? 0 : this.#failures + 1
    if (this.#failures >= maxFailures) this.#openUntilMs = now() + cooldownMs
  }
}
