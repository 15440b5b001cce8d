import type { Timers } from '@codex/cloudflare-clients'

export interface DeadlineOptions {
  readonly timeoutMs: number
  readonly timers: Timers
  readonly signal: AbortSignal | undefined
}

/**
 * Runs something that takes a signal, and stops waiting for it when its time is over or the caller gives up, whether it heeds the signal or
 * not. What it gives then reaches nobody.
 *
 * @throws What it throws, or what `signal` was aborted with; where its time is over, `timedOut` is what it resolves to.
 */
export async function withDeadline<T>(
  run: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, timers, signal }: DeadlineOptions,
): Promise<T | typeof timedOut> {
  signal?.throwIfAborted()
  const own = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<typeof timedOut>()
  const timer = timers.setTimeout(() => {
    resolve(timedOut)
    own.abort(new DOMException('The time is over', 'TimeoutError'))
  }, timeoutMs)
  const giveUp = (): void => {
    reject(signal?.reason as Error)
    own.abort(signal?.reason)
  }
  signal?.addEventListener('abort', giveUp)
  try {
    return await Promise.race([run(own.signal), promise])
  } finally {
    timers.clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** What comes where the time is over. */
export const timedOut: unique symbol = Symbol('timed out')
