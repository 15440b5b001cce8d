import type { Timers } from '@codex/cloudflare-clients'

/** What {@link raceTimer} gives when the timer was first. */
export const timedOut = Symbol('timed out')

/**
 * Waits for a promise, but not for longer than a timer of the caller's own request.
 *
 * In Workers a promise of another request never settles once that request's client has disconnected, and a request that waits for nothing of
 * its own is ended by the runtime as hung. The timer is what makes such a wait safe.
 */
export function raceTimer<T>(
  promise: Promise<T>,
  { delayMs, timers }: { readonly delayMs: number; readonly timers: Timers },
): Promise<T | typeof timedOut> {
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

/** Either way, because what another request noted may be ahead of this one's clock, which stands still between its I/O. */
export function isWithin(nowMs: number, sinceMs: number, forMs: number): boolean {
  return Math.abs(nowMs - sinceMs) < forMs
}
