import type { VirtualClock } from '@codex/cloudflare-clients/testing'

/** A clock whose timers are what Node's are: undici holds, refreshes and forgets them as objects. */
export function withNodeTimers(clock: VirtualClock): VirtualClock {
  const ids = new WeakMap<object, number>()
  const setTimeout = (
    callback: (...args: never[]) => void,
    delayMs?: number,
    ...args: never[]
  ): unknown => {
    const start = (): number => clock.setTimeout(callback, delayMs, ...args)
    const timer = {
      hasRef: () => true,
      ref: () => timer,
      unref: () => timer,
      refresh: () => {
        clock.clearTimeout(ids.get(timer))
        ids.set(timer, start())
        return timer
      },
    }
    ids.set(timer, start())
    return timer
  }
  return {
    ...clock,
    setTimeout: setTimeout as unknown as VirtualClock['setTimeout'],
    clearTimeout: (timer) => {
      const id = typeof timer === 'object' && timer !== null ? ids.get(timer) : timer
      clock.clearTimeout(id)
    },
  }
}
