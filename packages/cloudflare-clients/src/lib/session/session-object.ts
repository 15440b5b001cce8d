import { DurableObject } from 'cloudflare:workers'
import type {
  PreferencesDocument,
  PreferencesPatchReply,
  PreferencesPatchRequest,
} from './preferences/preferences-authority-calls.ts'
import { PreferencesAuthority } from './preferences/preferences-authority.ts'
import type {
  CheckSessionRequest,
  CreateSessionReply,
  CreateSessionRequest,
  RevokeReply,
  RevokeTarget,
  RotateSessionRequest,
  SessionPatch,
  SessionReply,
  SessionSummary,
} from './session-authority-calls.ts'
import { SessionAuthority, type SyncSessionAuthorityCalls } from './session-authority.ts'
import { SqlSessionStorage } from './sql-session-storage.ts'

/**
 * Decides which sessions of a user live, for all isolates, as a Durable Object with SQLite storage. Export it from a Worker, and hand
 * its binding to a `SessionStore`, which its methods are for, and to `UserPreferences`, whose documents it keeps.
 *
 * Each call decides synchronously, so no other call comes between reading and writing, and its reply leaves after what it wrote is
 * stored. What it said survives eviction. A session writes a row when it is created, renewed, rotated, changed and ended. An alarm
 * forgets it a day after its end, and deletes all that is stored where nothing is left. The user's preferences stay until they are erased.
 *
 * @see https://developers.cloudflare.com/durable-objects/
 */
export class SessionObject extends DurableObject implements SyncSessionAuthorityCalls {
  readonly #rows: SqlSessionStorage
  readonly #authority: SessionAuthority
  readonly #preferences: PreferencesAuthority
  #isAlarmSet = false

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    this.#rows = new SqlSessionStorage(ctx.storage.sql)
    this.#authority = new SessionAuthority({ storage: this.#rows, now: () => Date.now() })
    this.#preferences = new PreferencesAuthority(ctx.storage.kv, () => Date.now())
  }

  create(request: CreateSessionRequest): CreateSessionReply {
    return this.#decide(() => this.#authority.create(request))
  }

  check(request: CheckSessionRequest): SessionReply {
    return this.#decide(() => this.#authority.check(request))
  }

  rotate(request: RotateSessionRequest): SessionReply {
    return this.#decide(() => this.#authority.rotate(request))
  }

  update(target: RevokeTarget, patch: SessionPatch): SessionReply {
    return this.#decide(() => this.#authority.update(target, patch))
  }

  revoke(target: RevokeTarget): RevokeReply {
    return this.#decide(() => this.#authority.revoke(target))
  }

  list(currentTokenHash?: string): readonly SessionSummary[] {
    return this.#authority.list(currentTokenHash)
  }

  getEpoch(): number {
    return this.#authority.getEpoch()
  }

  setBan(banned: boolean): RevokeReply {
    return this.#decide(() => this.#authority.setBan(banned))
  }

  getEveryoneEpoch(): number {
    return this.#authority.getEveryoneEpoch()
  }

  raiseEveryoneEpoch(toAtLeast: number): number {
    return this.#authority.raiseEveryoneEpoch(toAtLeast)
  }

  getPreferences(knownVersion?: number): PreferencesDocument {
    return this.#preferences.get(knownVersion)
  }

  patchPreferences(request: PreferencesPatchRequest): PreferencesPatchReply {
    const reply = this.#preferences.patch(request)
    this.#watchErasure()
    return reply
  }

  deletePreferences(): PreferencesDocument {
    const reply = this.#preferences.delete()
    this.#watchErasure()
    return reply
  }

  override async alarm(): Promise<void> {
    const isEmpty = this.#authority.deleteForgotten()
    this.#preferences.deleteIdle()
    const nextForgetAtMs = this.#authority.nextForgetAtMs()
    this.#isAlarmSet = nextForgetAtMs !== null
    const nextMs = Math.min(nextForgetAtMs ?? Infinity, this.#preferences.idleAtMs() ?? Infinity)
    // Sessions come and go; preferences are lasting, and in the same storage.
    if (isEmpty && !this.#preferences.isStored()) {
      this.#rows.forgetTable()
      await this.ctx.storage.deleteAll()
    } else if (nextMs < Infinity) {
      await this.ctx.storage.setAlarm(nextMs)
    }
  }

  /** What is remembered of preferences that are gone has an end. Those that are there need no alarm. */
  #watchErasure(): void {
    const idleAtMs = this.#preferences.idleAtMs()
    if (idleAtMs !== undefined) this.ctx.waitUntil(this.#setFirstAlarm(idleAtMs))
  }

  /** The alarm is one for all sessions, and lazy: where it comes too early, it is set again. */
  #decide<Reply>(decide: () => Reply): Reply {
    const reply = decide()
    const nextForgetAtMs = this.#isAlarmSet ? null : this.#authority.nextForgetAtMs()
    if (nextForgetAtMs !== null) {
      this.#isAlarmSet = true
      this.ctx.waitUntil(this.#setFirstAlarm(nextForgetAtMs))
    }
    return reply
  }

  async #setFirstAlarm(atMs: number): Promise<void> {
    const alarmAtMs = await this.ctx.storage.getAlarm()
    if (alarmAtMs === null || alarmAtMs > atMs) await this.ctx.storage.setAlarm(atMs)
  }
}
