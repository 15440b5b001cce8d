import { raceTimer, timedOut, type Timers } from './timers.ts'

export interface SingleFlightOptions {
  /** How long a follower waits for the leader before it takes over. Twice as long each further time. */
  readonly takeoverMs: number
  readonly timers: Timers
}

/** Runs work, or shares what is under way for the key. */
export type Share<T> = (key: string, work: () => Promise<T>) => Promise<T>

export interface SingleFlights {
  /** Makes one more kind of work that callers share. */
  createShare<T>(): Share<T>
  /** Whoever comes from now on shares nothing that began before: for a key, or for all. Who waits goes on waiting. */
  detach(key?: string): void
}

/**
 * Lets callers who want the same at the same time share one piece of work, across the requests of an isolate.
 *
 * The first caller leads. The others follow, each with a timer in its own request, and the first whose timer ends takes
 * over, because work that died with its request settles for nobody. A flight is cleared by identity: a leader that
 * comes late does not clear its successor's.
 */
export function createSingleFlights({ takeoverMs, timers }: SingleFlightOptions): SingleFlights {
  const kinds: Map<string, unknown>[] = []
  return {
    createShare<T>(): Share<T> {
      const flights = new Map<string, Promise<T>>()
      kinds.push(flights)
      return async (key, work) => {
        const clear = (flight: Promise<T>): void => {
          if (flights.get(key) === flight) flights.delete(key)
        }
        let running: Promise<T> | undefined
        // Of those who waited for the same, another may have been first to take over.
        for (let delayMs = takeoverMs; (running = flights.get(key)); delayMs *= 2) {
          const result = await raceTimer(running, { delayMs, timers })
          if (result !== timedOut) return result
          clear(running)
        }
        const flight = work()
        flights.set(key, flight)
        try {
          return await flight
        } finally {
          clear(flight)
        }
      }
    },

    detach(key) {
      for (const flights of kinds) {
        if (key === undefined) flights.clear()
        else flights.delete(key)
      }
    },
  }
}
