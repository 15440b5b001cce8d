import { raceTimer, timedOut, type Timers } from '../shared/timers.ts'
import { KVError } from './kv-error.ts'

/** @throws {KVError} When KV does not answer in time. */
export async function readInTime<T>(
  read: Promise<T>,
  { delayMs, timers }: { readonly delayMs: number; readonly timers: Timers },
): Promise<T> {
  const answer = await raceTimer(read, { delayMs, timers })
  if (answer !== timedOut) return answer
  throw new KVError('Cannot read in KV: it took too long', {
    code: 'unavailable',
    operation: 'read',
    retryable: true,
  })
}
