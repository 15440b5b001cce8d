/** The parts of the platform that wait for a macrotask, which not every runner has all of. */
interface TurnPlatform {
  readonly setImmediate?: (callback: () => void) => unknown
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: (() => void) | null }
    readonly port2: { postMessage(message: unknown): void }
  }
  readonly navigator?: { readonly userAgent?: string }
  setTimeout(callback: () => void, delayMs: number): unknown
}

/**
 * Makes a function that resolves in the next macrotask, when every microtask there is has run.
 *
 * It takes what is fastest: `setImmediate`, but a `MessageChannel` in workerd, where `setImmediate` takes a
 * millisecond, and in browsers. What a runner's fake timers replace later is not used.
 */
export function createNextTurn(platform: TurnPlatform = globalThis): () => Promise<void> {
  const { setImmediate, MessageChannel, setTimeout } = platform
  const isWorkerd = platform.navigator?.userAgent === 'Cloudflare-Workers'
  if (setImmediate !== undefined && !(isWorkerd && MessageChannel !== undefined)) {
    return () =>
      new Promise((resolve) => {
        setImmediate(resolve)
      })
  }
  if (MessageChannel !== undefined) {
    const waiting: (() => void)[] = []
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = (): void => waiting.shift()?.()
    return () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        port2.postMessage(null)
      })
  }
  return () =>
    new Promise((resolve) => {
      setTimeout(resolve, 0)
    })
}

/** Makes a function that resolves after so many real milliseconds, also while a runner's fake timers are on. */
export function createRealSleep(
  platform: TurnPlatform = globalThis,
): (ms: number) => Promise<void> {
  const { setTimeout } = platform
  return (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
}
