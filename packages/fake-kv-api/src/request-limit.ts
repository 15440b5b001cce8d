import { ApiFailure } from './api-answer.ts'

const windowMs = 300_000

/** The account's limit. Who exceeds it is refused everything for the next 5 minutes. */
export class RequestLimit {
  readonly #requests: number
  readonly #now: () => number
  #times: number[] = []
  #blockedUntilMs = -Infinity

  constructor(requests: number, now: () => number) {
    this.#requests = requests
    this.#now = now
  }

  take(): ApiFailure | null {
    const nowMs = this.#now()
    this.#times = this.#times.filter((timeMs) => timeMs > nowMs - windowMs)
    if (nowMs >= this.#blockedUntilMs && this.#times.length < this.#requests) {
      if (this.#requests !== Infinity) this.#times.push(nowMs)
      return null
    }
    if (nowMs >= this.#blockedUntilMs) this.#blockedUntilMs = nowMs + windowMs
    const seconds = Math.ceil((this.#blockedUntilMs - nowMs) / 1000)
    const error = {
      code: 971,
      message: 'Please wait and consider throttling your request speed',
    }
    const headers = { ...this.headers, 'retry-after': String(seconds) }
    return new ApiFailure(429, error, { headers })
  }

  get headers(): Readonly<Record<string, string>> {
    if (this.#requests === Infinity) return {}
    return {
      'x-ratelimit-limit': String(this.#requests),
      'x-ratelimit-remaining': String(Math.max(0, this.#requests - this.#times.length)),
      'x-ratelimit-reset': String(Math.ceil((this.#now() + windowMs) / 1000)),
    }
  }
}
