import { raceTimer, timedOut, type Timers } from './timers.ts'

interface Flight<T> {
  readonly promise: Promise<T>
  readonly beganMs: number
}

/** A background flight that has not ended by then died with its request: `waitUntil` keeps none alive for longer. */
const maxBackgroundMs = 30_000

export interface SingleFlightOptions {
  readonly now: () => number
  /** How long a follower waits for the leader before it takes over. Twice as long each further time. */
  readonly takeoverMs: number
  readonly timers: Timers
}

/**
 * Lets callers who want the same at the same time share one piece of work, across the requests of an isolate.
 *
 * The first caller leads. Its work may be anchored with `waitUntil`, so that it survives its client's disconnecting. The
 * others follow, each with a timer in its own request, and the first whose timer ends takes over, because work that
 * died with its request settles for nobody. A flight is cleared by identity: a leader that comes late does not clear
 * its successor's.
 */
export class SingleFlight<T> {
  readonly #options: SingleFlightOptions
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #flights = new Map<string, Flight<T>>()

  /** @param waitUntil Given where the work is long enough to be worth an anchor: each costs some microseconds. */
  constructor(options: SingleFlightOptions, waitUntil?: (work: Promise<unknown>) => void) {
    this.#options = options
    this.#waitUntil = waitUntil
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    return this.#flights.has(key) ? this.#follow(key, work) : this.#lead(key, work)
  }

  /** Starts work that nobody waits for, unless the same is under way. */
  start(key: string, work: () => Promise<T>): void {
    const running = this.#flights.get(key)
    if (running !== undefined && this.#options.now() < running.beganMs + maxBackgroundMs) return
    void this.#lead(key, work)
  }

  /** Callers from now on start anew; those who wait go on waiting for what they joined. */
  detach(key: string): void {
    this.#flights.delete(key)
  }

  detachAll(): void {
    this.#flights.clear()
  }

  async #follow(key: string, work: () => Promise<T>): Promise<T> {
    const { takeoverMs, timers } = this.#options
    for (let delayMs = takeoverMs; ; delayMs *= 2) {
      const running = this.#flights.get(key)
      if (running === undefined) return this.#lead(key, work)
      const result = await raceTimer(running.promise, { delayMs, timers })
      if (result !== timedOut) return result
      this.#clear(key, running)
    }
  }

  #lead(key: string, work: () => Promise<T>): Promise<T> {
    const flight = { promise: work(), beganMs: this.#options.now() }
    this.#flights.set(key, flight)
    const clear = (): void => {
      this.#clear(key, flight)
    }
    const settled = flight.promise.then(clear, clear)
    this.#waitUntil?.(settled)
    return flight.promise
  }

  #clear(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}
