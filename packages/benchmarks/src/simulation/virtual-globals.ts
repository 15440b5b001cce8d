import type { VirtualClock } from '@codex/cloudflare-clients/testing'

/**
 * Runs work on a virtual clock with the globals of time replaced by it, because most libraries take no clock of their
 * own. What nobody catches is counted instead of ending the process: in a Worker it is a line in the log.
 */
export async function runOnVirtualTime<T>(
  clock: VirtualClock,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly unhandledRejections: number }> {
  const real = {
    now: Date.now,
    performanceNow: performance.now,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
  }
  let unhandledRejections = 0
  const onUnhandled = (): void => {
    unhandledRejections++
  }
  process.on('unhandledRejection', onUnhandled)
  try {
    Date.now = clock.now
    performance.now = clock.now
    globalThis.setTimeout = clock.setTimeout as unknown as typeof setTimeout
    globalThis.clearTimeout = clock.clearTimeout
    const result = await clock.run(work)
    return { result, unhandledRejections }
  } finally {
    Date.now = real.now
    performance.now = real.performanceNow
    globalThis.setTimeout = real.setTimeout
    globalThis.clearTimeout = real.clearTimeout
    process.off('unhandledRejection', onUnhandled)
  }
}
