interface Counter {
  value: number
  expiresAtMs: number
}

/** The commands of Redis that the simulated scripts use, on counters. Each is counted. */
export class RedisCommands {
  readonly #counters = new Map<string, Counter>()
  readonly #now: () => number
  readonly #onCommand: () => void

  constructor(now: () => number, onCommand: () => void) {
    this.#now = now
    this.#onCommand = onCommand
  }

  get(key: string): number | null {
    return this.#find(key)?.value ?? null
  }

  incrementBy(key: string, increment: number): number {
    const counter = this.#find(key) ?? { value: 0, expiresAtMs: Infinity }
    counter.value += increment
    this.#counters.set(key, counter)
    return counter.value
  }

  expire(key: string, ttlMs: number): void {
    const counter = this.#find(key)
    if (counter) counter.expiresAtMs = this.#now() + ttlMs
  }

  #find(key: string): Counter | undefined {
    this.#onCommand()
    const counter = this.#counters.get(key)
    if (counter === undefined || counter.expiresAtMs > this.#now()) return counter
    this.#counters.delete(key)
    return undefined
  }
}
