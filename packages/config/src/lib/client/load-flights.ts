import type { Timers } from '@codex/cloudflare-clients'
import { isWithin, raceTimer, timedOut } from './race-timer.ts'

export interface LoadFlightsOptions<R> {
  /** Loads once. It never rejects, and ends within `timeoutMs` while what began it lives. @param order Of attempts: a later one began later. */
  readonly attempt: (order: number) => Promise<R>
  readonly timeoutMs: number
  readonly now: () => number
  readonly timers: Timers
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

interface Flight<R> {
  readonly order: number
  readonly beganMs: number
  readonly promise: Promise<R>
}

/** Loads that callers share, across the requests of an isolate. */
export interface LoadFlights<R> {
  /** Joins the load that is under way, or begins one. */
  join(): Promise<R>
  /** The result of a load that began after this call, which all share who call meanwhile. */
  next(): Promise<R>
  /** Whether one is under way, and no longer than it may be. */
  isFlying(): boolean
  /** When the last one began. `-Infinity`: none did. */
  beganMs(): number
}

/**
 * Keeps to one load at a time.
 *
 * Who begins it leads, and `waitUntil` keeps the load alive when the leader's client goes away. The others follow, each with a timer in its own
 * request: where nothing keeps it alive a load dies with its request and settles for nobody, and the first whose timer ends takes over. So two
 * loads may be under way at once, and the order in which they began says which of them is the newer one.
 */
export function createLoadFlights<R>(options: LoadFlightsOptions<R>): LoadFlights<R> {
  const { attempt, timeoutMs, now, timers, waitUntil } = options
  let flight: Flight<R> | undefined
  let lastOrder = 0
  let lastBeganMs = -Infinity
  let ended: { readonly order: number; readonly result: R } | undefined

  const lead = (): Promise<R> => {
    const order = ++lastOrder
    lastBeganMs = now()
    const promise = attempt(order).then((result) => {
      if (!ended || ended.order < order) ended = { order, result }
      if (flight === own) flight = undefined
      return result
    })
    const own = (flight = { order, beganMs: lastBeganMs, promise })
    waitUntil?.(promise)
    return promise
  }

  const isFlying = (): boolean => flight !== undefined && isWithin(now(), flight.beganMs, timeoutMs)

  /** @param order What began later than this will do. */
  const after = async (order: number): Promise<R> => {
    for (;;) {
      if (ended && ended.order > order) return ended.result
      const shared = flight
      if (!shared || !isFlying()) return lead()
      const result = await raceTimer(shared.promise, { delayMs: timeoutMs / 2, timers })
      if (result === timedOut) {
        // Of those who waited, another may have been first to take over.
        if (flight === shared) return lead()
      } else if (shared.order > order) return result
    }
  }

  return {
    join: () => after(flight ? flight.order - 1 : lastOrder),
    next: () => after(lastOrder),
    isFlying,
    beganMs: () => lastBeganMs,
  }
}
