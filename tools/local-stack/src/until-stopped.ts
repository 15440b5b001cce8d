import { isRunning, launcherProcessIds } from './launchers.ts'

const launcherCheckMs = 500

/**
 * Waits for Ctrl+C, SIGTERM, a closed terminal, or, when started by a package script, the end of the `npx` or `pnpm` that
 * runs it: the shells between them and us do not pass on a signal that ends those.
 */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const launchers = process.env.npm_lifecycle_event === undefined ? [] : launcherProcessIds()
    const timer = setInterval(() => {
      if (!launchers.every(isRunning)) stop()
    }, launcherCheckMs)
    timer.unref()
    function stop(): void {
      clearInterval(timer)
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  })
}
