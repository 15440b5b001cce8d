/** The timers that a client waits with: the global ones, or those of a virtual clock. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** What {@link raceTimer} gives when the timer was first. */
export const timedOut = Symbol('timed out')

/**
 * Waits for a promise, but not for longer than a timer of the caller's own request.
 *
 * A promise of another request never settles once that request's client has disconnected, and a request that waits
 * for nothing of its own is ended by the runtime as hung. The timer is what makes such a wait safe.
 */
export function raceTimer<T>(
  promise: Promise<T>,
  { delayMs, timers }: { readonly delayMs: number; readonly timers: Timers },
): Promise<T | typeof timedOut> {
  if (delayMs === Infinity) return promise
  return new Promise((resolve, reject) => {
    const timer = timers.setTimeout(() => {
      resolve(timedOut)
    }, delayMs)
    void promise.then(resolve, reject).finally(() => {
      timers.clearTimeout(timer)
    })
  })
}

export function sleep(delayMs: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    timers.setTimeout(resolve, delayMs)
  })
}
