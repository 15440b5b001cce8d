import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import { abortable } from './abortable.ts'

const windowMs = 300_000
const defaultRequests = 1200

export interface RequestPacerOptions {
  /**
   * Requests in any 5 minutes, from 2. Half of them may go at once, the other half becomes available evenly over the 5
   * minutes. Default 1,200, which is all that the API takes from a user: give less to what shares the user with others.
   */
  readonly requestsPer5Minutes?: number
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number
  /** Default: the platform's. */
  readonly timers?: Timers
}

interface Turn {
  /** Epoch milliseconds after which a turn is of no use. */
  readonly deadlineAtMs: number
  readonly signal: AbortSignal | undefined
  /** A try after the first one: it has waited for as long as it was told, whatever others were told since. */
  readonly isRepeat: boolean
}

/** Lets the requests of a user go no faster than the API takes them, in the order in which they came. */
export interface RequestPacer {
  /**
   * Waits for a turn.
   *
   * @returns `null` when there is one now, or for how many ms there is none, when that is after the deadline.
   * @throws The reason of the signal.
   */
  take(turn: Turn): Promise<number | null>
  /** Gives no first try a turn before a time, in epoch milliseconds: the API has asked for it. */
  pauseUntil(atMs: number): void
}

/**
 * Creates a pacer, to share one between accounts of the same user or to leave a part of the limit to others. Without
 * it all clients of an account in the process share one.
 *
 * @throws {RangeError} When an option is out of range.
 * @see https://developers.cloudflare.com/fundamentals/api/reference/limits/
 *
 * @example
 * ```ts
 * import { createHttpKVNamespace, createRequestPacer } from '@codex/cloudflare-clients/kv-http'
 *
 * const pacer = createRequestPacer({ requestsPer5Minutes: 300 })
 * const settings = createHttpKVNamespace({ namespaceTitle: 'settings', pacer })
 * const sessions = createHttpKVNamespace({ namespaceTitle: 'sessions', pacer })
 * ```
 */
export function createRequestPacer(options: RequestPacerOptions = {}): RequestPacer {
  return new TokenBucket(options)
}

class TokenBucket implements RequestPacer {
  readonly #now: () => number
  readonly #timers: Timers
  /** Together they are all that can go in 5 minutes. */
  readonly #capacity: number
  readonly #msPerToken: number
  /** Below 0: so many have a turn that is to come. */
  #tokens: number
  #filledAtMs: number
  #pausedUntilMs = -Infinity

  constructor(options: RequestPacerOptions) {
    const { requestsPer5Minutes = defaultRequests, now = Date.now, timers = globalThis } = options
    checkNumber('create a request pacer: requestsPer5Minutes', requestsPer5Minutes, { min: 2 })
    this.#now = now
    this.#timers = timers
    this.#capacity = requestsPer5Minutes / 2
    this.#msPerToken = windowMs / (requestsPer5Minutes - this.#capacity)
    this.#tokens = this.#capacity
    this.#filledAtMs = now()
  }

  async take({ deadlineAtMs, signal, isRepeat }: Turn): Promise<number | null> {
    this.#fill()
    this.#tokens--
    // To the millisecond, or dust of the division would be a wait.
    const turnAtMs = this.#now() + Math.round(Math.max(0, -this.#tokens * this.#msPerToken))
    // Each waits for one pause: what others are told meanwhile would let it wait for ever.
    let mayPause = !isRepeat
    try {
      for (;;) {
        signal?.throwIfAborted()
        const nowMs = this.#now()
        const isPaused = mayPause && this.#pausedUntilMs > nowMs
        if (isPaused) mayPause = false
        const waitMs = Math.max(turnAtMs, isPaused ? this.#pausedUntilMs : 0) - nowMs
        if (waitMs <= 0) return null
        if (nowMs + waitMs > deadlineAtMs) {
          this.#tokens++
          return waitMs
        }
        await this.#wait(waitMs, signal)
      }
    } catch (error) {
      this.#tokens++
      throw error
    }
  }

  pauseUntil(atMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, atMs)
  }

  #fill(): void {
    const nowMs = this.#now()
    const gained = Math.max(0, nowMs - this.#filledAtMs) / this.#msPerToken
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained)
    this.#filledAtMs = nowMs
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return abortable(signal, (resolve) => {
      const timer = this.#timers.setTimeout(resolve, ms)
      return () => {
        this.#timers.clearTimeout(timer)
      }
    })
  }
}

/**
 * The pacers of this process by account. State of the module on purpose: the limit counts the whole process, whoever
 * built the client.
 */
const processPacers = new Map<string, RequestPacer>()

export function getProcessPacer(accountId: string): RequestPacer {
  const known = processPacers.get(accountId)
  if (known !== undefined) return known
  const pacer = createRequestPacer()
  processPacers.set(accountId, pacer)
  return pacer
}
