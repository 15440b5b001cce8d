import type {
  CheckSessionRequest,
  CreateSessionReply,
  CreateSessionRequest,
  RevokeReply,
  RevokeTarget,
  RotateSessionRequest,
  SessionAuthorityCalls,
  SessionPatch,
  SessionRefusal,
  SessionReply,
  SessionSummary,
} from './session-authority-calls.ts'
import { endOf, type SessionRecord } from './session-record.ts'
import { hashesOf, SessionRows } from './session-rows.ts'
import type {
  LiveSessionRow,
  SessionRow,
  SessionStorage,
  SessionToken,
  SessionUserRow,
} from './session-storage.ts'
import { isAccepted, stateOfToken, withRotation, withUse } from './session-tokens.ts'

/** The calls of an authority as it decides them: without waiting for anything. */
export type SyncSessionAuthorityCalls = {
  [Name in keyof SessionAuthorityCalls]: (
    ...args: Parameters<SessionAuthorityCalls[Name]>
  ) => Awaited<ReturnType<SessionAuthorityCalls[Name]>>
}

export interface SessionAuthorityOptions {
  readonly storage: SessionStorage
  /** Epoch ms. */
  readonly now: () => number
  /** Told of each session that was ended because a rotated token of it was used. Default: nobody. */
  readonly onReuse?: ((record: SessionRecord) => void) | undefined
}

/** Sessions that a user may have at once. Another one ends the least recently seen. */
export const maxSessions = 100
/** Sessions that ended, and are known to have. The oldest ones are forgotten first. */
export const maxEndedSessions = 200
/** How long a session is known after it would have ended, and how old an epoch may be. */
const forgetAfterMs = 86_400_000
/** The least time between two renewals of a session. */
const minRenewalMs = 1000
/** By how much a clock may go back between two lives of an object, and an epoch asked for before still be refused. */
const clockSlackMs = 60_000

type Found =
  | { readonly ok: true; readonly row: LiveSessionRow }
  | { readonly ok: false; readonly reason: SessionRefusal }

const nothingRevoked: RevokeReply = { count: 0, tokenHashes: [] }

/**
 * Decides which sessions of one user live: synchronously, by a clock that is handed in and never goes back here. It does
 * nothing by itself.
 *
 * A session is valid as long as it is listed, whatever the epoch is: that is for those who are signing in while all sessions
 * are revoked. Each change is one row, written before it is true, so a restart forgets nothing that was promised, and a write
 * that fails changes nothing. A session that was revoked is known by its hashes until a day after it would have ended, and is
 * refused after that too, as `unknown`.
 *
 * A user has at most 100 sessions: with one more, the least recently seen is revoked. Of ended ones the last 200 are known.
 */
export class SessionAuthority implements SyncSessionAuthorityCalls {
  readonly #storage: SessionStorage
  readonly #now: () => number
  readonly #onReuse: ((record: SessionRecord) => void) | undefined
  readonly #rows: SessionRows
  #user: SessionUserRow | undefined
  #seenMs: number

