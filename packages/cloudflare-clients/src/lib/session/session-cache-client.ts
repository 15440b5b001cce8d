import { assertKV } from '../kv/assert-kv.ts'
import { deleteKey } from '../kv/delete-key.ts'
import { iterateKeys } from '../kv/key-listing.ts'
import { isExpired, toExpiresAtMs, toPutOptions } from '../kv/kv-entry.ts'
import { kvCall, KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { readEntry } from '../kv/read-entry.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { Timers } from '../shared/timers.ts'
import {
  type CachedSession,
  findSessionFault,
  type StoredSession,
  toStoredSession,
} from './cached-session.ts'
import { type ConfirmedSession, ConfirmedSessions } from './confirmed-sessions.ts'
import type { SessionAuthorityNamespace } from './session-authority-calls.ts'
import { SessionError } from './session-error.ts'
import type { SessionFreshness, SessionUnavailablePolicy } from './session-options.ts'

export interface SessionCacheClientOptions {
  /**
   * The binding of `SessionObject`. With it a session is accepted while its user's object lists it, and KV holds copies of what that
   * said. Default: none, and KV alone decides.
   */
  readonly authority?: SessionAuthorityNamespace
  /** With `authority`: how long ago it may have confirmed what `get` gives. Default `{ boundedSeconds: 60 }`. */
  readonly freshness?: SessionFreshness
  /** With `authority`: what `get` and `set` do when it does not answer. Default: `closed` for strict, `{ openWithinSeconds: 900 }` otherwise. */
  readonly onUnavailable?: SessionUnavailablePolicy
  /** With `authority`: sessions that this isolate keeps, the least recently used go first, from 0. Default 10,000. */
  readonly memoryEntries?: number
  /** With `authority`: how long to wait for it, in ms from 1. Default 2,000. */
  readonly timeoutMs?: number
  /** Default the global ones. */
  readonly timers?: Timers
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of store errors and corrupt values. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /**
   * The longest a session stays cached before it is asked for in the database again, in seconds, from 0.001. It bounds
   * how long a session outlives a revocation that could not reach KV. Default: until the session's own `expiresAt`.
   */
  readonly maxTtlSeconds?: number
  /**
   * What `get` and `set` do when KV fails. `throw`: reject with a `KVError`, so that nobody is taken for signed out.
   * `miss`: report it; `get` gives `null` and `set` does nothing. Choose `miss` only where `null` makes you ask the
   * database. Default `throw`.
   */
  readonly onStoreError?: 'throw' | 'miss'
}

export interface GetSessionOptions {
  /** For this call. Without `authority` it says nothing. */
  readonly freshness?: SessionFreshness
  /** For this call. Without `authority` it says nothing. */
  readonly onUnavailable?: SessionUnavailablePolicy
}

export interface SetSessionOptions {
  /**
   * When the session was read from the database, or created in it, in epoch ms: note the time _before_. With `authority`, it is refused where all
   * sessions of the user were ended since. Default now, which is good for a request that took up to a minute since.
   */
  readonly readAtMs?: number
}

export interface DeleteSessionOptions {
  /** Whose session it is, where the caller knows. With `authority`, that saves a read, and makes the guarantee hold in any case. */
  readonly userId?: string
}

const concurrentDeletes = 6

/**
 * A cache of sessions in Workers KV, in front of the database that owns them.
 *
 * **Secrets.** Keys hold the SHA-256 of the bearer token and values do not hold it, so reading the namespace gives
 * nobody a session.
 *
 * **Consistency with `authority`.** After `delete` or `deleteUserSessions` has returned, no `get` that begins later accepts the session:
 * with `strict` at once, with `{ boundedSeconds }` after that many seconds, with `edge` after an hour, everywhere. That holds however late
 * KV is. `deleteUserSessions` misses none. What has ended is not cached again by a slower request. Where the authority does not answer,
 * `{ openWithinSeconds }` accepts what it confirmed that long ago at most, and `closed` nothing. A user has 100 sessions at once in the authority:
 * those beyond are not cached. For a minute after `deleteUserSessions` new sessions of that user are not cached either.
 *
 * A change that `set` makes to a cached session or user shows as late as KV is, and up to a minute after that, or `boundedSeconds` where
 * that is more.
 *
 * **Consistency without.** `get` refuses what is expired by the session's own `expiresAt`, whatever KV says. After `delete` or
 * `deleteUserSessions` other locations may accept the session for 60 seconds longer or more, because KV is eventually
 * consistent. A request that read the session from the database before its revocation may also cache it again after;
 * `maxTtlSeconds` bounds that.
 *
 * **Cost.** `get` is one read, `set` two writes, `delete` one delete, `deleteUserSessions` a list for each 1,000
 * sessions and two deletes for each session. With `authority`, `get` is nothing while memory is young enough, else a request to an
 * object and at most one read a minute; `set` is a request and one write, `delete` a request and one delete, `deleteUserSessions` a
 * request and one delete for each session.
 *
 * @see https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * import { SessionCacheClient } from '@codex/cloudflare-clients/session'
 *
 * const sessions = new SessionCacheClient(env.AUTH_SESSION_KV, { maxTtlSeconds: 900 })
 * const cached = await sessions.get(token)
 * await sessions.deleteUserSessions('user-1')
 * ```
 */
export class SessionCacheClient {
  readonly #kv: KVNamespace
  readonly #now: () => number
  readonly #report: EventReporter
  readonly #maxTtlSeconds: number
  readonly #onStoreError: 'throw' | 'miss'
  readonly #onUnavailable: SessionUnavailablePolicy | undefined
  readonly #sessions: ConfirmedSessions | undefined

  /**
   * @throws {TypeError} When `kv` or `authority` is no namespace, as where a binding is missing.
   * @throws {RangeError} When `maxTtlSeconds` is under 0.001, or a number is out of range.
   */
  constructor(kv: KVNamespace, options: SessionCacheClientOptions = {}) {
    assertKV('create session cache', kv)
    this.#kv = kv
    this.#now = options.now ?? Date.now
    this.#report = createReporter(options.onEvent)
    this.#maxTtlSeconds = options.maxTtlSeconds ?? Infinity
    if (options.maxTtlSeconds !== undefined) {
      toExpiresAtMs('create session cache', options.maxTtlSeconds, 0)
    }
    this.#onStoreError = options.onStoreError ?? 'throw'
    const { freshness } = options
    this.#onUnavailable = options.onUnavailable ?? (freshness === 'strict' ? 'closed' : undefined)
    // Asked for by name: a binding that is missing must not turn the guarantee off.
    if ('authority' in options) {
      this.#sessions = new ConfirmedSessions({ ...options, now: this.#now })
    }
  }

  /**
   * Reads a session.
   *
   * @returns What `set` took of the documented fields, or `null` where it is not cached, has expired or cannot be read as a session: ask the
   * database. A value that cannot be read is reported and not deleted.
   * @throws {TypeError} When the token is empty or not a string.
   * @throws {KVError} When KV fails and `onStoreError` is `throw`.
   * @throws {SessionError} When the authority does not answer, and `onUnavailable` accepts no copy: answer 503.
   */
  async get(token: string, options?: GetSessionOptions): Promise<CachedSession | null> {
    const tokenHash = hashToken('get session', token)
    let stored: StoredSession | null | undefined
    try {
      stored =
        this.#sessions === undefined
          ? (await this.#read(tokenHash))?.stored
          : await this.#sessions.get(tokenHash, () => this.#read(tokenHash), options)
    } catch (error) {
      if (!(error instanceof KVError)) throw error
      this.#handleStoreError('get', keys.session(tokenHash), error)
    }
    return stored == null ? null : { session: { ...stored.session, token }, user: stored.user }
  }

  /**
   * Caches the fields of a `CachedSession`, and no other that the objects may have, until the session expires, or for `maxTtlSeconds` where that is sooner. One that has expired is not stored.
   *
   * KV takes one write per key and second: of several requests that cache one session together, the first is stored
   * and the others are reported. They do not reject, also where `onStoreError` is `throw`.
   *
   * @throws {TypeError} When the token is not the session's, the user is not the session's, or a field is missing.
   * With `authority` it is listed there first, and what has ended there is not cached.
   *
   * @throws {KVError} When KV fails, other than by that limit, and `onStoreError` is `throw`.
   * @throws {SessionError} When the authority does not answer and `onUnavailable` is `closed`. Otherwise that is reported, and nothing cached.
   */
  async set(token: string, cached: CachedSession, options: SetSessionOptions = {}): Promise<void> {
    const tokenHash = hashToken('cache session', token)
    const fault = findSessionFault(cached)
    if (fault !== null) throw new TypeError(`Cannot cache session: ${fault}`)
    const { session, user } = cached
    if (session.token !== token) {
      throw new TypeError('Cannot cache session: token must be the session’s own')
    }
    const stored = toStoredSession(cached)
    const nowMs = this.#now()
    const expiresAtMs = Math.min(Date.parse(session.expiresAt), nowMs + this.#maxTtlSeconds * 1000)
    if (isExpired(expiresAtMs, nowMs)) return
    const putOptions = toPutOptions('cache session', { expiresAtMs, nowMs })
    const key = keys.session(tokenHash)
    const confirmed = await this.#register(tokenHash, stored, { expiresAtMs, ...options })
    if (confirmed === null) return
    try {
      // The user's entry first: where only one of the two is stored, it is the one that finds the other. An authority needs none.
      if (confirmed === undefined) {
        await this.#kv.put(keys.userSession(user.id, tokenHash), '', putOptions)
      }
      const value = { ...stored, confirmedAtMs: confirmed?.confirmedAtMs }
      await this.#kv.put(key, JSON.stringify(value), putOptions)
    } catch (error) {
      const storeError = toKVError('write', error)
      // Several requests of one page miss together and all set the same session: KV takes the first of them.
      if (storeError.code === 'rate_limited') this.#reportStoreError('set', key, storeError)
      else this.#handleStoreError('set', key, storeError)
    }
  }

  /**
   * Forgets one session, with one retry after a second where KV refuses it for a write just before. The entry under its user stays until it expires, which costs less than reading whose it is.
   *
   * With `authority` the session ends there, and is then taken out of KV, whose failure is only reported. That needs its user: `userId`, or
   * what memory or KV has. Where none of them says it, such as a second after another location cached the session, it is deleted from KV as
   * without an authority, and reported as `unconfirmed_delete`: pass `userId` to exclude that.
   *
   * @throws {KVError} When KV fails, whatever `onStoreError` says, and no authority ended it: the session may still be served.
   * @throws {SessionError} When the authority does not answer: the session may still be served.
   */
  async delete(token: string, options: DeleteSessionOptions = {}): Promise<void> {
    const tokenHash = hashToken('delete session', token)
    const key = keys.session(tokenHash)
    const sessions = this.#sessions
    if (sessions === undefined) return deleteKey(this.#kv, key)
    const userId =
      options.userId ??
      sessions.userOf(tokenHash) ??
      (await this.#read(tokenHash))?.stored.session.userId
    if (userId !== undefined) {
      await sessions.revoke(tokenHash, userId)
      return this.#clean('delete', key)
    }
    sessions.forget(tokenHash)
    await deleteKey(this.#kv, key)
    this.#report({ type: 'unconfirmed_delete', client: 'session-cache', key })
  }

  /**
   * Forgets every session of a user that KV lists.
   *
   * Each session has a key of its own under the user, so concurrent sign-ins lose none. A session cached elsewhere
   * less than about a minute ago may not be listed yet, and one that is being cached during the call may survive it.
   *
   * With `authority` they end there, all of them, and are then taken out of KV, whose failure is only reported. One that is being cached
   * during the call does not survive it.
   *
   * @throws {TypeError} When the user id is no string.
   * @returns How many were found and deleted, expired ones that KV still keeps included. With `authority`: how many ended.
   * @throws {KVError} The first failure, after all were tried. What was not deleted is found again by the next call.
   * @throws {SessionError} When the authority does not answer.
   */
  async deleteUserSessions(userId: string): Promise<{ readonly deletedSessions: number }> {
    if (typeof (userId as unknown) !== 'string') {
      throw new TypeError(
        `Cannot delete user sessions: userId must be a string, received ${typeof userId}`,
      )
    }
    if (this.#sessions !== undefined) {
      const { count, tokenHashes } = await this.#sessions.revokeAll(userId)
      await forEachConcurrent(tokenHashes, concurrentDeletes, (tokenHash) =>
        this.#clean('deleteUserSessions', keys.session(tokenHash)),
      )
      return { deletedSessions: count }
    }
    const prefix = keys.userSessionPrefix(userId)
    let deletedSessions = 0
    const errors = await forEachConcurrent(
      iterateKeys(this.#kv, prefix),
      concurrentDeletes,
      async ({ name }) => {
        await deleteKey(this.#kv, keys.session(name.slice(prefix.length)))
        await deleteKey(this.#kv, name)
        deletedSessions++
      },
    )
    if (errors.length > 0) throw toKVError('delete', errors[0])
    return { deletedSessions }
  }

  async #read(tokenHash: string): Promise<ConfirmedSession | null> {
    const key = keys.session(tokenHash)
    const entry = await readEntry(this.#kv, key, { now: this.#now })
    if (entry === null) return null
    const stored = this.#parse(key, entry.text)
    if (stored === null || isExpired(Date.parse(stored.session.expiresAt), this.#now())) return null
    const { confirmedAtMs = -Infinity } = stored as { readonly confirmedAtMs?: number }
    return { stored: toStoredSession(stored), confirmedAtMs, expiresAtMs: entry.expiresAtMs }
  }

  /** @returns `undefined` without an authority, `null` where it did not take it. */
  async #register(
    tokenHash: string,
    stored: StoredSession,
    options: { readonly expiresAtMs: number; readonly readAtMs?: number },
  ): Promise<ConfirmedSession | null | undefined> {
    if (this.#sessions === undefined) return undefined
    try {
      return await this.#sessions.register(tokenHash, stored, options)
    } catch (error) {
      if (!(error instanceof SessionError) || this.#onUnavailable === 'closed') throw error
      this.#reportStoreError('set', keys.session(tokenHash), error)
      return null
    }
  }

  /** Of what the authority has ended: no copy of it is accepted for longer than the freshness, so a failure is not the caller's. */
  async #clean(operation: string, key: string): Promise<void> {
    try {
      await kvCall('delete', () => this.#kv.delete(key))
    } catch (error) {
      this.#reportStoreError(operation, key, toKVError('delete', error))
    }
  }

  #parse(key: string, text: string): StoredSession | null {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      value = undefined
    }
    const fault = findSessionFault(value)
    if (fault === null) return value as StoredSession
    const reason = `it is not a session: ${fault}`
    this.#report({ type: 'corrupt_value', client: 'session-cache', key, reason })
    return null
  }

  #handleStoreError(operation: string, key: string, error: KVError): void {
    if (this.#onStoreError === 'throw') throw error
    this.#reportStoreError(operation, key, error)
  }

  #reportStoreError(operation: string, key: string, error: KVError | SessionError): void {
    this.#report({ type: 'store_error', client: 'session-cache', operation, key, error })
  }
}

function hashToken(action: string, token: string): string {
  // Without types: the hash of undefined is that of an empty text, and everybody without a cookie would share it.
  if (typeof (token as unknown) !== 'string') {
    throw new TypeError(`Cannot ${action}: token must be a string, received ${typeof token}`)
  }
  if (token === '') throw new TypeError(`Cannot ${action}: token must not be empty`)
  return sha256Base64Url(token)
}
