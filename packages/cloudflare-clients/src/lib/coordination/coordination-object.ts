import { DurableObject } from 'cloudflare:workers'
import { CoordinationAuthority } from './coordination-authority.ts'
import type {
  CoordinationCalls,
  CountReport,
  PermitReply,
  PermitRequest,
  PermitStatus,
  RenewRequest,
  SettleRequest,
} from './coordination-calls.ts'

/**
 * Decides about locks, work that runs once, permits and counters for all isolates, as a Durable Object with SQLite storage.
 * Export it from a Worker, and hand its binding to a `CoordinationClient` or a `CounterClient`, which its methods are for.
 *
 * What it granted survives eviction. An object whose locks and permits were not used for an hour, and whose results have ended,
 * deletes all that it stored. A count stays until it is reset.
 *
 * @see https://developers.cloudflare.com/durable-objects/
 */
export class CoordinationObject extends DurableObject implements CoordinationCalls {
  readonly #authority: CoordinationAuthority
  #isAlarmSet = false

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    this.#authority = new CoordinationAuthority(ctx.storage.kv, {
      now: () => Date.now(),
      timers: globalThis,
    })
  }

  acquire(request: PermitRequest): Promise<PermitReply> {
    const reply = this.#authority.acquire(request)
    this.#ensureAlarm()
    return reply
  }

  renew(request: RenewRequest): Promise<number | null> {
    return this.#authority.renew(request)
  }

  release(id: string): Promise<boolean> {
    return this.#authority.release(id)
  }

  settle(request: SettleRequest): Promise<boolean> {
    return this.#authority.settle(request)
  }

  getStatus(): Promise<PermitStatus> {
    return this.#authority.getStatus()
  }

  count(report: CountReport): Promise<void> {
    const counted = this.#authority.count(report)
    this.#ensureAlarm()
    return counted
  }

  getTotal(): Promise<number> {
    return this.#authority.getTotal()
  }

  resetTotal(): Promise<void> {
    return this.#authority.resetTotal()
  }

  override async alarm(): Promise<void> {
    this.#authority.deleteIdle()
    const idleAtMs = this.#authority.idleAtMs()
    this.#isAlarmSet = idleAtMs !== undefined
    if (idleAtMs !== undefined) await this.ctx.storage.setAlarm(idleAtMs)
    // A count that is left needs no alarm, and must stay.
    else if (isEmpty(this.ctx.storage.kv.list({ limit: 1 }))) await this.ctx.storage.deleteAll()
  }

  /** One for all, and lazily: where it comes too early, it is set again. */
  #ensureAlarm(): void {
    if (this.#isAlarmSet) return
    const idleAtMs = this.#authority.idleAtMs()
    if (idleAtMs === undefined) return
    this.#isAlarmSet = true
    this.ctx.waitUntil(this.#setFirstAlarm(idleAtMs))
  }

  async #setFirstAlarm(atMs: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(atMs)
  }
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false
  return true
}