  constructor({ storage, now, onReuse }: SessionAuthorityOptions) {
    this.#storage = storage
    this.#now = now
    this.#onReuse = onReuse
    this.#user = storage.loadUser()
    this.#rows = new SessionRows(storage)
    this.#seenMs = this.#user?.seenMs ?? -Infinity
    for (const { seenMs } of this.#rows.all()) this.#seenMs = Math.max(this.#seenMs, seenMs)
  }

  /** Lists a session. A repeated call for one that is listed prolongs it, where the record ends later, and changes nothing else. */
  create({ tokenHash, record, epoch, replaces }: CreateSessionRequest): CreateSessionReply {
    const nowMs = this.#advance()
    const known = this.#rows.getByHash(tokenHash)
    if (known !== this.#rows.get(record.id)) {
      throw new TypeError(
        'Cannot create session: its token hash and its id must be new, received one that another session has',
      )
    }
    if (this.#user?.banned === true) return { ok: false, reason: 'banned' }
    const replaced = replaces === undefined ? undefined : this.#rows.getByHash(replaces)
    if (known !== undefined) {
      // The call is repeated. Where the session has ended in between, nothing brings it back.
      if (known.record === null) return { ok: false, reason: 'epoch_moved' }
      if (endOf(record) > endOf(known.record)) {
        // One that is over was not ended by a revocation of all: it must not come back for one that read it before.
        if (epoch !== undefined && !this.#isCurrentEpoch(epoch, nowMs)) {
          return { ok: false, reason: 'epoch_moved' }
        }
        const { lastSeenAtMs, idleTimeoutMs, expiresAtMs } = record
        const row = { ...known, record: known.record }
        this.#change(row, { ...known.record, lastSeenAtMs, idleTimeoutMs, expiresAtMs })
      }
      return { ok: true, replaced: replaced?.record === null ? replaced.tokenHashes : [] }
    }
    if (epoch !== undefined && !this.#isCurrentEpoch(epoch, nowMs)) {
      return { ok: false, reason: 'epoch_moved' }
    }
    const leaving = this.#liveRows(nowMs).filter((row) => row === replaced)
    const staying = this.#liveRows(nowMs).filter((row) => row !== replaced)
    staying.sort((a, b) => a.record.lastSeenAtMs - b.record.lastSeenAtMs)
    leaving.push(...staying.slice(0, Math.max(0, staying.length + 1 - maxSessions)))
    const { tokenHashes } = this.#endAll(leaving)
    this.#saveLive({ id: record.id, record, tokens: [{ hash: tokenHash }] })
    this.#forgetOldestEnded(nowMs)
    return { ok: true, replaced: tokenHashes }
  }

  check(request: CheckSessionRequest): SessionReply {
    const { tokenHash, knownVersion, touch, renewalFraction, force } = request
    const nowMs = this.#advance()
    const found = this.#find(tokenHash, nowMs)
    if (!found.ok) return found
    const { record } = found.row
    const row = { ...found.row, tokens: withUse(found.row.tokens, tokenHash) }
    const renewalMs = force === true ? 0 : record.idleTimeoutMs * renewalFraction
    const isDue = nowMs - record.lastSeenAtMs >= Math.max(minRenewalMs, renewalMs)
    let saved: LiveSessionRow = row
    if (touch && isDue) saved = this.#change(row, { ...record, lastSeenAtMs: nowMs })
    else if (row.tokens !== found.row.tokens) saved = this.#saveLive(row)
    return replyFor(saved, { tokenHash, knownVersion, nowMs })
  }

  /** A repeated call with the same `newTokenHash` changes nothing. */
  rotate(request: RotateSessionRequest): SessionReply {
    const { tokenHash, newTokenHash, graceMs, authenticatedAtMs, patch } = request
    if (!(graceMs >= 0)) {
      throw new RangeError(`Cannot rotate session: graceMs must be at least 0, received ${graceMs}`)
    }
    const nowMs = this.#advance()
    const known = this.#rows.getByHash(newTokenHash)
    if (
      tokenHash === newTokenHash ||
      (known !== undefined && known !== this.#rows.getByHash(tokenHash))
    ) {
      throw new TypeError('Cannot rotate session: newTokenHash must be new, received a known one')
    }
    // By the newer token, where the call is repeated: the first one may have ended the older.
    const found = this.#find(known === undefined ? tokenHash : newTokenHash, nowMs)
    if (!found.ok) return found
    if (known !== undefined) return replyFor(found.row, { tokenHash: newTokenHash, nowMs })
    const tokens = withRotation(found.row.tokens, {
      hash: tokenHash,
      newHash: newTokenHash,
      graceMs,
      nowMs,
    })
    const record = applyPatch(found.row.record, patch ?? {})
    const saved = this.#change(
      { ...found.row, tokens },
      {
        ...record,
        lastSeenAtMs: Math.max(record.lastSeenAtMs, nowMs),
        authenticatedAtMs: Math.max(record.authenticatedAtMs, authenticatedAtMs ?? 0),
      },
    )
    return replyFor(saved, { tokenHash: newTokenHash, nowMs })
  }

  /** With `all`, the reply is for the newest session that was changed, and `unknown` where there was none. */
  update(target: RevokeTarget, patch: SessionPatch): SessionReply {
    const nowMs = this.#advance()
    if ('all' in target) {
      const changed = this.#targetsOfAll(target, nowMs).map((row) =>
        this.#change(row, applyPatch(row.record, patch)),
      )
      const [newest] = changed
      return newest === undefined ? { ok: false, reason: 'unknown' } : replyFor(newest, { nowMs })
    }
    if ('sessionId' in target) {
      const found = judge(this.#rows.get(target.sessionId), nowMs)
      if (!found.ok) return found
      return replyFor(this.#change(found.row, applyPatch(found.row.record, patch)), { nowMs })
    }
    const { tokenHash } = target
    const found = this.#find(tokenHash, nowMs)
    if (!found.ok) return found
    const row = { ...found.row, tokens: withUse(found.row.tokens, tokenHash) }
    return replyFor(this.#change(row, applyPatch(row.record, patch)), { tokenHash, nowMs })
  }

  /**
   * Any token of a session ends it, also one that was rotated. A session that ended before is not counted again; its hashes are
   * given again, so that taking its copies out of KV can be repeated.
   */
  revoke(target: RevokeTarget): RevokeReply {
    const nowMs = this.#advance()
    if ('all' in target) {
      const leaving = this.#targetsOfAll(target, nowMs)
      this.#moveEpoch(nowMs)
      return this.#endAll(leaving)
    }
    const row =
      'tokenHash' in target
        ? this.#rows.getByHash(target.tokenHash)
        : this.#rows.get(target.sessionId)
    if (row !== undefined) {
      const judged = judge(row, nowMs)
      if (judged.ok) return this.#endAll([judged.row])
    }
    // Also one that is over, which a later call would prolong.
    if (row?.record !== null && 'tokenHash' in target) this.#refuse(target)
    return row === undefined ? nothingRevoked : { count: 0, tokenHashes: hashesOf(row) }
  }

  /** The newest first, without those that have expired. */
  list(currentTokenHash?: string): readonly SessionSummary[] {
    return this.#liveRows(this.#advance()).map(({ record, tokens }) => ({
      id: record.id,
      createdAtMs: record.createdAtMs,
      authenticatedAtMs: record.authenticatedAtMs,
      lastSeenAtMs: record.lastSeenAtMs,
      expiresAtMs: record.expiresAtMs,
      ...(record.device !== undefined && { device: record.device }),
      ...(record.ipPrefix !== undefined && { ipPrefix: record.ipPrefix }),
      current: tokens.some(({ hash }) => hash === currentTokenHash),
    }))
  }

  /**
   * What a sign-in that begins now hands to `create`. It is the time, or just above what was revoked, so that it need not be kept for
   * ever: it is good for a day.
   */
  getEpoch(): number {
    const nowMs = this.#advance()
    return Math.max(nowMs, (this.#user?.revokedEpochMs ?? -Infinity) + 1)
  }

  setBan(banned: boolean): RevokeReply {
    const nowMs = this.#advance()
    if (banned) {
      this.#moveEpoch(nowMs, { banned })
      return this.#endAll(this.#liveRows(nowMs))
    }
    if (this.#user?.banned === true) this.#saveUser({ banned })
    return nothingRevoked
  }

  getEveryoneEpoch(): number {
    return this.#user?.everyoneEpoch ?? 0
  }

  /** It never falls. */
  raiseEveryoneEpoch(toAtLeast: number): number {
    if (!Number.isFinite(toAtLeast)) {
      throw new RangeError(
        `Cannot raise epoch of everyone: toAtLeast must be finite, received ${toAtLeast}`,
      )
    }
    this.#advance()
    if (toAtLeast > this.getEveryoneEpoch()) this.#saveUser({ everyoneEpoch: toAtLeast })
    return this.getEveryoneEpoch()
  }

  /** Deletes the rows that say nothing any more. @returns Whether none is left. */
  deleteForgotten(): boolean {
    const nowMs = this.#advance()
    for (const { id, forgetAtMs } of this.#rows.all()) {
      if (forgetAtMs <= nowMs) this.#rows.delete(id)
    }
    if (this.#user !== undefined && forgetUserAtMs(this.#user) <= nowMs) {
      this.#storage.deleteUser()
      this.#user = undefined
    }
    return this.#rows.size === 0 && this.#user === undefined
  }

  /** When `deleteForgotten` has something to do, in epoch ms. `null`: never, as where nothing is left, or a ban only. */
  nextForgetAtMs(): number | null {
    let nextMs = this.#user === undefined ? Infinity : forgetUserAtMs(this.#user)
    for (const { forgetAtMs } of this.#rows.all()) nextMs = Math.min(nextMs, forgetAtMs)
    return nextMs === Infinity ? null : nextMs
  }

  #advance(): number {
    this.#seenMs = Math.max(this.#seenMs, this.#now())
    return this.#seenMs
  }

  /** Judges a token. One that is used after it was replaced ends its session. */
  #find(hash: string, nowMs: number): Found {
    const judged = judge(this.#rows.getByHash(hash), nowMs)
    if (!judged.ok) return judged
    const token = tokenOf(judged.row, hash)
    const state = token === undefined ? 'rotated' : stateOfToken(token, nowMs)
    if (state === 'rotated') return { ok: false, reason: state }
    if (state !== 'reused') return judged
    this.#end(judged.row, state)
    this.#onReuse?.(judged.row.record)
    return { ok: false, reason: state }
  }

  /** The newest first. */
  #liveRows(nowMs: number): LiveSessionRow[] {
    return this.#rows
      .all()
      .flatMap((row) => (row.record !== null && nowMs < endOf(row.record) ? [row] : []))
      .reverse()
      .sort((a, b) => b.record.createdAtMs - a.record.createdAtMs)
  }

  #targetsOfAll(
    { exceptTokenHash, exceptSessionId }: Extract<RevokeTarget, { all: true }>,
    nowMs: number,
  ): LiveSessionRow[] {
    return this.#liveRows(nowMs).filter((row) => {
      // A token that is not accepted any more spares nothing.
      const token = exceptTokenHash === undefined ? undefined : tokenOf(row, exceptTokenHash)
      return row.id !== exceptSessionId && !(token !== undefined && isAccepted(token, nowMs))
    })
  }

