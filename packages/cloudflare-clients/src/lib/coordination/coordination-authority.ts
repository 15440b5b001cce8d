import type { Timers } from '../shared/timers.ts'
import type {
  CoordinationCalls,
  CountReport,
  PermitReply,
  PermitRequest,
  PermitStatus,
  RenewRequest,
  SettleRequest,
} from './coordination-calls.ts'
import type { CoordinationStorage } from './coordination-storage.ts'
import { CounterAuthority } from './counter-authority.ts'
import { PermitAuthority } from './permit-authority.ts'

interface CoordinationAuthorityOptions {
  readonly now: () => number
  readonly timers: Timers
}

/** How long rows are kept after they have said all: far longer than two machines' clocks are apart. */
const idleMs = 3_600_000

/** All that an object does, wherever it lives: what it decides is synchronous, and only those in line wait. */
export class CoordinationAuthority implements CoordinationCalls {
  readonly #permits: PermitAuthority
  readonly #counter: CounterAuthority
  readonly #options: CoordinationAuthorityOptions
  #timer: unknown
  #timerAtMs: number | undefined

  constructor(storage: CoordinationStorage, options: CoordinationAuthorityOptions) {
    this.#permits = new PermitAuthority(storage, { now: options.now })
    this.#counter = new CounterAuthority(storage, options.now)
    this.#options = options
  }

  acquire(request: PermitRequest): Promise<PermitReply> {
    return this.#decide(
      () =>
        new Promise((resolve) => {
          const reply = this.#permits.acquire(request, resolve)
          if (reply !== undefined) resolve(reply)
        }),
    )
  }

  renew(request: RenewRequest): Promise<number | null> {
    return this.#decide(() => this.#permits.renew(request))
  }

  release(id: string): Promise<boolean> {
    return this.#decide(() => this.#permits.release(id))
  }

  settle(request: SettleRequest): Promise<boolean> {
    return this.#decide(() => this.#permits.settle(request))
  }

  getStatus(): Promise<PermitStatus> {
    return this.#decide(() => this.#permits.getStatus())
  }

  count(report: CountReport): Promise<void> {
    return this.#decide(() => {
      this.#counter.count(report)
    })
  }

  getTotal(): Promise<number> {
    return this.#decide(() => this.#counter.getTotal())
  }

  resetTotal(): Promise<void> {
    return this.#decide(() => {
      this.#counter.reset()
    })
  }

  /** When `deleteIdle` is to be called, in epoch ms. `undefined`: there is nothing that it could ever delete. */
  idleAtMs(): number | undefined {
    const overAtMs = this.#permits.overAtMs()
    const timesMs = [overAtMs === undefined ? Infinity : overAtMs + idleMs]
    timesMs.push(this.#counter.pruneAtMs() ?? Infinity)
    const idleAtMs = Math.min(...timesMs)
    return idleAtMs === Infinity ? undefined : idleAtMs
  }

  /** Deletes rows that say nothing any more. */
  deleteIdle(): void {
    const nowMs = this.#permits.advance()
    if ((this.#permits.overAtMs() ?? Infinity) + idleMs <= nowMs) this.#permits.deleteRows()
    this.#counter.prune()
  }

  async #decide<T>(decide: () => T | Promise<T>): Promise<T> {
    let reply: T | Promise<T>
    try {
      reply = decide()
    } finally {
      this.#watchLine()
    }
    return reply
  }

  /** One timer, for the first in time of all that may move the line. */
  #watchLine(): void {
    const atMs = this.#permits.nextEventAtMs()
    if (atMs === this.#timerAtMs) return
    const { now, timers } = this.#options
    timers.clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    if (atMs === undefined) return
    const onTime = (): void => {
      this.#timerAtMs = undefined
      this.#permits.advance()
      this.#watchLine()
    }
    // At least 1 ms: a timer may be early by a part of one.
    this.#timer = timers.setTimeout(onTime, Math.max(1, atMs - now()))
  }
}
