import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { checkNumber } from '../shared/check-number.ts'
import type { Timers } from '../shared/timers.ts'
import { callObject } from './call-object.ts'
import type {
  CoordinationCalls,
  CoordinationNamespace,
  PermitReply,
  PermitStatus,
  SharedResult,
} from './coordination-calls.ts'
import { CoordinationError } from './coordination-error.ts'
import {
  assertName,
  assertNamespace,
  checkWhole,
  type CoordinationOptions,
} from './coordination-options.ts'
import { type Held, HeldPermit } from './held-permit.ts'

export interface LockOptions {
  /** After which time it ends when it is not renewed, in ms from 1,000 to 86,400,000. Default 30,000. */
  readonly ttlMs?: number
  /** How long to stand in line where it is held, in ms from 0 to 600,000. Default 0: not at all. */
  readonly waitMs?: number
  /** Stops the waiting, not the work. */
  readonly signal?: AbortSignal
}

export interface PermitOptions extends LockOptions {
  /** How many may be held at once, from 1 to 1,000. Whoever asks says so, and all should say the same. */
  readonly maxConcurrent: number
}

export interface OnceOptions extends LockOptions {
  /** How long to wait for the one that runs, in ms from 0 to 600,000. Default 30,000. */
  readonly waitMs?: number
  /** How long everybody who asks gets its result, in ms from 1,000 to 604,800,000 (7 days). Default 60,000. */
  readonly resultTtlMs?: number
}

/** A name's object: one for each kind, so that a lock and a permit of one name do not meet. */
interface PermitKind {
  readonly kind: 'lock' | 'once' | 'permit'
  readonly limit: number
  readonly options: LockOptions
}

const refusals = {
  busy: 'others hold it',
  line_full: 'as many as may wait for it do',
  timed_out: 'it was not free in time',
} as const satisfies Record<Extract<PermitReply, { status: 'refused' }>['reason'], string>

const defaultTtlMs = 30_000
const defaultOnceWaitMs = 30_000
const defaultResultTtlMs = 60_000
/** Well below the 2 MB that a row may have. */
const maxResultBytes = 1_000_000

/**
 * Locks, work that runs once and permits, decided by one Durable Object for each name.
 *
 * **Exclusion**: of all holders whose `signal` has not aborted, at most one (`maxConcurrent`) holds at any time, through lost
 * replies, evictions and restarts of the object, whatever the clocks say as long as they run equally fast. A holder
 * that stands still for longer than its TTL, such as one whose isolate is gone, overlaps with the next one if it goes on: what
 * must never happen is to be refused by its `fencingToken`. **Order**: who waits is served in the order of arrival at the object; a
 * restart of the object ends all waiting with an error. One who left without a word delays those behind by 5 s at most.
 * **Cost**: two requests and two written rows for each lock or permit; one request and row more where it was waited for, and for each
 * third of the TTL that it is held. The object is billed for the time in which somebody waits.
 *
 * Nothing is reentrant: who asks again for what it holds waits for itself.
 *
 * @see https://developers.cloudflare.com/durable-objects/platform/pricing/
 */
export class CoordinationClient {
  readonly #namespace: CoordinationNamespace
  readonly #now: () => number
  readonly #timers: Timers
  readonly #timeoutMs: number
  readonly #waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly #report: EventReporter

  /**
   * @param namespace The binding of `CoordinationObject`.
   * @throws {TypeError} When the binding is missing.
   */
  constructor(namespace: CoordinationNamespace, options: CoordinationOptions = {}) {
    assertNamespace('create CoordinationClient', namespace)
    const { now = Date.now, timers = globalThis, timeoutMs = 5000 } = options
    this.#namespace = namespace
    this.#now = now
    this.#timers = timers
    this.#timeoutMs = checkNumber('create CoordinationClient: timeoutMs', timeoutMs, { min: 1 })
    this.#waitUntil = options.waitUntil
    this.#report = createReporter(options.onEvent)
  }

