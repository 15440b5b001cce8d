import { CloudflareClientError } from '../shared/client-error.ts'
import type { EventReporter } from '../shared/client-event.ts'
import { type AuthorityWait, callAuthority } from './call-authority.ts'
import type { EveryoneEpoch } from './everyone-epoch.ts'
import type { KVCopies } from './kv-copies.ts'
import { LruMap } from './lru-map.ts'
import { sealedCopySeconds } from './sealed-copy.ts'
import type {
  SessionAuthorityCalls,
  SessionRefusal,
  SessionReply,
} from './session-authority-calls.ts'
import type { SessionCopy } from './session-copy.ts'
import { Evidence, type Verdict } from './session-evidence.ts'
import { SessionError } from './session-error.ts'
import type { SessionMemory } from './session-memory.ts'
import type { KnownToken } from './session-token.ts'

export interface JudgeOptions extends AuthorityWait {
  readonly authorityOf: (user: KnownToken) => SessionAuthorityCalls
  /** Absent: KV alone decides, which knows no epoch, and is asked each time. */
  readonly everyone: EveryoneEpoch | undefined
  readonly copies: KVCopies
  readonly memory: SessionMemory
  readonly now: () => number
  readonly renewalFraction: number
  readonly memoryEntries: number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly report: EventReporter
  readonly onReused: () => void
}

/** How a token is to be judged. */
export interface Question {
  /** The oldest confirmation that will do. Below 0: none, the authority is asked. */
  readonly maxAgeMs: number
  /** The oldest that will do where the authority does not answer. Below 0: none. */
  readonly openMs: number
  readonly isEdge: boolean
  /** Opens the copy that came with the request. */
  readonly openSealed?: (() => Promise<SessionCopy | undefined>) | undefined
}

export type Answer =
  | { readonly ok: true; readonly copy: SessionCopy }
  | { readonly ok: false; readonly reason: SessionRefusal; readonly atMs: number }

/** A renewal that failed is tried again after so long. */
const renewalRetryMs = 30_000

/** Decides whether a token is good, from copies that are young enough, else with its authority. */
export class SessionJudge {
  readonly #options: JudgeOptions
  /** When a renewal may be asked for again, by token hash. */
  readonly #renewals: LruMap<number>

  constructor(options: JudgeOptions) {
    this.#options = options
    this.#renewals = new LruMap(Math.max(1, options.memoryEntries))
  }

