import { raceTimer, timedOut, type Timers } from './timers.ts'

export interface SingleFlightOptions {
  /** How long a follower waits for the leader before it takes over. Twice as long each further time. */
  readonly takeoverMs: number
  readonly timers: Timers
}

/**
 * Lets callers who want the same at the same time share one piece of work, across the requests of an isolate.
 *
 * The first caller leads. The others follow, each with a timer in its own request, and the first whose timer ends takes
 * over, because work that died with its request settles for nobody. A flight is cleared by identity: a leader that
 * comes late does not clear its successor's.
 */
export class SingleFlight<T> {
  readonly #options: SingleFlightOptions
  protected readonly flights = new Map<string, Promise<T>>()

  constructor(options: SingleFlightOptions) {
    this.#options = options
  }

  async run(key: string, work: () => Promise<T>): Promise<T> {
    const { flights } = this
    const { takeoverMs, timers } = this.#options
    const clear = (flight: Promise<T>): void => {
      if (flights.get(key) === flight) flights.delete(key)
    }
    let running = flights.get(key)
    for (let delayMs = takeoverMs; running !== undefined; delayMs *= 2) {
      const result = await raceTimer(running, { delayMs, timers })
      if (result !== timedOut) return result
      clear(running)
      // Of those who waited for the same, another may have been first.
      running = flights.get(key)
    }
    const flight = work()
    flights.set(key, flight)
    try {
      return await flight
    } finally {
      clear(flight)
    }
  }

  /** Callers from now on start anew; those who wait go on waiting for what they joined. */
  detach(key: string): void {
    this.flights.delete(key)
  }

  detachAll(): void {
    this.flights.clear()
  }
}