  #change(row: LiveSessionRow, record: SessionRecord): LiveSessionRow {
    return this.#saveLive({ ...row, record: { ...record, version: row.record.version + 1 } })
  }

  #saveLive({
    id,
    record,
    tokens,
  }: Pick<LiveSessionRow, 'id' | 'record' | 'tokens'>): LiveSessionRow {
    const forgetAtMs = endOf(record) + forgetAfterMs
    const row = { id, seenMs: this.#seenMs, forgetAtMs, record, tokens }
    this.#rows.save(row)
    return row
  }

  #endAll(rows: readonly LiveSessionRow[]): RevokeReply {
    for (const row of rows) this.#end(row, 'revoked')
    return { count: rows.length, tokenHashes: rows.flatMap(hashesOf) }
  }

  #end(row: LiveSessionRow, reason: 'revoked' | 'reused'): void {
    const { id, forgetAtMs } = row
    const tokenHashes = hashesOf(row)
    this.#rows.save({ id, seenMs: this.#seenMs, forgetAtMs, record: null, reason, tokenHashes })
  }

  /** One that is not listed, so that nobody lists it later. */
  #refuse({ tokenHash, ifUnknown }: Extract<RevokeTarget, { tokenHash: string }>): void {
    if (ifUnknown === undefined) return
    this.#rows.save({
      ...ifUnknown,
      seenMs: this.#seenMs,
      record: null,
      reason: 'revoked',
      tokenHashes: [tokenHash],
    })
    this.#forgetOldestEnded(this.#seenMs)
  }

  #forgetOldestEnded(nowMs: number): void {
    const ended = this.#rows.all().filter((row) => !judge(row, nowMs).ok)
    ended.sort((a, b) => a.forgetAtMs - b.forgetAtMs)
    const tooMany = Math.max(0, ended.length - maxEndedSessions)
    for (const { id } of ended.slice(0, tooMany)) this.#rows.delete(id)
  }

  #isCurrentEpoch(epoch: number, nowMs: number): boolean {
    return epoch > Math.max(this.#user?.revokedEpochMs ?? -Infinity, nowMs - forgetAfterMs)
  }

  /** Above all that were handed out, also where the clock of the last start was a bit ahead. */
  #moveEpoch(nowMs: number, changes: Partial<SessionUserRow> = {}): void {
    const lastMs = this.#user?.revokedEpochMs ?? -Infinity
    this.#saveUser({ ...changes, revokedEpochMs: Math.max(nowMs + clockSlackMs, lastMs + 1) })
  }

  #saveUser(changes: Partial<SessionUserRow>): void {
    const row = { ...(this.#user ?? newUser), ...changes, seenMs: this.#seenMs }
    this.#storage.saveUser(row)
    this.#user = row
  }
}

