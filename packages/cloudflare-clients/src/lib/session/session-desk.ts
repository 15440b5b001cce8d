import { createReporter } from '../shared/client-event.ts'
import { type AuthorityWait, callAuthority } from './call-authority.ts'
import { EveryoneEpoch } from './everyone-epoch.ts'
import { KVCopies } from './kv-copies.ts'
import { kvSessions, refuseAlone } from './kv-sessions.ts'
import type {
  RevokeReply,
  RevokeTarget,
  RotateSessionRequest,
  SessionAuthorityCalls,
  SessionAuthorityNamespace,
  SessionReply,
} from './session-authority-calls.ts'
import type { SessionCopy } from './session-copy.ts'
import type { Verdict } from './session-evidence.ts'
import { type Answer, type Question, SessionJudge } from './session-judge.ts'
import { SessionMemory } from './session-memory.ts'
import type { SessionAuditEvent, SessionStoreOptions } from './session-options.ts'
import type { SessionSettings } from './session-settings.ts'
import type { KnownToken } from './session-token.ts'

export interface DeskOptions {
  readonly kv: KVNamespace
  /** Absent: KV alone decides. */
  readonly authority: SessionAuthorityNamespace | undefined
  readonly options: SessionStoreOptions
  readonly settings: SessionSettings
  readonly now: () => number
  readonly random: (bytes: Uint8Array) => Uint8Array
}

/** Whose sessions. The id is known where the caller named the user, and not where there is a token only. */
export interface SessionUser {
  readonly userRef: string
  readonly userId?: string
}

/** Asks authorities, and brings what they say to memory and KV. */
export class SessionDesk {
  readonly memory: SessionMemory
  /** Absent where KV alone decides. */
  readonly everyone: EveryoneEpoch | undefined
  readonly wait: AuthorityWait
  readonly #of: (user: SessionUser) => SessionAuthorityCalls
  readonly #copies: KVCopies
  readonly #judge: SessionJudge
  readonly #now: () => number
  readonly #onAudit: SessionStoreOptions['onAudit']

