import type {
  PermitReply,
  PermitRequest,
  PermitStatus,
  RenewRequest,
  SettleRequest,
  SharedResult,
} from './coordination-calls.ts'
import type { CoordinationStorage } from './coordination-storage.ts'

/** One of an object's permits, as it is stored: it keeps its last token when it is free. */
interface StoredPermit {
  /** `null` when it was released. */
  readonly id: string | null
  readonly fencingToken: number
  /** When it ends, or ended. */
  readonly expiresAtMs: number
  /** Whether it waits to be taken by one who stood in line. */
  readonly isOffer: boolean
}

interface StoredResult {
  readonly result: SharedResult
  readonly expiresAtMs: number
}

interface Waiter {
  readonly request: PermitRequest
  readonly arrivedAtMs: number
  readonly deadlineMs: number
  readonly deliver: (reply: PermitReply) => void
}

export interface PermitAuthorityOptions {
  /** Epoch ms. */
  readonly now: () => number
  /** How many may stand in line. Default 1,000. */
  readonly maxWaiters?: number
}

/** How long one who stood in line has to take what it is offered. */
export const offerMs = 5000
const permitPrefix = 'permit:'
const resultKey = 'result'

/**
 * Decides who holds the permits of one name: synchronously, by a clock that is handed in. It does nothing by itself, time
 * passes when one of its methods is called.
 *
 * At most `limit` permits are held at once by its clock, which never goes back. Those in line are served in the order
 * in which they came, and nobody overtakes them. One who does not take what it is offered is passed over, so a line moves on
 * from those who left without a word. Every permit is one row, written when it is granted, renewed and released, so a
 * restart forgets no permit and no token; it forgets the line, whose calls end with it.
 *
 * A fencing token is above all before it, and not below the time in epoch ms. So it still grows after the rows of a name
 * that nobody used for long were deleted.
 */
export class PermitAuthority {
  readonly #storage: CoordinationStorage
  readonly #now: () => number
  readonly #maxWaiters: number
  #permits: StoredPermit[] = []
  #lastToken: number
  #result: StoredResult | undefined
  #waiters: Waiter[] = []
  #seenMs = -Infinity

  constructor(storage: CoordinationStorage, { now, maxWaiters = 1000 }: PermitAuthorityOptions) {
    this.#storage = storage
    this.#now = now
    this.#maxWaiters = maxWaiters
    // By slot, without gaps: one that is written is never the second after the last.
    const rows = [...storage.list<StoredPermit>({ prefix: permitPrefix })]
    for (const [key, permit] of rows) this.#permits[Number(key.slice(permitPrefix.length))] = permit
    this.#lastToken = Math.max(0, ...rows.map(([, { fencingToken }]) => fencingToken))
    this.#result = storage.get(resultKey) as StoredResult | undefined
  }

