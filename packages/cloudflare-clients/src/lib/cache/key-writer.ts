import { kvLimits } from '../kv/kv-limits.ts'
import { type KVError, type KVOperationName, toKVError } from '../kv/kv-error.ts'
import { sleep, type Timers } from '../shared/timers.ts'

/** A little over the second in which KV refuses another write to the key. */
const spacingMs = 1000 / kvLimits.maxWritesPerSecondPerKey + 100
/** How long a write may be under way before the next one no longer waits for it: its request may have died. */
const maxWriteMs = 5000

interface KeyState {
  /** The write that was asked for last: every older one that still waits gives way to it. */
  latest: object
  /** When the next write may start, in epoch ms. */
  nextAtMs: number
}

export interface KeyWriteTries {
  /** Whether the first attempt is made at once: an invalidation rather meets a 429 than waits. */
  readonly isUrgent?: boolean
  /** Default 4. */
  readonly maxAttempts?: number
  /** Told each time when the write has to wait. */
  readonly onWait?: (() => void) | undefined
}

interface KeyWriteOptions extends KeyWriteTries {
  readonly operation: KVOperationName
}

export interface KeyWriterOptions {
  readonly now: () => number
  readonly timers: Timers
}

/**
 * Sends an isolate's writes so that KV takes them: at most one a second for a key, the last one wins, and what KV
 * refuses with a 429 (because another isolate wrote the key) is tried again.
 *
 * Every write waits with a timer of its own request, so that none depends on another request's living on.
 */
export class KeyWriter {
  readonly #options: KeyWriterOptions
  readonly #states = new Map<string, KeyState>()

  constructor(options: KeyWriterOptions) {
    this.#options = options
  }

  /** Whether a write to the key would have to wait now. */
  isSpaced(key: string): boolean {
    return (this.#states.get(key)?.nextAtMs ?? 0) > this.#options.now()
  }

  /**
   * @returns Whether it was sent. It was not when a newer write to the key took its place.
   * @throws {KVError} When KV fails, or answers 429 each time.
   */
  async write(
    key: string,
    send: () => Promise<void>,
    { operation, isUrgent = false, maxAttempts = 4, onWait }: KeyWriteOptions,
  ): Promise<boolean> {
    const { now, timers } = this.#options
    const state = this.#states.get(key) ?? { latest: {}, nextAtMs: 0 }
    const turn = {}
    state.latest = turn
    this.#remember(key, state)
    // The state may have been dropped while the write waited, and a later write have begun another.
    const isLatest = (): boolean => (this.#states.get(key) ?? state).latest === turn
    for (let attempt = 1; ; attempt++) {
      if (!isUrgent || attempt > 1) {
        for (let waitMs = state.nextAtMs - now(); waitMs > 0; waitMs = state.nextAtMs - now()) {
          onWait?.()
          await sleep(Math.min(waitMs, spacingMs), timers)
          if (!isLatest()) return false
        }
        this.#states.set(key, state)
      }
      const error = await this.#attempt(state, send, operation)
      if (error === null) return true
      if (error.code !== 'rate_limited' || attempt === maxAttempts) throw error
      if (!isLatest()) return false
    }
  }

  async #attempt(
    state: KeyState,
    send: () => Promise<void>,
    operation: KVOperationName,
  ): Promise<KVError | null> {
    const { now } = this.#options
    const busyUntilMs = now() + maxWriteMs
    state.nextAtMs = busyUntilMs
    try {
      await send()
      return null
    } catch (error) {
      return toKVError(operation, error)
    } finally {
      // Not where a later write has begun meanwhile.
      if (state.nextAtMs === busyUntilMs) state.nextAtMs = now() + spacingMs
    }
  }

  /** Keeps the states in the order of their last write, and drops those that no longer hold a write back. */
  #remember(key: string, state: KeyState): void {
    this.#states.delete(key)
    this.#states.set(key, state)
    const nowMs = this.#options.now()
    for (const [oldest, { nextAtMs }] of this.#states) {
      if (nextAtMs > nowMs || oldest === key) return
      this.#states.delete(oldest)
    }
  }
}