  constructor({ kv, authority, options, settings, now, random }: DeskOptions) {
    const { timers = globalThis, waitUntil, onEvent, onAudit } = options
    const { timeoutMs, everyoneMs, memoryEntries, renewalFraction } = settings
    const report = createReporter(onEvent)
    const memory = new SessionMemory(memoryEntries)
    const parts = { now, timers, timeoutMs, report, waitUntil }
    this.memory = memory
    this.wait = { timeoutMs, timers }
    this.#now = now
    this.#onAudit = onAudit
    this.#copies = new KVCopies({
      ...parts,
      kv,
      best: (tokenHash, copy) => {
        const best = memory.offer(tokenHash, copy)
        return 'refusal' in best ? undefined : best
      },
    })
    this.everyone =
      authority && new EveryoneEpoch({ ...parts, authority, holdMs: everyoneMs, random })
    const alone = { kv, copies: this.#copies, now }
    this.#of =
      authority === undefined
        ? ({ userId }) => kvSessions(alone, userId)
        : ({ userRef }) => authority.getByName(`user:${userRef}`)
    this.#judge = new SessionJudge({
      ...parts,
      authorityOf: this.#of,
      everyone: this.everyone,
      copies: this.#copies,
      memory,
      renewalFraction,
      memoryEntries,
      onReused: () => {
        this.audit('reused')
      },
    })
  }

  judge(token: KnownToken, question: Question): Promise<Verdict> {
    if (this.everyone === undefined) return this.#judge.judgeAlone(token, question)
    return this.#judge.judge(token, question)
  }

  /** @throws {SessionError} When the authority does not answer. */
  call<T>(
    operation: string,
    user: SessionUser,
    ask: (calls: SessionAuthorityCalls) => Promise<T>,
  ): Promise<T> {
    return callAuthority(operation, () => ask(this.#of(user)), this.wait)
  }

  /** @returns The epoch of everyone as it is now. */
  readEpoch(operation: string): Promise<number> {
    const { everyone } = this
    if (everyone === undefined) return Promise.resolve(0)
    return callAuthority(operation, () => everyone.readHighest(), this.wait)
  }

  async raiseEpoch(operation: string): Promise<void> {
    if (this.everyone === undefined) await refuseAlone()
    await this.everyone?.raise(operation)
    this.audit('everyone_destroyed')
  }

  /** Renews the idle timeout, whatever is left of it. */
  async renew(token: KnownToken): Promise<Answer> {
    const known = this.memory.copyOf(token.tokenHash)
    const answer = await this.#judge.ask('refresh', token, { known, force: true })
    if (answer.ok) this.keep(token.tokenHash, answer.copy)
    return answer
  }

  /**
   * Changes a session, and keeps what it is then.
   *
   * @param token The one that the reply is for.
   */
  async change(
    operation: string,
    token: KnownToken,
    ask: (calls: SessionAuthorityCalls) => Promise<SessionReply>,
  ): Promise<Answer> {
    const askedAtMs = this.#now()
    const { tokenHash } = token
    const reply = await this.#callInEpoch(operation, token, ask)
    const answer = this.#judge.learn(tokenHash, reply, { operation, askedAtMs })
    if (answer.ok) this.keep(tokenHash, answer.copy)
    return answer
  }

  /** Gives a session another token, and keeps what is left of the older one. */
  async rotate(token: KnownToken, request: RotateSessionRequest): Promise<Answer> {
    const { tokenHash, newTokenHash, graceMs } = request
    const askedAtMs = this.#now()
    const reply = await this.#callInEpoch('rotate', token, (calls) => calls.rotate(request))
    // A refusal is of the older token: the newer one was never issued.
    if (!reply.ok) return this.#judge.learn(tokenHash, reply, { operation: 'rotate', askedAtMs })
    const answer = this.#judge.learn(newTokenHash, reply, { operation: 'rotate', askedAtMs })
    if (!answer.ok) return answer
    this.keep(newTokenHash, answer.copy)
    // The grace began later, when the authority was asked. Where it is over here, the authority is asked about the token.
    this.keep(tokenHash, { ...answer.copy, validUntilMs: askedAtMs + graceMs })
    if (graceMs === 0 && this.everyone !== undefined) this.#copies.delete(tokenHash)
    return answer
  }

  /** Ends sessions, and takes their copies away. */
  async revoke(operation: string, user: SessionUser, target: RevokeTarget): Promise<RevokeReply> {
    const reply = await this.call(operation, user, (calls) => calls.revoke(target))
    // Also what the authority knows no more: the caller has ended it.
    const own = 'tokenHash' in target ? [target.tokenHash] : []
    const tokenHashes = [...new Set([...own, ...reply.tokenHashes])]
    this.#ended('destroyed', user, { ...reply, tokenHashes })
    return reply
  }

  /** @throws {SessionError} `no_authority` where KV alone decides. */
  async setBan(operation: string, user: SessionUser, banned: boolean): Promise<RevokeReply> {
    const reply = await this.call(operation, user, (calls) => calls.setBan(banned))
    this.#ended(banned ? 'banned' : 'unbanned', user, reply)
    return reply
  }

  /** A copy for this isolate and for the others. */
  keep(tokenHash: string, copy: SessionCopy, { isNew = false } = {}): void {
    const best = this.memory.offer(tokenHash, copy)
    // KV alone has it already.
    if (this.everyone === undefined || 'refusal' in best) return
    if (isNew) this.#copies.put(tokenHash, best)
    else this.#copies.replace(tokenHash, best)
  }

  forget(tokenHashes: Iterable<string>): void {
    for (const tokenHash of tokenHashes) {
      this.memory.refuse(tokenHash, { refusal: 'revoked', atMs: this.#now() })
      if (this.everyone !== undefined) this.#copies.delete(tokenHash)
    }
  }

  audit(type: SessionAuditEvent['type'], details: Partial<SessionAuditEvent> = {}): void {
    try {
      this.#onAudit?.({ type, atMs: this.#now(), ...details })
    } catch (error) {
      console.error('The onAudit option threw', error)
    }
  }

  report(operation: string, error: unknown): void {
    this.#judge.report(operation, error)
  }

  /** Reads the epoch of everyone beside it, by which what the authority knows may be over. */
  #callInEpoch(
    operation: string,
    user: SessionUser,
    ask: (calls: SessionAuthorityCalls) => Promise<SessionReply>,
  ): Promise<SessionReply> {
    return this.call(operation, user, async (calls) => {
      const epoch = this.everyone?.current()
      // A refusal stands without it.
      epoch?.catch(() => undefined)
      const reply = await ask(calls)
      if (reply.ok) await epoch
      return reply
    })
  }

  #ended(
    type: SessionAuditEvent['type'],
    user: SessionUser,
    { count, tokenHashes }: RevokeReply,
  ): void {
    const [first = ''] = tokenHashes
    const userId = user.userId ?? this.memory.copyOf(first)?.record.userId
    this.forget(tokenHashes)
    this.audit(type, { ...(userId !== undefined && { userId }), count })
  }
}