  /**
   * Runs work while this holds the lock, which is renewed meanwhile and given back at the end.
   *
   * @param work Stops when `lock.signal` aborts: then the lock is lost.
   * @returns What the work returns.
   * @throws {CoordinationError} `busy` or `timed_out` where it was not free. `lost` where it ended before the work did.
   * @throws What the work throws, and the reason of `options.signal`.
   */
  async withLock<T>(
    name: string,
    work: (lock: Held) => T | Promise<T>,
    options: LockOptions = {},
  ): Promise<T> {
    return this.#anchor(this.#hold(name, { kind: 'lock', limit: 1, options }, work))
  }

  /**
   * Takes a lock that is neither renewed nor given back by itself. It ends with its TTL.
   *
   * @throws {CoordinationError} `busy` or `timed_out` where it was not free.
   */
  async acquireLock(name: string, options: LockOptions = {}): Promise<Held> {
    return this.#acquire(name, { kind: 'lock', limit: 1, options })
  }

  /** Runs work while this holds one of `maxConcurrent` permits, as {@link CoordinationClient.withLock} does with a lock. */
  async withPermit<T>(
    name: string,
    work: (permit: Held) => T | Promise<T>,
    options: PermitOptions,
  ): Promise<T> {
    return this.#anchor(this.#hold(name, toPermitKind(options), work))
  }

  /** Takes one of `maxConcurrent` permits, as {@link CoordinationClient.acquireLock} does a lock. */
  async acquirePermit(name: string, options: PermitOptions): Promise<Held> {
    return this.#acquire(name, toPermitKind(options))
  }

  /** How many permits of a name are out, and how many calls wait for one. A request, and no row. */
  async getPermitStatus(name: string): Promise<PermitStatus> {
    assertName('get permit status', name)
    const object = this.#namespace.getByName(`permit:${name}`)
    const options = { timeoutMs: this.#timeoutMs, timers: this.#timers }
    return callObject('get permit status', () => object.getStatus(), options)
  }

  /**
   * Runs work once for all who ask under a name at the same time or within `resultTtlMs` after it.
   *
   * One runs it, the others wait and get what it came to. If it fails, its caller gets the error and the first of
   * those who wait runs it next; if it dies, that happens when its TTL ends. So work may run again after it failed or died, and
   * two overlap only where the first stands still for longer than its TTL: the result of the second is kept then.
   *
   * @param work Its result must be JSON of 1,000,000 bytes at most. Everybody gets what JSON makes of it, who ran it too.
   * @throws {CoordinationError} `timed_out` where no result came in time, `lost` where the work ended after its TTL.
   * @throws {RangeError} When the result is too large, to the one who ran the work.
   * @throws What the work throws, to the one who ran it, and the reason of `options.signal`.
   */
  async once<T>(
    name: string,
    work: (lock: Held) => T | Promise<T>,
    { resultTtlMs = defaultResultTtlMs, waitMs = defaultOnceWaitMs, ...options }: OnceOptions = {},
  ): Promise<T> {
    checkWhole('run once: resultTtlMs', resultTtlMs, { min: 1000, max: 604_800_000 })
    const kind = { kind: 'once', limit: 1, options: { ...options, waitMs } } as const
    const held = await this.#place(name, kind)
    if (!(held instanceof HeldPermit)) return fromShared(held) as T
    const runAndShare = async (): Promise<T> => {
      held.keep()
      try {
        const shared = toShared(await work(held))
        if (!(await held.settle(shared, resultTtlMs))) throw held.lostError()
        return fromShared(shared) as T
      } finally {
        // What was settled is not held any more.
        await this.#giveBack(name, held)
      }
    }
    return this.#anchor(runAndShare())
  }

  async #hold<T>(name: string, kind: PermitKind, work: (held: Held) => T | Promise<T>): Promise<T> {
    const permit = await this.#acquire(name, kind)
    permit.keep()
    try {
      const result = await work(permit)
      permit.checkHeld()
      // Not where the work gave it back itself.
      permit.signal.throwIfAborted()
      return result
    } finally {
      await this.#giveBack(name, permit)
    }
  }

