import type { Timers } from '../shared/timers.ts'
import { callObject } from './call-object.ts'
import type { CoordinationCalls, SharedResult } from './coordination-calls.ts'
import { CoordinationError } from './coordination-error.ts'

/** A lock or a permit that is held. */
export interface Held {
  /**
   * Above every token that was given out under this name before. Send it along with each write that is to be protected, and
   * have the store refuse a write with a lower one than it has seen.
   */
  readonly fencingToken: number
  /** Until when it is held, in epoch ms of this isolate's clock. Moves when it is renewed. */
  readonly expiresAtMs: number
  /** Aborts when it is lost, with a `CoordinationError` as reason: not renewed in time, or refused. Not when it is released. */
  readonly signal: AbortSignal
  /**
   * Holds it for its `ttlMs` from now on.
   *
   * @returns Whether it is held. `false` is final.
   * @throws {CoordinationError} When the object cannot be asked. It is held until `expiresAtMs` all the same.
   */
  renew(): Promise<boolean>
  /**
   * Gives it back. More than once is the same as once.
   *
   * @returns Whether it was still held. `false`: somebody else may have held it meanwhile.
   * @throws {CoordinationError} When the object cannot be asked. Then it ends with its TTL.
   */
  release(): Promise<boolean>
}

interface HeldPermitContext {
  readonly now: () => number
  readonly timers: Timers
  readonly timeoutMs: number
  /** Told of a renewal in the background that failed. */
  readonly report: (error: unknown) => void
}

interface GrantedPermit {
  /** Gives a new stub each time: one that failed stays broken. */
  readonly object: () => CoordinationCalls
  /** What the holder has, in the words of an error: `the lock`. */
  readonly what: string
  readonly id: string
  readonly ttlMs: number
  readonly fencingToken: number
  readonly sentAtMs: number
  readonly expiresInMs: number
}

/** For a clock that runs slower than the object's, or stands still while nothing is waited for. */
const guardMs = 20

/**
 * The holder's side of a permit. It ends here before it ends at the object: its time is counted from when it was asked for,
 * on this clock alone, so that it does not matter how far two clocks are apart.
 */
export class HeldPermit implements Held {
  readonly fencingToken: number
  readonly #permit: GrantedPermit
  readonly #context: HeldPermitContext
  readonly #controller = new AbortController()
  #expiresAtMs: number
  #expiryTimer: unknown
  #renewalTimer: unknown
  #released: Promise<boolean> | undefined

  constructor(permit: GrantedPermit, context: HeldPermitContext) {
    this.#permit = permit
    this.#context = context
    this.fencingToken = permit.fencingToken
    this.#expiresAtMs = permit.sentAtMs + permit.expiresInMs - guardMs
    this.#watchExpiry()
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether it is held, as far as is known here. Aborts the signal when it finds that its time is over. */
  checkHeld(): boolean {
    if (this.#released !== undefined || this.signal.aborted) return false
    if (this.#context.now() < this.#expiresAtMs) return true
    this.#lose()
    return false
  }

  async renew(): Promise<boolean> {
    if (!this.checkHeld()) return false
    const { object, id, ttlMs } = this.#permit
    const { now, timeoutMs } = this.#context
    const sentAtMs = now()
    const expiresInMs = await this.#call(
      'renew',
      () => object().renew({ id, ttlMs }),
      // A call that hangs is to leave time for another.
      Math.min(timeoutMs, Math.ceil(ttlMs / 3)),
    )
    if (!this.checkHeld()) return false
    if (expiresInMs === null) {
      this.#lose()
      return false
    }
    this.#expiresAtMs = Math.max(this.#expiresAtMs, sentAtMs + expiresInMs - guardMs)
    return true
  }

  release(): Promise<boolean> {
    this.#released ??= this.#release()
    return this.#released
  }

  /** Ends it with a result for everybody. @returns Whether it was still held. */
  async settle(result: SharedResult, resultTtlMs: number): Promise<boolean> {
    if (!this.checkHeld()) return false
    const { object, id } = this.#permit
    const settled = await this.#call('settle', () => object().settle({ id, result, resultTtlMs }))
    if (!settled) return false
    this.#clearTimers()
    this.#released ??= Promise.resolve(true)
    return true
  }

  /** Renews it in the background until it ends: after a third of its TTL, and sooner after a call that failed. */
  keep(delayMs = this.#permit.ttlMs / 3): void {
    const { timers } = this.#context
    this.#renewalTimer = timers.setTimeout(() => {
      void this.#renewAndKeep()
    }, delayMs)
  }

  lostError(): CoordinationError {
    return new CoordinationError(`Cannot go on with ${this.#permit.what}: it is held no more`, {
      code: 'lost',
      operation: 'hold',
    })
  }

  async #release(): Promise<boolean> {
    const wasHeld = this.checkHeld()
    this.#clearTimers()
    const { object, id } = this.#permit
    const released = await this.#call('release', () => object().release(id))
    return released && wasHeld
  }

  async #renewAndKeep(): Promise<void> {
    try {
      if (await this.renew()) this.keep()
    } catch (error) {
      this.#context.report(error)
      if (this.checkHeld()) this.keep(this.#permit.ttlMs / 6)
    }
  }

  #call<T>(
    operation: string,
    call: () => Promise<T>,
    timeoutMs = this.#context.timeoutMs,
  ): Promise<T> {
    const { timers } = this.#context
    return callObject(`${operation} ${this.#permit.what}`, call, { timeoutMs, timers })
  }

  #watchExpiry(): void {
    const { now, timers } = this.#context
    const onTime = (): void => {
      if (this.checkHeld()) this.#watchExpiry()
    }
    this.#expiryTimer = timers.setTimeout(onTime, Math.max(1, this.#expiresAtMs - now()))
  }

  #lose(): void {
    this.#clearTimers()
    this.#controller.abort(this.lostError())
  }

  #clearTimers(): void {
    const { timers } = this.#context
    timers.clearTimeout(this.#expiryTimer)
    timers.clearTimeout(this.#renewalTimer)
  }
}
