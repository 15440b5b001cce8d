/** What a limiter asked of its backend: of a Durable Object or a Redis. KV has a bill of its own. */
export class BackendUsage {
  requests = 0
  rowsWritten = 0
  redisCommands = 0
  readonly #now: () => number
  readonly #perSecond = new Map<number, number>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** A call of a Durable Object, an alarm of one, or a call of a Redis. */
  countRequest(): void {
    this.requests++
    const second = Math.floor(this.#now() / 1000)
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1)
  }

  get mostRequestsInSecond(): number {
    return Math.max(0, ...this.#perSecond.values())
  }
}