  async #acquire(name: string, kind: PermitKind): Promise<HeldPermit> {
    const held = await this.#place(name, kind)
    if (held instanceof HeldPermit) return held
    throw new TypeError(`Cannot acquire ${kind.kind}: the object has settled it, as only once does`)
  }

  /** Gives back what the holder may have given back itself. If that fails, it ends with its TTL. */
  async #giveBack(name: string, held: HeldPermit): Promise<void> {
    try {
      await held.release()
    } catch (error) {
      this.#reportOf(name)(error)
    }
  }

  /** Asks for a permit until it is held here, or there is a result, or the time to wait is over. */
  async #place(
    name: string,
    { kind, limit, options }: PermitKind,
  ): Promise<HeldPermit | SharedResult> {
    const { ttlMs = defaultTtlMs, waitMs = 0, signal } = options
    const operation = `acquire ${kind}`
    assertName(operation, name)
    checkWhole(`${operation}: ttlMs`, ttlMs, { min: 1000, max: 86_400_000 })
    checkWhole(`${operation}: waitMs`, waitMs, { min: 0, max: 600_000 })
    signal?.throwIfAborted()
    const object = (): CoordinationCalls => this.#namespace.getByName(`${kind}:${name}`)
    const deadlineMs = this.#now() + waitMs
    for (let leftMs = waitMs; ; leftMs = Math.max(0, deadlineMs - this.#now())) {
      const request = { id: crypto.randomUUID(), limit, ttlMs, waitMs: leftMs }
      const sentAtMs = this.#now()
      try {
        const reply = await callObject(operation, () => object().acquire(request), {
          timeoutMs: leftMs + this.#timeoutMs,
          timers: this.#timers,
          signal,
        })
        if (reply.status === 'settled') return reply.result
        if (reply.status === 'refused') throw refusal(operation, reply.reason)
        const { fencingToken, expiresInMs } = reply
        const { id } = request
        const what = `the ${kind}`
        const permit = { object, what, id, ttlMs, fencingToken, sentAtMs, expiresInMs }
        const held = new HeldPermit(permit, {
          now: this.#now,
          timers: this.#timers,
          timeoutMs: this.#timeoutMs,
          report: this.#reportOf(name),
        })
        const isHeld = reply.status === 'offered' ? await held.renew() : held.checkHeld()
        signal?.throwIfAborted()
        if (isHeld) return held
      } catch (error) {
        // The answer of the object may be on its way: it must not hold, or stand in line, for nobody.
        if (!isRefusal(error)) this.#abandon(name, object, request.id)
        throw error
      }
      // The offer came too late, and went to the next in line.
      if (this.#now() >= deadlineMs) throw refusal(operation, 'timed_out')
    }
  }

  #abandon(name: string, object: () => CoordinationCalls, id: string): void {
    const options = { timeoutMs: this.#timeoutMs, timers: this.#timers }
    const released = callObject('leave the line', () => object().release(id), options)
    const reported = released.catch(this.#reportOf(name))
    this.#waitUntil?.(reported)
  }

  #reportOf(name: string): (error: unknown) => void {
    return (error) => {
      if (!(error instanceof CoordinationError)) throw error
      const { operation } = error
      this.#report({ type: 'store_error', client: 'coordination', operation, key: name, error })
    }
  }

  #anchor<T>(work: Promise<T>): Promise<T> {
    // Its failure is the caller's.
    this.#waitUntil?.(work.catch(() => undefined))
    return work
  }
}

function toPermitKind({ maxConcurrent, ...options }: PermitOptions): PermitKind {
  const limit = checkWhole('acquire permit: maxConcurrent', maxConcurrent, { min: 1, max: 1000 })
  return { kind: 'permit', limit, options }
}

function refusal(operation: string, code: keyof typeof refusals): CoordinationError {
  return new CoordinationError(`Cannot ${operation}: ${refusals[code]}`, { code, operation })
}

function isRefusal(error: unknown): boolean {
  return error instanceof CoordinationError && error.code in refusals
}

/** @throws {RangeError} When its JSON is too large. */
function toShared(value: unknown): SharedResult {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) return {}
  const bytes = new TextEncoder().encode(json).byteLength
  if (bytes <= maxResultBytes) return { json }
  throw new RangeError(
    `Cannot share what ran once: its JSON must be at most ${maxResultBytes} bytes, received ${bytes}`,
  )
}

function fromShared({ json }: SharedResult): unknown {
  return json === undefined ? undefined : JSON.parse(json)
}
