import type { Timers } from '@codex/cloudflare-clients'
import { raceTimer, timedOut } from '../client/race-timer.ts'

/** Waits for a promise, but not for longer than a timer. @throws {Error} When the timer was first. */
export async function settleWithin<T>(
  promise: Promise<T>,
  { timeoutMs, timers }: { readonly timeoutMs: number; readonly timers: Timers },
): Promise<T> {
  const settled = await raceTimer(promise, { delayMs: timeoutMs, timers })
  if (settled === timedOut) throw new Error(`There was no answer within ${timeoutMs} ms`)
  return settled
}
