import { DurableObject } from 'cloudflare:workers'
import type {
  AcquireReply,
  AcquireRequest,
  AuthorityChange,
  CheckAllReply,
  CheckAllRequest,
  LimitAuthorityCalls,
} from './authority-protocol.ts'
import { LimitAuthority } from './limit-authority.ts'
import { neverMs } from './limit-row.ts'
import type { LimitRule, RateLimitStatus } from './rate-limit-backend.ts'
import { SqlLimitStorage } from './sql-limit-storage.ts'

/**
 * Decides limits for all isolates, as a Durable Object with SQLite storage. Export it from a Worker, and hand its binding to
 * `durableObjectBackend` or `leaseBackend`.
 *
 * Its methods are for those backends. Each decides synchronously, so no other call comes between reading a count and writing
 * it. What was granted survives eviction. An object that was not used for two windows and at least an hour deletes
 * all that it stored.
 *
 * @see https://developers.cloudflare.com/durable-objects/
 */
export class RateLimiterObject extends DurableObject implements LimitAuthorityCalls {
  readonly #rows: SqlLimitStorage
  readonly #authority: LimitAuthority
  #isAlarmSet = false

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    this.#rows = new SqlLimitStorage(ctx.storage.sql, ({ idleAtMs }) => {
      this.#ensureAlarm(idleAtMs)
    })
    this.#authority = new LimitAuthority({ storage: this.#rows })
  }

  acquire(request: AcquireRequest): AcquireReply {
    return this.#authority.acquire(request)
  }

  checkAll(requests: readonly CheckAllRequest[]): CheckAllReply {
    return this.#authority.checkAll(requests)
  }

  getStatus(key: string, rule: LimitRule): RateLimitStatus {
    return this.#authority.getStatus(key, rule)
  }

  change(change: AuthorityChange): boolean {
    return this.#authority.change(change)
  }

  override async alarm(): Promise<void> {
    this.#authority.deleteIdle(this.#rows.idleKeys(Date.now()))
    const nextIdleAtMs = this.#rows.nextIdleAtMs()
    this.#isAlarmSet = nextIdleAtMs !== null && nextIdleAtMs < neverMs
    if (nextIdleAtMs === null) {
      this.#rows.forgetTable()
      await this.ctx.storage.deleteAll()
    } else if (this.#isAlarmSet) {
      await this.ctx.storage.setAlarm(nextIdleAtMs)
    }
  }

  /** One for all keys, and lazily: where it comes too early for a key, it is set again. */
  #ensureAlarm(atMs: number): void {
    if (this.#isAlarmSet || atMs === neverMs) return
    this.#isAlarmSet = true
    this.ctx.waitUntil(this.#setFirstAlarm(atMs))
  }

  async #setFirstAlarm(atMs: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(atMs)
  }
}
