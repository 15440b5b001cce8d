import { isExpired } from '../kv/kv-entry.ts'
import { checkNumber } from '../shared/check-number.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { Timers } from '../shared/timers.ts'
import type { StoredSession } from './cached-session.ts'
import { callAuthority } from './call-authority.ts'
import { LruMap } from './lru-map.ts'
import type {
  RevokeReply,
  SessionAuthorityCalls,
  SessionAuthorityNamespace,
  SessionRefusal,
} from './session-authority-calls.ts'
import { SessionError } from './session-error.ts'
import type { SessionFreshness, SessionUnavailablePolicy } from './session-options.ts'

/** A session as a place holds it, with the time before which the authority was asked about it. */
export interface ConfirmedSession {
  readonly stored: StoredSession
  readonly confirmedAtMs: number
  /** When the place forgets it. */
  readonly expiresAtMs: number | null
}

interface HeldSession extends ConfirmedSession {
  /** When it was read from KV, or written to it. */
  readonly readAtMs: number
}

/** Final: its token is accepted by nobody any more. */
const ended = Symbol('ended')

export interface ConfirmedSessionsOptions {
  readonly authority?: SessionAuthorityNamespace | undefined
  readonly freshness?: SessionFreshness | undefined
  readonly onUnavailable?: SessionUnavailablePolicy | undefined
  readonly memoryEntries?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly timers?: Timers | undefined
  readonly now: () => number
}

export interface ConfirmOptions {
  readonly freshness?: SessionFreshness | undefined
  readonly onUnavailable?: SessionUnavailablePolicy | undefined
}

/** A copy in memory is taken from KV anew after as long as KV itself takes to show a change. */
const rereadMs = 60_000
const edgeMs = 3_600_000
const defaultOpenMs = 900_000
/** How long a token that was never listed is refused after its deletion: longer than any request that may still set it. */
const refuseUnknownMs = 86_400_000

/** Sessions of `SessionCacheClient` as their users’ authorities confirm them, and what this isolate remembers of that. */
export class ConfirmedSessions {
  readonly #options: ConfirmedSessionsOptions
  readonly #authority: SessionAuthorityNamespace
  readonly #held: LruMap<HeldSession | typeof ended>
  readonly #wait: { readonly timeoutMs: number; readonly timers: Timers }

  /**
   * @throws {TypeError} When the authority is no namespace.
   * @throws {RangeError} When a number is out of range.
   */
  constructor(options: ConfirmedSessionsOptions) {
    const { authority, memoryEntries = 10_000, timeoutMs = 2000, timers = globalThis } = options
    const candidate = authority as Partial<SessionAuthorityNamespace> | null | undefined
    if (authority === undefined || typeof candidate?.getByName !== 'function') {
      throw new TypeError(
        `Cannot create session cache: authority must be a Durable Object binding of SessionObject, received ${candidate === null ? 'null' : typeof authority}`,
      )
    }
    checkNumber('create session cache: memoryEntries', memoryEntries, { min: 0 })
    checkNumber('create session cache: timeoutMs', timeoutMs, { min: 1 })
    toFreshMs(options.freshness)
    toOpenMs(options.onUnavailable)
    this.#options = options
    this.#authority = authority
    this.#held = new LruMap(memoryEntries)
    this.#wait = { timeoutMs, timers }
  }