const newUser: SessionUserRow = { seenMs: 0, revokedEpochMs: null, banned: false, everyoneEpoch: 0 }

function forgetUserAtMs({ revokedEpochMs, banned, everyoneEpoch }: SessionUserRow): number {
  if (banned || everyoneEpoch > 0) return Infinity
  return revokedEpochMs === null ? -Infinity : revokedEpochMs + forgetAfterMs
}

function judge(row: SessionRow | undefined, nowMs: number): Found {
  if (row === undefined) return { ok: false, reason: 'unknown' }
  if (row.record === null) return { ok: false, reason: row.reason }
  const endMs = endOf(row.record)
  if (nowMs < endMs) return { ok: true, row }
  // Whichever came first, so that the reason does not change later.
  return { ok: false, reason: endMs === row.record.expiresAtMs ? 'expired' : 'idle' }
}

function tokenOf(row: LiveSessionRow, hash: string): SessionToken | undefined {
  return row.tokens.find((token) => token.hash === hash)
}

function applyPatch(record: SessionRecord, { email, roles, data }: SessionPatch): SessionRecord {
  const { email: _older, ...rest } = record
  return {
    ...(email === null ? rest : record),
    ...(email != null && { email }),
    ...(roles !== undefined && { roles }),
    ...(data !== undefined && { data }),
  }
}

function replyFor(
  row: LiveSessionRow,
  {
    tokenHash,
    knownVersion,
    nowMs,
  }: {
    readonly tokenHash?: string
    readonly knownVersion?: number | undefined
    readonly nowMs: number
  },
): SessionReply {
  const { record } = row
  const validUntilMs = tokenHash === undefined ? undefined : tokenOf(row, tokenHash)?.validUntilMs
  return {
    ok: true,
    version: record.version,
    // After its grace a token is good as long as its successors are not used, which nobody can date.
    ...(validUntilMs !== undefined && nowMs < validUntilMs && { validUntilMs }),
    ...(record.version !== knownVersion && { record }),
  }
}