  /** @returns The reply, or nothing where the request stands in line and `deliver` gets the reply later, once. */
  acquire(request: PermitRequest, deliver: (reply: PermitReply) => void): PermitReply | undefined {
    const nowMs = this.advance()
    const known = this.#find(request.id, nowMs)
    if (known !== undefined) return known
    // After `advance` a line means that its first cannot be served, so nobody behind it can.
    if (this.#waiters.length === 0 && this.#countHeld() < request.limit) {
      this.#grant(request, false)
      return this.#find(request.id, nowMs)
    }
    if (!(request.waitMs > 0)) return { status: 'refused', reason: 'busy' }
    if (this.#waiters.length >= this.#maxWaiters) return { status: 'refused', reason: 'line_full' }
    const deadlineMs = nowMs + request.waitMs
    this.#waiters.push({ request, arrivedAtMs: nowMs, deadlineMs, deliver })
    return undefined
  }

  /** @returns How long the permit holds from now, or `null` where it is not held any more. It is never shortened. */
  renew({ id, ttlMs }: RenewRequest): number | null {
    const nowMs = this.advance()
    const slot = this.#slotOf(id)
    const permit = this.#permits[slot]
    if (permit === undefined) return null
    const expiresAtMs = Math.max(permit.expiresAtMs, nowMs + ttlMs)
    this.#write(slot, { ...permit, expiresAtMs, isOffer: false })
    return expiresAtMs - nowMs
  }

  /** Frees a permit, or leaves the line. @returns Whether there was anything to free or to leave. */
  release(id: string): boolean {
    this.advance()
    const leaving = this.#waiters.filter(({ request }) => request.id === id)
    this.#refuse(leaving)
    return this.#free(id) || leaving.length > 0
  }

  /** Frees a permit and keeps what its work came to, for those in line too. @returns Whether the permit was held. */
  settle({ id, result, resultTtlMs }: SettleRequest): boolean {
    const nowMs = this.advance()
    if (this.#slotOf(id) < 0) return false
    const stored = { result, expiresAtMs: nowMs + resultTtlMs }
    this.#storage.put(resultKey, stored)
    this.#result = stored
    return this.#free(id)
  }

  getStatus(): PermitStatus {
    this.advance()
    return { held: this.#countHeld(), waiting: this.#waiters.length }
  }

  /** Lets time pass: ends what is over, and serves the line. @returns The time. */
  advance(): number {
    this.#seenMs = Math.max(this.#seenMs, this.#now())
    this.#refuse(this.#waiters.filter(({ deadlineMs }) => deadlineMs <= this.#seenMs))
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      const { request, arrivedAtMs, deliver } = first
      if (this.#find(request.id, arrivedAtMs) === undefined) {
        if (this.#countHeld() >= request.limit) break
        this.#grant(request, true)
      }
      this.#waiters.shift()
      const reply = this.#find(request.id, arrivedAtMs)
      if (reply !== undefined) deliver(reply)
    }
    return this.#seenMs
  }

  /** When `advance` is to be called for those in line, in epoch ms. */
  nextEventAtMs(): number | undefined {
    if (this.#waiters.length === 0) return undefined
    const held = this.#permits.filter((permit) => this.#isHeld(permit))
    const endsMs = held.map(({ expiresAtMs }) => expiresAtMs)
    return Math.min(...endsMs, ...this.#waiters.map(({ deadlineMs }) => deadlineMs))
  }

  /** From when on its rows say nothing any more, except for the last token, which the time has passed by then. */
  overAtMs(): number | undefined {
    if (this.#permits.length === 0) return undefined
    const timesMs = this.#permits.map(({ expiresAtMs }) => expiresAtMs)
    return Math.max(this.#lastToken, ...timesMs, this.#result?.expiresAtMs ?? 0)
  }

  /** Deletes its rows. Only when they are over. */
  deleteRows(): void {
    for (const slot of this.#permits.keys()) this.#storage.delete(`${permitPrefix}${slot}`)
    if (this.#result !== undefined) this.#storage.delete(resultKey)
    this.#permits = []
    this.#result = undefined
  }

  #find(id: string, arrivedAtMs: number): PermitReply | undefined {
    if (this.#result !== undefined && this.#seenMs < this.#result.expiresAtMs) {
      return { status: 'settled', result: this.#result.result }
    }
    const permit = this.#permits[this.#slotOf(id)]
    if (permit === undefined) return undefined
    const { fencingToken, expiresAtMs, isOffer } = permit
    const status = isOffer ? 'offered' : 'granted'
    return { status, fencingToken, expiresInMs: expiresAtMs - arrivedAtMs }
  }

  #grant({ id, ttlMs }: PermitRequest, isOffer: boolean): void {
    const freeSlot = this.#permits.findIndex((permit) => !this.#isHeld(permit))
    const fencingToken = Math.max(this.#lastToken + 1, Math.ceil(this.#seenMs))
    const expiresAtMs = this.#seenMs + (isOffer ? Math.min(ttlMs, offerMs) : ttlMs)
    const slot = freeSlot < 0 ? this.#permits.length : freeSlot
    this.#write(slot, { id, fencingToken, expiresAtMs, isOffer })
    this.#lastToken = fencingToken
  }

  #free(id: string): boolean {
    const slot = this.#slotOf(id)
    const permit = this.#permits[slot]
    if (permit === undefined) return false
    this.#write(slot, { ...permit, id: null, expiresAtMs: this.#seenMs })
    this.advance()
    return true
  }

  #refuse(waiters: readonly Waiter[]): void {
    if (waiters.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !waiters.includes(waiter))
    for (const { deliver } of waiters) deliver({ status: 'refused', reason: 'timed_out' })
  }

  /** The row first: what fails to be written was not promised. */
  #write(slot: number, permit: StoredPermit): void {
    this.#storage.put(`${permitPrefix}${slot}`, permit)
    this.#permits[slot] = permit
  }

  #slotOf(id: string): number {
    return this.#permits.findIndex((permit) => permit.id === id && this.#isHeld(permit))
  }

  #isHeld({ id, expiresAtMs }: StoredPermit): boolean {
    return id !== null && this.#seenMs < expiresAtMs
  }

  #countHeld(): number {
    return this.#permits.filter((permit) => this.#isHeld(permit)).length
  }
}