  /**
   * @param read Reads it from KV.
   * @throws {SessionError} When the authority does not answer, and no copy is young enough.
   * @throws What `read` throws, where nothing else has the session.
   */
  async get(
    tokenHash: string,
    read: () => Promise<ConfirmedSession | null>,
    options: ConfirmOptions = {},
  ): Promise<StoredSession | null> {
    const freshness = options.freshness ?? this.#options.freshness
    const freshMs = toFreshMs(freshness)
    const held = this.#held.get(tokenHash)
    if (held === ended) return null
    const startMs = this.#options.now()
    const live = held === undefined || isOver(held, startMs) ? undefined : held
    if (live !== undefined && isYoung(live, freshMs, startMs)) return live.stored
    // Beside each other: neither waits for what the other says.
    const checking = live && this.#check(tokenHash, live.stored.user.id)
    const copy = await this.#read(live, { read, maxAgeMs: Math.max(rereadMs, freshMs) })
    if (copy === null) {
      this.#forget(tokenHash)
      return null
    }
    if (checking === undefined && isYoung(copy, freshMs, this.#options.now())) {
      return this.#hold(tokenHash, copy)
    }
    const askedAtMs = checking === undefined ? this.#options.now() : startMs
    const answer = await (checking ?? this.#check(tokenHash, copy.stored.user.id))
    if (answer === 'live') return this.#hold(tokenHash, { ...copy, confirmedAtMs: askedAtMs })
    if (answer instanceof SessionError) {
      const openMs = toOpenMs(options.onUnavailable ?? this.#options.onUnavailable, freshness)
      const isKnown = this.#held.get(tokenHash) !== ended
      // What memory confirmed may be younger than what KV has.
      const youngest = Math.max(copy.confirmedAtMs, live?.confirmedAtMs ?? -Infinity)
      if (isKnown && isYoung({ confirmedAtMs: youngest }, openMs, this.#options.now())) {
        return copy.stored
      }
      throw answer
    }
    if (answer === 'unknown' || answer === 'expired' || answer === 'idle') this.#forget(tokenHash)
    else this.#held.set(tokenHash, ended)
    return null
  }

  /**
   * Lists a session with its authority.
   *
   * @returns What to write to KV, or `null` where the authority has ended it.
   */
  async register(
    tokenHash: string,
    stored: StoredSession,
    options: { readonly expiresAtMs: number; readonly readAtMs?: number | undefined },
  ): Promise<ConfirmedSession | null> {
    if (this.#held.get(tokenHash) === ended) return null
    const nowMs = this.#options.now()
    const { userId, expiresAt } = stored.session
    const endMs = Date.parse(expiresAt)
    const reply = await this.#ask('cache', userId, (authority) =>
      authority.create({
        tokenHash,
        record: {
          id: toRecordId(tokenHash),
          userId,
          version: 1,
          createdAtMs: nowMs,
          authenticatedAtMs: nowMs,
          lastSeenAtMs: nowMs,
          expiresAtMs: endMs,
          idleTimeoutMs: endMs - nowMs,
          remember: true,
          everyoneEpoch: 0,
          roles: [],
          data: null,
        },
        // All sessions of the user may have been ended since it was read.
        epoch: Math.min(options.readAtMs ?? nowMs, nowMs),
      }),
    )
    if (!reply.ok) {
      this.#forget(tokenHash)
      return null
    }
    const { expiresAtMs } = options
    const copy = { stored, confirmedAtMs: nowMs, expiresAtMs, readAtMs: nowMs }
    return this.#hold(tokenHash, copy) === null ? null : copy
  }

  /** @returns Whose session it is, as far as this isolate knows. */
  userOf(tokenHash: string): string | undefined {
    const held = this.#held.get(tokenHash)
    return held === undefined || held === ended ? undefined : held.stored.user.id
  }

  /** Ends a session. One that the authority does not list is refused all the same. */
  async revoke(tokenHash: string, userId: string): Promise<void> {
    const forgetAtMs = this.#options.now() + refuseUnknownMs
    const ifUnknown = { id: toRecordId(tokenHash), forgetAtMs }
    await this.#ask('delete', userId, (authority) => authority.revoke({ tokenHash, ifUnknown }))
    this.#held.set(tokenHash, ended)
  }

  async revokeAll(userId: string): Promise<RevokeReply> {
    const reply = await this.#ask('delete all', userId, (authority) =>
      authority.revoke({ all: true }),
    )
    for (const tokenHash of reply.tokenHashes) this.#held.set(tokenHash, ended)
    return reply
  }

  /** What is over for this isolate only, such as where nobody knows whose session it is. */
  forget(tokenHash: string): void {
    this.#forget(tokenHash)
  }

  async #read(
    held: HeldSession | undefined,
    { read, maxAgeMs }: { read: () => Promise<ConfirmedSession | null>; maxAgeMs: number },
  ): Promise<HeldSession | null> {
    const nowMs = this.#options.now()
    if (held !== undefined && nowMs - held.readAtMs <= maxAgeMs) return held
    try {
      const copy = await read()
      return copy && { ...copy, readAtMs: nowMs }
    } catch (error) {
      if (held === undefined) throw error
      return held
    }
  }

  /** It never rejects, because what runs beside it may do so first. */
  async #check(tokenHash: string, userId: string): Promise<'live' | SessionRefusal | SessionError> {
    try {
      const reply = await this.#ask('get', userId, (authority) =>
        authority.check({ tokenHash, knownVersion: 1, touch: false, renewalFraction: 1 }),
      )
      return reply.ok ? 'live' : reply.reason
    } catch (error) {
      if (error instanceof SessionError) return error
      throw error
    }
  }

