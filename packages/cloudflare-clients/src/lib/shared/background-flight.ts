import { SingleFlight, type SingleFlightOptions } from './single-flight.ts'

/** Work that has not ended by then died with its request: `waitUntil` keeps none alive for longer. */
const maxBackgroundMs = 30_000

export interface BackgroundFlightOptions extends SingleFlightOptions {
  readonly now: () => number
  /** Anchors the work, so that it survives when the client whose request began it disconnects. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** Shares work that is long enough to be worth an anchor, each of which costs some microseconds. */
export class BackgroundFlight<T> extends SingleFlight<T> {
  readonly #options: BackgroundFlightOptions
  readonly #beganMs = new WeakMap<Promise<T>, number>()

  constructor(options: BackgroundFlightOptions) {
    super(options)
    this.#options = options
  }

  override run(key: string, work: () => Promise<T>): Promise<T> {
    return super.run(key, () => this.#begin(work))
  }

  /** Starts work that nobody waits for, unless the same is under way. */
  start(key: string, work: () => Promise<T>): void {
    const running = this.flights.get(key)
    const beganMs = (running && this.#beganMs.get(running)) ?? -Infinity
    if (this.#options.now() < beganMs + maxBackgroundMs) return
    this.detach(key)
    this.run(key, work).catch(() => undefined)
  }

  #begin(work: () => Promise<T>): Promise<T> {
    const { now, waitUntil } = this.#options
    const promise = work()
    this.#beganMs.set(promise, now())
    waitUntil?.(promise.catch(() => undefined))
    return promise
  }
}
