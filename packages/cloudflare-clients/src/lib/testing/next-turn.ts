/** The parts of the platform that wait for a macrotask, which not every runner has all of. */
interface TurnPlatform {
  readonly setImmediate?: (callback: () => void) => unknown
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: ((event: never) => unknown) | null }
    readonly port2: { postMessage(message: unknown): void }
  }
  readonly Response: new (body: string) => { text(): Promise<string> }
  readonly navigator?: { readonly userAgent?: string }
  setTimeout(callback: () => void, delayMs: number): unknown
}

/** How many cheap turns workerd gets before one that lets its I/O and real timers go on too. */
const cheapTurns = 250

/**
 * Makes a function that resolves in the next macrotask, when every microtask there is has run.
 *
 * It takes what is fastest where it runs: `setImmediate` in Node and the like, a `MessageChannel` in browsers. In
 * workerd a timer of any kind takes a millisecond and messages come within a microtask, but reading a body takes one
 * turn of its event loop. What a runner's fake timers replace later is not used.
 */
export function createNextTurn(platform: TurnPlatform = globalThis): () => Promise<void> {
  const { setImmediate, MessageChannel, Response, setTimeout, navigator } = platform
  const timerTurn = (): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, 0)
    })
  if (navigator?.userAgent === 'Cloudflare-Workers') {
    let turns = 0
    return async () => {
      if (++turns % cheapTurns === 0) await timerTurn()
      else await new Response('-').text()
    }
  }
  if (setImmediate !== undefined) {
    return () =>
      new Promise((resolve) => {
        setImmediate(resolve)
      })
  }
  if (MessageChannel === undefined) return timerTurn
  const waiting: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = (): void => waiting.shift()?.()
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port2.postMessage(null)
    })
}

/** Makes a function that resolves after so many real milliseconds, also while a runner's fake timers are on. */
export function createRealSleep(
  platform: Pick<TurnPlatform, 'setTimeout'> = globalThis,
): (ms: number) => Promise<void> {
  const { setTimeout } = platform
  return (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms)
    })
}