  /** A late answer brings nothing back that was ended meanwhile. */
  #hold(tokenHash: string, copy: HeldSession): StoredSession | null {
    const held = this.#held.get(tokenHash)
    if (held === ended) return null
    const confirmedAtMs = Math.max(copy.confirmedAtMs, held?.confirmedAtMs ?? -Infinity)
    this.#held.set(tokenHash, { ...copy, confirmedAtMs })
    return copy.stored
  }

  #forget(tokenHash: string): void {
    if (this.#held.get(tokenHash) !== ended) this.#held.delete(tokenHash)
  }

  #ask<T>(
    operation: string,
    userId: string,
    call: (authority: SessionAuthorityCalls) => Promise<T>,
  ): Promise<T> {
    // The user as `SessionStore` names them: what ends all sessions of a user there ends these too.
    const userRef = sha256Base64Url(`codex-session-user:${userId}`).slice(0, 22)
    const authority = this.#authority.getByName(`user:${userRef}`)
    return callAuthority(operation, () => call(authority), this.#wait)
  }
}

/** The same from everybody who registers or ends a token. The token’s hash does not follow from it. */
function toRecordId(tokenHash: string): string {
  return sha256Base64Url(`codex-cached-session:${tokenHash}`)
}

function isOver({ stored, expiresAtMs }: ConfirmedSession, nowMs: number): boolean {
  return isExpired(expiresAtMs, nowMs) || isExpired(Date.parse(stored.session.expiresAt), nowMs)
}

/** A stamp from the future is that of another clock, and says nothing. */
function isYoung(
  { confirmedAtMs }: Pick<ConfirmedSession, 'confirmedAtMs'>,
  maxAgeMs: number,
  nowMs: number,
): boolean {
  const ageMs = nowMs - confirmedAtMs
  return ageMs >= 0 && ageMs <= maxAgeMs
}

function toFreshMs(freshness: SessionFreshness = { boundedSeconds: 60 }): number {
  if (freshness === 'strict') return -1
  if (freshness === 'edge') return edgeMs
  const { boundedSeconds } = freshness
  const range = { min: 1, max: 86_400 }
  return checkNumber('judge session: boundedSeconds', boundedSeconds, range) * 1000
}

function toOpenMs(
  policy: SessionUnavailablePolicy | undefined,
  freshness?: SessionFreshness,
): number {
  if (policy === undefined) return freshness === 'strict' ? -1 : defaultOpenMs
  if (policy === 'closed') return -1
  const { openWithinSeconds } = policy
  return checkNumber('judge session: openWithinSeconds', openWithinSeconds, { min: 0 }) * 1000
}
