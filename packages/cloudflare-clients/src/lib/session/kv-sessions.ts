import { iterateKeys } from '../kv/key-listing.ts'
import { isExpired, toPutOptions } from '../kv/kv-entry.ts'
import { keys } from '../kv/keys.ts'
import type { KVCopies } from './kv-copies.ts'
import type {
  RevokeTarget,
  SessionAuthorityCalls,
  SessionPatch,
  SessionReply,
} from './session-authority-calls.ts'
import { endOfCopy, type SessionCopy } from './session-copy.ts'
import { SessionError } from './session-error.ts'
import type { SessionRecord } from './session-record.ts'

export interface KVSessionsOptions {
  readonly kv: KVNamespace
  readonly copies: KVCopies
  readonly now: () => number
}

type Entry = readonly [tokenHash: string, copy: SessionCopy]

/**
 * What can be asked of an authority, answered from KV alone: without exactness. Of two changes at once one is lost, and a list
 * may miss what was made elsewhere within a minute or more.
 *
 * @param userId Where the caller named the user. By a token it is read from the session.
 */
export function kvSessions(
  { kv, copies, now }: KVSessionsOptions,
  userId = '',
): SessionAuthorityCalls {
  async function find(tokenHash: string): Promise<SessionCopy | (SessionReply & { ok: false })> {
    const copy = await copies.load(tokenHash)
    if (copy === undefined) return { ok: false, reason: 'unknown' }
    const nowMs = now()
    if (nowMs < endOfCopy(copy)) return copy
    if (nowMs >= copy.record.expiresAtMs) return { ok: false, reason: 'expired' }
    return { ok: false, reason: nowMs >= (copy.validUntilMs ?? Infinity) ? 'rotated' : 'idle' }
  }

  /** The user's entry first: where only one of the two is stored, it is the one that finds the other. */
  async function add([tokenHash, copy]: Entry): Promise<void> {
    const { userId: owner, expiresAtMs } = copy.record
    const options = toPutOptions('keep session', { expiresAtMs, nowMs: now() })
    await kv.put(keys.userSession(owner, tokenHash), '', options)
    await copies.save(tokenHash, copy)
  }

  /** Every key of a session is tried, and the first failure told. */
  async function end([tokenHash, { record }]: Entry): Promise<void> {
    await copies.remove(tokenHash)
    await kv.delete(keys.userSession(record.userId, tokenHash))
  }

  /** Those that KV lists: the newest of each token. */
  async function* entriesOf(target: RevokeTarget): AsyncGenerator<Entry, void, undefined> {
    if ('tokenHash' in target) {
      const copy = await copies.load(target.tokenHash)
      if (copy !== undefined) yield [target.tokenHash, copy]
      return
    }
    const except: Partial<Extract<RevokeTarget, { all: true }>> = 'all' in target ? target : {}
    const spared =
      except.exceptTokenHash === undefined ? undefined : await copies.load(except.exceptTokenHash)
    const prefix = keys.userSessionPrefix(userId)
    for await (const { name } of iterateKeys(kv, prefix)) {
      const tokenHash = name.slice(prefix.length)
      const copy = await copies.load(tokenHash)
      if (copy === undefined || isExpired(endOfCopy(copy), now())) continue
      const { id } = copy.record
      const isMeant =
        'all' in target
          ? tokenHash !== except.exceptTokenHash &&
            id !== except.exceptSessionId &&
            id !== spared?.record.id
          : id === target.sessionId
      if (isMeant) yield [tokenHash, copy]
    }
  }

  const toNext = (copy: SessionCopy, changes: Partial<SessionRecord>): SessionCopy => ({
    ...copy,
    record: { ...copy.record, ...changes, version: copy.record.version + 1 },
    confirmedAtMs: now(),
  })

  return {
    async create({ tokenHash, record, replaces }) {
      await add([tokenHash, { record, confirmedAtMs: now() }])
      if (replaces !== undefined) await this.revoke({ tokenHash: replaces })
      return { ok: true, replaced: [] }
    },
    async check({ tokenHash, touch, renewalFraction, force }) {
      const copy = await find(tokenHash)
      if ('ok' in copy) return copy
      const { lastSeenAtMs, idleTimeoutMs } = copy.record
      const isDue = now() - lastSeenAtMs >= idleTimeoutMs * renewalFraction
      if (force !== true && !(touch && isDue)) return toReply(copy)
      const seen = toNext(copy, { lastSeenAtMs: now() })
      if (force === true) await copies.save(tokenHash, seen)
      else copies.put(tokenHash, seen)
      return toReply(seen)
    },
    async rotate({ tokenHash, newTokenHash, graceMs, authenticatedAtMs, patch }) {
      const copy = await find(tokenHash)
      if ('ok' in copy) return copy
      const proved = authenticatedAtMs === undefined ? {} : { authenticatedAtMs }
      const next = toNext(withPatch(copy, patch), { ...proved, lastSeenAtMs: now() })
      await add([newTokenHash, { ...next, validUntilMs: undefined }])
      if (graceMs === 0) await end([tokenHash, copy])
      else await copies.save(tokenHash, { ...next, validUntilMs: now() + graceMs })
      const { validUntilMs: _older, ...rest } = toReply(next)
      return rest
    },
    async update(target, patch) {
      let reply: SessionReply = { ok: false, reason: 'unknown' }
      for await (const [tokenHash, copy] of entriesOf(target)) {
        if (isExpired(endOfCopy(copy), now())) continue
        const next = toNext(withPatch(copy, patch), {})
        await copies.save(tokenHash, next)
        reply = toReply(next)
      }
      return reply
    },
    async revoke(target) {
      const tokenHashes: string[] = []
      const ids = new Set<string>()
      for await (const entry of entriesOf(target)) {
        await end(entry)
        tokenHashes.push(entry[0])
        ids.add(entry[1].record.id)
      }
      return { count: ids.size, tokenHashes }
    },
    async list(currentTokenHash) {
      const summaries = new Map<string, Awaited<ReturnType<typeof this.list>>[number]>()
      for await (const [tokenHash, { record }] of entriesOf({ all: true })) {
        const { id, createdAtMs, authenticatedAtMs, lastSeenAtMs, expiresAtMs } = record
        const { device, ipPrefix } = record
        summaries.set(id, {
          ...{ id, createdAtMs, authenticatedAtMs, lastSeenAtMs, expiresAtMs },
          ...(device !== undefined && { device }),
          ...(ipPrefix !== undefined && { ipPrefix }),
          current: tokenHash === currentTokenHash || summaries.get(id)?.current === true,
        })
      }
      return [...summaries.values()].sort((a, b) => b.createdAtMs - a.createdAtMs)
    },
    getEpoch: refuseAlone,
    setBan: refuseAlone,
    getEveryoneEpoch: refuseAlone,
    raiseEveryoneEpoch: refuseAlone,
  }
}

function withPatch(copy: SessionCopy, { email, ...rest }: SessionPatch = {}): SessionCopy {
  const { email: older, ...record } = copy.record
  const kept = email === undefined ? older : email
  return { ...copy, record: { ...record, ...rest, ...(kept != null && { email: kept }) } }
}

function toReply({ record, validUntilMs }: SessionCopy): SessionReply & { ok: true } {
  const { version } = record
  return { ok: true, version, record, ...(validUntilMs !== undefined && { validUntilMs }) }
}

/** @throws {SessionError} With code `no_authority`. */
export function refuseAlone(): Promise<never> {
  const message = 'Cannot decide about all sessions: it takes an authority, received none'
  return Promise.reject(new SessionError(message, { code: 'no_authority', operation: 'decide' }))
}