  /** @throws {SessionError} When the authority does not answer, and no copy is young enough to stand in. */
  async judge(token: KnownToken, question: Question): Promise<Verdict> {
    const { memory, copies } = this.#options
    const { tokenHash } = token
    const { maxAgeMs, openMs, isEdge, openSealed } = question
    const evidence = new Evidence(this.#options, tokenHash)
    evidence.add(memory.copyOf(tokenHash), 'memory')
    if (maxAgeMs >= 0 && evidence.isWanted(maxAgeMs)) evidence.addSealed(await openSealed?.())
    if (isEdge && evidence.isWanted(maxAgeMs)) evidence.add(await copies.read(tokenHash), 'kv')
    const refusal = evidence.refusal()
    if (refusal !== undefined) return refusal
    if (evidence.isUsable(maxAgeMs)) {
      const verdict = evidence.accept(maxAgeMs)
      await this.#renewIfDue(token, evidence.found?.copy)
      return verdict
    }

    const beside =
      openMs >= 0 && !isEdge && !evidence.isUsable(openMs) ? copies.read(tokenHash) : undefined
    const askedAtMs = this.#options.now()
    let answer: Answer
    try {
      answer = await this.ask('check', token, { known: evidence.found?.copy })
    } catch (error) {
      if (openMs < 0) throw error
      if (maxAgeMs < 0) evidence.addSealed(await openSealed?.())
      evidence.add(await beside, 'kv')
      const refusal = evidence.refusal()
      if (refusal !== undefined) return refusal
      if (!evidence.isUsable(openMs)) throw error
      this.report('check', error)
      return evidence.accept(openMs)
    }
    const ageMs = Math.max(0, this.#options.now() - askedAtMs)
    const told = { source: 'authority', ageMs, boundMs: Math.max(0, maxAgeMs) } as const
    if (!answer.ok) return { ok: false, reason: answer.reason, ...told }
    if (isEdge) copies.put(tokenHash, answer.copy)
    return { ok: true, record: answer.copy.record, ...told }
  }

  /**
   * As {@link judge} where KV alone decides. What it has not heard of yet is good from this isolate's memory or the sealed copy.
   */
  async judgeAlone(token: KnownToken, { openMs, openSealed }: Question): Promise<Verdict> {
    const { memory, now } = this.#options
    const { tokenHash } = token
    const evidence = new Evidence(this.#options, tokenHash)
    const isNew = ({ record }: SessionCopy): boolean =>
      now() - record.lastSeenAtMs <= sealedCopySeconds * 1000
    const standIn = async (
      isGood: (copy: SessionCopy) => boolean,
    ): Promise<Verdict | undefined> => {
      const held = memory.copyOf(tokenHash)
      evidence.add(held, 'memory')
      if (held === undefined || !isGood(held)) evidence.addSealed(await openSealed?.())
      const refusal = evidence.refusal()
      if (refusal !== undefined) return refusal
      const best = evidence.found?.copy
      const isUsable = best !== undefined && isGood(best) && evidence.isUsable(Infinity)
      return isUsable ? evidence.accept(null) : undefined
    }
    evidence.add(undefined, 'memory')
    const refusal = evidence.refusal()
    if (refusal !== undefined) return refusal
    const askedAtMs = now()
    try {
      const answer = await this.ask('check', token, {})
      const told = { source: 'kv', ageMs: Math.max(0, now() - askedAtMs), boundMs: null } as const
      if (answer.ok) return { ok: true, record: answer.copy.record, ...told }
      const unseen = answer.reason === 'unknown' ? await standIn(isNew) : undefined
      return unseen ?? { ok: false, reason: answer.reason, ...told }
    } catch (error) {
      const verdict = await standIn(({ confirmedAtMs }) => now() - confirmedAtMs <= openMs)
      if (verdict === undefined) throw error
      this.report('check', error)
      return verdict
    }
  }

  /**
   * Asks the authority, which also counts the session as seen, and learns what it says: also when nobody waits any more.
   *
   * @throws {SessionError} When it does not answer.
   */
  ask(
    operation: string,
    token: KnownToken,
    {
      known,
      force = false,
    }: { readonly known?: SessionCopy | undefined; readonly force?: boolean },
  ): Promise<Answer> {
    const { authorityOf, everyone, now, renewalFraction } = this.#options
    const { tokenHash } = token
    const askedAtMs = now()
    const call = async (): Promise<Answer> => {
      const epoch = everyone?.current()
      // A refusal stands without it.
      epoch?.catch(() => undefined)
      const reply = await authorityOf(token).check({
        tokenHash,
        knownVersion: known?.record.version,
        touch: true,
        renewalFraction,
        ...(force && { force }),
      })
      if (reply.ok) await epoch
      return this.learn(tokenHash, reply, { operation, askedAtMs, known })
    }
    return callAuthority(operation, call, this.#options)
  }

  learn(
    tokenHash: string,
    reply: SessionReply,
    asked: {
      readonly operation: string
      readonly askedAtMs: number
      readonly known?: SessionCopy | undefined
    },
  ): Answer {
    const { memory, everyone, now, onReused } = this.#options
    const refuse = (reason: SessionRefusal): Answer => {
      const atMs = now()
      // KV alone may not have heard of it yet.
      if (everyone !== undefined || reason === 'expired') {
        memory.refuse(tokenHash, { refusal: reason, atMs })
      }
      return { ok: false, reason, atMs }
    }
    if (!reply.ok) {
      if (reply.reason === 'reused') onReused()
      return refuse(reply.reason)
    }
    const { operation, askedAtMs, known } = asked
    const isKnown = known?.record.version === reply.version
    const record = reply.record ?? (isKnown ? known.record : undefined)
    if (record === undefined) {
      throw new SessionError(`Cannot ${operation} session: the authority left the session out`, {
        code: 'unavailable',
        operation,
      })
    }
    if (record.everyoneEpoch < (everyone?.known ?? 0)) return refuse('revoked')
    const copy = { record, confirmedAtMs: askedAtMs, validUntilMs: reply.validUntilMs }
    const best = memory.offer(tokenHash, copy)
    if ('refusal' in best) return { ok: false, reason: best.refusal, atMs: best.atMs }
    return { ok: true, copy: best }
  }

  /** What is served from copies is seen too, but the authority need not know each time. */
  async #renewIfDue(token: KnownToken, copy: SessionCopy | undefined): Promise<void> {
    const { now, renewalFraction, waitUntil } = this.#options
    if (copy === undefined) return
    const nowMs = now()
    const intervalMs = copy.record.idleTimeoutMs * renewalFraction
    if (nowMs - copy.record.lastSeenAtMs < intervalMs) return
    if (nowMs < (this.#renewals.get(token.tokenHash) ?? -Infinity)) return
    this.#renewals.set(token.tokenHash, nowMs + intervalMs)
    const work = this.ask('renew', token, { known: copy }).then(
      () => undefined,
      (error: unknown) => {
        this.#renewals.set(token.tokenHash, now() + Math.min(intervalMs, renewalRetryMs))
        this.report('renew', error)
      },
    )
    if (waitUntil === undefined) await work
    else waitUntil(work)
  }

  report(operation: string, error: unknown): void {
    if (!(error instanceof CloudflareClientError)) return
    this.#options.report({ type: 'store_error', client: 'session', operation, error })
  }
}
