import { createNextTurn, createRealSleep } from './next-turn.ts'
import { type Timer, TimerHeap } from './timer-heap.ts'

export interface VirtualClockOptions {
  /** Where the clock starts, in epoch milliseconds. Default 1,700,000,000,000 (2023-11-14T22:13:20Z). */
  readonly startMs?: number
  /**
   * Macrotask turns that code gets to finish its work before the clock moves to the next timer. Default 1, which is
   * enough for promises. Raise it where code under test does real asynchronous work, such as `CompressionStream` or
   * `crypto.subtle` in Node.
   */
  readonly turnsPerStep?: number
  /**
   * Real milliseconds that `run` waits for work that has no timer left, before it says that the work hangs. Default
   * 1,000.
   */
  readonly hangAfterMs?: number
}

/** A clock that moves only when a test says so, with the timers that belong to it. Every method works detached. */
export interface VirtualClock {
  /** The time in epoch milliseconds. Pass it as a `now` option. */
  readonly now: () => number
  /** Calls back once, `delayMs` of virtual time from now. */
  readonly setTimeout: <Args extends unknown[]>(
    callback: (...args: Args) => void,
    delayMs?: number,
    ...args: Args
  ) => number
  /** Takes anything, as the platform's own does, and does nothing for what is no timer that waits. */
  readonly clearTimeout: (id: unknown) => void
  /** Resolves when `ms` of virtual time have passed. */
  readonly sleep: (ms: number) => Promise<void>
  /**
   * Moves time forward and runs every timer that comes due, in order, each with all that follows from it before the
   * next. Inside the work of `run` it is the same as `sleep`.
   */
  readonly advance: (ms: number) => Promise<void>
  /**
   * Runs work and moves time to the next timer whenever nothing else is left to do, until the work settles.
   *
   * @throws What the work throws, and an `Error` when it waits for something that no timer brings.
   */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

const defaultStartMs = 1_700_000_000_000

interface PendingRun {
  readonly fail: (error: unknown) => void
}

/**
 * Creates a clock for tests: minutes of timers pass in milliseconds, in the same order each time.
 *
 * @throws {RangeError} When an option is out of range.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from '@codex/cloudflare-clients/testing'
 *
 * const clock = createVirtualClock()
 * const startedMs = clock.now()
 * await clock.run(async () => {
 *   await Promise.all([clock.sleep(60_000), clock.sleep(3_600_000)])
 * })
 * clock.now() - startedMs // 3600000, at once
 * ```
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const clock = new TimerClock(options)
  return {
    now: () => clock.nowMs,
    setTimeout: (callback, delayMs = 0, ...args) =>
      clock.setTimer(() => {
        callback(...args)
      }, delayMs),
    clearTimeout: (id) => {
      if (typeof id === 'number') clock.timers.cancel(id)
    },
    sleep: (ms) => clock.sleep(ms),
    advance: (ms) => clock.advance(ms),
    run: (work) => clock.run(work),
  }
}

class TimerClock {
  readonly timers = new TimerHeap()
  readonly #nextTurn = createNextTurn()
  readonly #realSleep = createRealSleep()
  readonly #turnsPerStep: number
  readonly #hangAfterMs: number
  readonly #runs = new Set<PendingRun>()
  #nowMs: number
  #lastId = 0
  #isDriving = false

  constructor(options: VirtualClockOptions) {
    const { startMs = defaultStartMs, turnsPerStep = 1, hangAfterMs = 1000 } = options
    assertFinite('create a virtual clock', 'startMs', startMs)
    if (!(Number.isInteger(turnsPerStep) && turnsPerStep >= 1)) {
      throw new RangeError(
        `Cannot create a virtual clock: turnsPerStep must be a whole number of at least 1, received ${turnsPerStep}`,
      )
    }
    if (!(hangAfterMs >= 0)) {
      throw new RangeError(
        `Cannot create a virtual clock: hangAfterMs must be at least 0, received ${hangAfterMs}`,
      )
    }
    this.#nowMs = startMs
    this.#turnsPerStep = turnsPerStep
    this.#hangAfterMs = hangAfterMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  setTimer(run: () => void, delayMs: number): number {
    assertFinite('set a timer', 'delayMs', delayMs)
    const id = ++this.#lastId
    this.timers.add({ id, dueMs: this.#nowMs + Math.max(0, delayMs), run })
    return id
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(resolve, ms)
    })
  }

  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && Number.isFinite(ms))) {
      throw new RangeError(`Cannot advance the clock: ms must be at least 0, received ${ms}`)
    }
    // Not whether somebody drives: the drive for work that has just settled is about to end.
    if (this.#runs.size > 0) return this.sleep(ms)
    const untilMs = this.#nowMs + ms
    await this.#settle()
    for (let next = this.timers.peek(); next && next.dueMs <= untilMs; next = this.timers.peek()) {
      this.#fire(next)
      await this.#settle()
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: PendingRun = {
        fail: (error) => {
          this.#runs.delete(pending)
          // The caller's error as it came: it need not be an Error.
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          reject(error)
        },
      }
      this.#runs.add(pending)
      startWork(work).then((value) => {
        this.#runs.delete(pending)
        resolve(value)
      }, pending.fail)
      if (!this.#isDriving) void this.#drive()
    })
  }

  /** One loop for all runs there are: two would both move the clock. */
  async #drive(): Promise<void> {
    this.#isDriving = true
    try {
      await this.#settle()
      while (this.#runs.size > 0) {
        const next = this.timers.peek() ?? (await this.#waitForTimer())
        if (this.#runs.size === 0) break
        if (next === undefined) {
          throw new Error(
            'Cannot run work to its end: it has not settled and no timer is left. It waits for something that nothing on this clock brings, such as a promise that nobody settles or a timer of another clock.',
          )
        }
        this.#fire(next)
        await this.#settle()
      }
    } catch (error) {
      for (const pending of [...this.#runs]) pending.fail(error)
    } finally {
      this.#isDriving = false
    }
  }

  /** Gives work that is really asynchronous its time. */
  async #waitForTimer(): Promise<Timer | undefined> {
    let pauseMs = 0
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      const next = this.timers.peek()
      if (next !== undefined || this.#runs.size === 0 || waitedMs > this.#hangAfterMs) return next
      await this.#realSleep(pauseMs)
      pauseMs = Math.min(pauseMs * 2 + 1, 50)
    }
  }

  #fire(timer: Timer): void {
    this.timers.take()
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.run()
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < this.#turnsPerStep; turn++) await this.#nextTurn()
  }
}

/** Work that throws before its first `await` fails as any other. */
async function startWork<T>(work: () => Promise<T>): Promise<T> {
  return work()
}

function assertFinite(action: string, name: string, value: number): void {
  if (Number.isFinite(value)) return
  throw new RangeError(`Cannot ${action}: ${name} must be a finite number, received ${value}`)
}
