import { assertKV } from '../kv/assert-kv.ts'
import { deleteKey } from '../kv/delete-key.ts'
import { iterateKeys } from '../kv/key-listing.ts'
import { isExpired, type KVEntry, toExpiresAtMs, toPutOptions } from '../kv/kv-entry.ts'
import { type KVError, toKVError } from '../kv/kv-error.ts'
import { keys } from '../kv/keys.ts'
import { readEntry } from '../kv/read-entry.ts'
import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { forEachConcurrent } from '../shared/for-each-concurrent.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import {
  type CachedSession,
  findSessionFault,
  type StoredSession,
  toStoredSession,
} from './cached-session.ts'

export interface SessionCacheClientOptions {
  /** The clock that expiry is decided on, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** Told of store errors and corrupt values. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
  /**
   * The longest a session stays cached before it is asked for in the database again, in seconds, above 0. It bounds
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

const concurrentDeletes = 6

/**
 * A cache of sessions in Workers KV, in front of the database that owns them.
 *
 * **Secrets.** Keys hold the SHA-256 of the bearer token and values do not hold it, so reading the namespace gives
 * nobody a session.
 *
 * **Consistency.** `get` refuses what is expired by the session's own `expiresAt`, whatever KV says. After `delete` or
 * `deleteUserSessions` other locations may accept the session for 60 seconds longer or more, because KV is eventually
 * consistent. A request that read the session from the database before its revocation may also cache it again after;
 * `maxTtlSeconds` bounds that.
 *
 * **Cost.** `get` is one read, `set` two writes, `delete` one delete, `deleteUserSessions` a list for each 1,000
 * sessions and two deletes for each session.
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

  /**
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When `maxTtlSeconds` is not above 0.
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
  }

  /**
   * Reads a session.
   *
   * @returns What `set` took of the documented fields, or `null` where it is not cached, has expired or cannot be read as a session: ask the
   * database. A value that cannot be read is reported and not deleted.
   * @throws {TypeError} When the token is empty or not a string.
   * @throws {KVError} When KV fails and `onStoreError` is `throw`.
   */
  async get(token: string): Promise<CachedSession | null> {
    const key = keys.session(hashToken('get session', token))
    let entry: KVEntry | null
    try {
      entry = await readEntry(this.#kv, key, { now: this.#now })
    } catch (error) {
      this.#handleStoreError('get', key, toKVError('read', error))
      return null
    }
    if (entry === null) return null
    const stored = this.#parse(key, entry.text)
    if (stored === null || isExpired(Date.parse(stored.session.expiresAt), this.#now())) return null
    return { session: { ...stored.session, token }, user: stored.user }
  }

  /**
   * Caches the fields of a `CachedSession`, and no other that the objects may have, until the session expires, or for `maxTtlSeconds` where that is sooner. One that has expired is not stored.
   *
   * KV takes one write per key and second: of several requests that cache one session together, the first is stored
   * and the others are reported. They do not reject, also where `onStoreError` is `throw`.
   *
   * @throws {TypeError} When the token is not the session's, the user is not the session's, or a field is missing.
   * @throws {KVError} When KV fails, other than by that limit, and `onStoreError` is `throw`.
   */
  async set(token: string, cached: CachedSession): Promise<void> {
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
    try {
      // The user's entry first: where only one of the two is stored, it is the one that finds the other.
      await this.#kv.put(keys.userSession(user.id, tokenHash), '', putOptions)
      await this.#kv.put(key, JSON.stringify(stored), putOptions)
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
   * @throws {KVError} When KV fails, whatever `onStoreError` says: the session may still be served.
   */
  async delete(token: string): Promise<void> {
    const key = keys.session(hashToken('delete session', token))
    await deleteKey(this.#kv, key)
  }

  /**
   * Forgets every session of a user that KV lists.
   *
   * Each session has a key of its own under the user, so concurrent sign-ins lose none. A session cached elsewhere
   * less than about a minute ago may not be listed yet, and one that is being cached during the call may survive it.
   *
   * @throws {TypeError} When the user id is no string.
   * @returns How many were found and deleted, expired ones that KV still keeps included.
   * @throws {KVError} The first failure, after all were tried. What was not deleted is found again by the next call.
   */
  async deleteUserSessions(userId: string): Promise<{ readonly deletedSessions: number }> {
    if (typeof (userId as unknown) !== 'string') {
      throw new TypeError(
        `Cannot delete user sessions: userId must be a string, received ${typeof userId}`,
      )
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

  #reportStoreError(operation: string, key: string, error: KVError): void {
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
