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
      // A map that becomes empty is made anew by V8, at each hit in KV. An entry that is always there prevents it.
      const flights = new Map<string, Promise<T> | undefined>([['', undefined]])
      kinds.push(flights)
      const join = (key: string, work: () => Promise<T>, delayMs = takeoverMs): Promise<T> => {
        const running = flights.get(key)
        const flight = running ?? work()
        const clear = (): void => {
          if (flights.get(key) === flight) flights.delete(key)
        }
        if (running) {
          return raceTimer(flight, { delayMs, timers }).then((result) => {
            if (result !== timedOut) return result
            clear()
            // Of those who waited for the same, another may have been first to take over.
            return join(key, work, delayMs * 2)
          })
        }
        flights.set(key, flight)
        void flight.then(clear, clear)
        // The work's own promise, because most callers lead and each promise more takes time.
        return flight
      }
      return join
    },

    detach(key) {
      for (const flights of kinds) {
        if (key === undefined) flights.clear()
        else flights.delete(key)
      }
    },
  }
}
