import { DurableObject } from 'cloudflare:workers'
import type {
  PutValueRequest,
  SecondaryStorageCalls,
  SessionMember,
  StoredValue,
} from './secondary-storage-calls.ts'
import { SecondaryStorageCell } from './secondary-storage-cell.ts'

/**
 * Keeps one key of a `createSecondaryStorage`, or the list of one user’s sessions, as a Durable Object with SQLite storage. Export it
 * from a Worker, and hand its binding to that function, which its methods are for.
 *
 * What it was told survives eviction. What is over is deleted by an alarm, and the object with it when nothing is left.
 *
 * @see https://developers.cloudflare.com/durable-objects/
 */
export class SecondaryStorageObject extends DurableObject implements SecondaryStorageCalls {
  readonly #cell: SecondaryStorageCell
  #isAlarmSet = false

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    this.#cell = new SecondaryStorageCell(ctx.storage.kv, { now: () => Date.now() })
  }

  get(): StoredValue | null {
    return this.#cell.get()
  }

  put(request: PutValueRequest): boolean {
    return this.#afterWrite(this.#cell.put(request))
  }

  take(options: { readonly keepEnded: boolean }): {
    readonly value: StoredValue | null
    readonly owner?: string
  } {
    return this.#afterWrite(this.#cell.take(options))
  }

  increment(ttlMs: number): number | null {
    return this.#afterWrite(this.#cell.increment(ttlMs))
  }

  addMembers(members: readonly SessionMember[]): boolean {
    return this.#afterWrite(this.#cell.addMembers(members))
  }

  removeMember(id: string): void {
    this.#cell.removeMember(id)
    this.#afterWrite(null)
  }

  listMembers(): readonly Pick<SessionMember, 'sealed' | 'expiresAtMs'>[] {
    return this.#cell.listMembers()
  }

  override async alarm(): Promise<void> {
    const nextMs = this.#cell.deleteExpired()
    this.#isAlarmSet = nextMs !== undefined
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs)
    else if (isEmpty(this.ctx.storage.kv.list({ limit: 1 }))) await this.ctx.storage.deleteAll()
  }

  /** One alarm for all rows, and lazily: where it comes too early, it is set again. */
  #afterWrite<T>(reply: T): T {
    if (this.#isAlarmSet) return reply
    const nextMs = this.#cell.deleteExpired()
    if (nextMs === undefined) return reply
    this.#isAlarmSet = true
    this.ctx.waitUntil(this.#setFirstAlarm(nextMs))
    return reply
  }

  async #setFirstAlarm(atMs: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(atMs)
  }
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false
  return true
}
