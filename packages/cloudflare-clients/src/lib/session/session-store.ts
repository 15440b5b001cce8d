import { assertKV } from '../kv/assert-kv.ts'
import { checkNumber } from '../shared/check-number.ts'
import { SealedCopies, sealedCopySeconds } from './sealed-copy.ts'
import type { SessionPatch, SessionSummary } from './session-authority-calls.ts'
import { createSessionCookies, type SessionCookies } from './session-cookie.ts'
import { toSession } from './session-copy.ts'
import { SessionDesk, type SessionUser } from './session-desk.ts'
import { SessionError } from './session-error.ts'
import { checkUserId, toDetails, toPatch, toRecord } from './session-input.ts'
import type {
  CreateSessionOptions,
  RotateOptions,
  Session,
  SessionFreshness,
  SessionStoreOptions,
  SessionUnavailablePolicy,
  SessionValidation,
  ValidateOptions,
} from './session-options.ts'
import {
  checkGrace,
  type SessionSettings,
  toMaxAgeMs,
  toOpenMs,
  toSettings,
} from './session-settings.ts'
import { type KnownToken, SessionTokens, toUserRef } from './session-token.ts'

/**
 * Sessions that are revoked when it is said, not when a cache expires.
 *
 * A Durable Object for each user, the authority, decides which of their sessions live. Memory, KV and a sealed cookie carry
 * copies of what it said, and each call says how old a copy may be.
 *
 * **Bounds.** Counted from when `destroy` and the like returned: `strict` refuses at once; `{ boundedSeconds }` within so
 * many seconds; `edge` within `edgeSeconds`. They hold however late KV is, and as far as the clocks of Cloudflare's machines
 * agree. What an isolate revoked itself, or was told of, it refuses at once, as long as it remembers it (`memoryEntries`).
 *
 * **Failures.** Where the authority does not answer, the call rejects with a `SessionError`, or takes a young copy, as
 * `onUnavailable` says. KV fails nobody: it is reported. No call is tried again.
 *
 * **Secrets.** Neither KV nor the authority holds a token, only the SHA-256 of its secret part.
 *
 * **Cost.** Warm: nothing. `strict`: one request to the authority. Cold: one request to it, or in `edge` one read of KV. A
 * forged token: nothing. `create` is two requests and a write. Once in `everyoneSeconds` an isolate that asks an authority
 * also reads the epoch of everyone.
 *
 * @see https://developers.cloudflare.com/durable-objects/
 */
export class SessionStore<Data = unknown> {
  readonly #settings: SessionSettings
  readonly #freshness: SessionFreshness
  readonly #onUnavailable: SessionUnavailablePolicy | undefined
  readonly #now: () => number
  readonly #random: (bytes: Uint8Array) => Uint8Array
  readonly #tokens: SessionTokens
  readonly #sealed: SealedCopies
  readonly #cookies: SessionCookies
  readonly #desk: SessionDesk

  /**
   * @param kv Where copies are kept.
   * @throws {TypeError} When `kv` is no namespace, as where a binding is missing.
   * @throws {RangeError} When an option is out of its range.
   */
  constructor(kv: KVNamespace, options: SessionStoreOptions = {}) {
    assertKV('create session store', kv)
    const { now = Date.now, random = fillRandom, authority, onUnavailable } = options
    const settings = toSettings(options)
    const { secrets, memoryEntries } = settings
    this.#settings = settings
    this.#freshness =
      options.freshness ?? (authority === undefined ? 'edge' : { boundedSeconds: 60 })
    this.#onUnavailable = onUnavailable
    this.#now = now
    this.#random = random
    this.#tokens = new SessionTokens({ secrets, random, memoryEntries })
    this.#sealed = new SealedCopies(secrets, random)
    this.#cookies = createSessionCookies(options.cookie)
    this.#desk = new SessionDesk({ kv, authority, options, settings, now, random })
    // Checked here once, and not by the first request.
    this.#toAges('create session store:', this.#freshness, onUnavailable)
  }

  /**
   * Makes a session.
   *
   * @returns Its token, for the cookie. It is nowhere else.
   * @throws {SessionError} `epoch_moved` or `banned` when the authority refuses it, `unavailable`, `overloaded` or
   * `no_answer` when it does not answer.
   * @throws {TypeError | RangeError} When the user id or an option is not what it should be.
   */
  async create(userId: string, options: CreateSessionOptions<Data> = {}): Promise<string> {
    const action = 'create session'
    checkUserId(action, userId)
    const details = toDetails(action, options)
    const { remembered, unremembered } = this.#settings
    const { epoch } = options
    const replaces = this.#read(options.replaces)
    const random = this.#random
    const { token, userRef, tokenHash } = this.#tokens.mint(toUserRef(userId))
    const ownReplaced = replaces?.userRef === userRef ? replaces.tokenHash : undefined
    const everyoneEpoch = await this.#desk.readEpoch('create')
    const nowMs = this.#now()
    const lifetimes = details.remember ? remembered : unremembered
    const record = toRecord(details, { userId, nowMs, lifetimes, everyoneEpoch, random })
    const request = { tokenHash, record, epoch, replaces: ownReplaced }
    const reply = await this.#desk.call('create', { userRef }, (calls) => calls.create(request))
    if (!reply.ok) {
      const why = reply.reason === 'banned' ? 'the user is banned' : 'all sessions were ended since'
      throw new SessionError(`Cannot ${action}: ${why}`, {
        code: reply.reason,
        operation: 'create',
      })
    }
    this.#desk.forget(
      new Set([...reply.replaced, ...(ownReplaced === undefined ? [] : [ownReplaced])]),
    )
    this.#desk.keep(tokenHash, { record, confirmedAtMs: nowMs }, { isNew: true })
    this.#desk.audit('created', { userId })
    if (replaces !== undefined && ownReplaced === undefined) await this.#leave(replaces)
    return token
  }

  /**
   * Judges a token. A session that is served is also counted as seen: that prolongs its idle timeout, once in each renewal fraction of it.
   *
   * @param token `null` or absent where the request has none.
   * @returns Whether it is good, what that was decided by, and what the answer is worth.
   * @throws {SessionError} When the authority does not answer, and `onUnavailable` allows no copy there is. Answer 503.
   * @throws {TypeError | RangeError} When an option is not what it should be.
   */
  async validate(
    token: string | null | undefined,
    options: ValidateOptions = {},
  ): Promise<SessionValidation<Data>> {
    const { freshness = this.#freshness, onUnavailable = this.#onUnavailable } = options
    const action = 'validate session:'
    const ages = this.#toAges(action, freshness, onUnavailable)
    const { authenticatedWithinSeconds, cookieHeader } = options
    if (authenticatedWithinSeconds !== undefined) {
      checkNumber(`${action} authenticatedWithinSeconds`, authenticatedWithinSeconds, { min: 0 })
    }
    const refuse = (reason: 'missing' | 'malformed' | 'forged'): SessionValidation<Data> => ({
      ok: false,
      reason,
      source: 'token',
      ageMs: 0,
      boundMs: 0,
    })
    if (token == null || token === '') return refuse('missing')
    const known = this.#tokens.read(token)
    if (typeof known === 'string') return refuse(known)
    const sealed = cookieHeader == null ? null : this.#cookies.read(cookieHeader).copy
    const verdict = await this.#desk.judge(known, {
      ...ages,
      isEdge: freshness === 'edge',
      openSealed: sealed === null ? undefined : () => this.#sealed.open(known.tokenHash, sealed),
    })
    if (!verdict.ok) return verdict
    const { record, ...judgement } = verdict
    const session = toSession<Data>(record)
    const provedMs = this.#now() - record.authenticatedAtMs
    if (authenticatedWithinSeconds !== undefined && provedMs > authenticatedWithinSeconds * 1000) {
      return { ...judgement, ok: false, reason: 'reauthentication_required', session }
    }
    return { ...judgement, session }
  }

  /**
   * {@link validate} with the store's defaults.
   *
   * @returns The session, or `null` where the token is not good.
   * @throws {SessionError} As {@link validate}.
   */
  async get(token: string | null | undefined): Promise<Session<Data> | null> {
    const validation = await this.validate(token)
    return validation.ok ? validation.session : null
  }

  /**
   * Ends the session of a token.
   *
   * @returns Whether there was one.
   * @throws {SessionError} When the authority does not answer: the session may have ended or not.
   */
  async destroy(token: string): Promise<boolean> {
    const known = this.#read(token)
    if (known === undefined) return false
    const { userRef, tokenHash } = known
    const { count } = await this.#desk.revoke('destroy', { userRef }, { tokenHash })
    return count > 0
  }

  /**
   * Ends one session of a user, such as from a list of their devices.
   *
   * @returns Whether there was one.
   * @throws {SessionError} When the authority does not answer.
   */
  async destroyById(userId: string, sessionId: string): Promise<boolean> {
    const user = this.#user('destroy session', userId)
    return (await this.#desk.revoke('destroy', user, { sessionId })).count > 0
  }

  /**
   * Ends all sessions of a user, or all but one, and refuses sign-ins that began before.
   *
   * @returns How many ended.
   * @throws {SessionError} When the authority does not answer.
   * @throws {TypeError} When `exceptToken` is no token of this store: it would spare nothing.
   */
  async destroyAllForUser(
    userId: string,
    options: { readonly exceptToken?: string; readonly exceptSessionId?: string } = {},
  ): Promise<number> {
    const user = this.#user('destroy sessions', userId)
    const { exceptToken, exceptSessionId } = options
    const except = this.#read(exceptToken)
    if (exceptToken !== undefined && except === undefined) {
      throw new TypeError(
        'Cannot destroy sessions: exceptToken must be a token of this store, received another text',
      )
    }
    const target = { all: true, exceptTokenHash: except?.tokenHash, exceptSessionId } as const
    return (await this.#desk.revoke('destroy', user, target)).count
  }

  /**
   * Changes a session. `data` is replaced as a whole, and `null` takes `email` away.
   *
   * @returns The session as it is now, or `null` where there is none. Other isolates see the older one within their bounds.
   * @throws {SessionError} When the authority does not answer.
   * @throws {TypeError | RangeError} When a field is not what it should be.
   */
  async update(token: string, patch: SessionPatch): Promise<Session<Data> | null> {
    const checked = toPatch('update session', patch)
    const known = this.#read(token)
    if (known === undefined) return null
    const { tokenHash } = known
    const answer = await this.#desk.change('update', known, (calls) =>
      calls.update({ tokenHash }, checked),
    )
    if (!answer.ok) return null
    this.#desk.audit('updated', { userId: answer.copy.record.userId })
    return toSession(answer.copy.record)
  }

  /**
   * Changes all sessions of a user, such as to a new role. Copies of the older ones are good elsewhere for as long as a
   * revoked session is.
   *
   * @returns Whether they have any.
   * @throws {SessionError} When the authority does not answer.
   */
  async updateUser(userId: string, patch: SessionPatch): Promise<boolean> {
    const checked = toPatch('update sessions', patch)
    const user = this.#user('update sessions', userId)
    const { ok } = await this.#desk.call('update', user, (calls) =>
      calls.update({ all: true }, checked),
    )
    this.#desk.memory.forgetUser(userId)
    if (ok) this.#desk.audit('updated', { userId })
    return ok
  }

  /**
   * Renews the idle timeout now. `validate` does so by itself when it is due.
   *
   * @returns The session, or `null` where there is none.
   * @throws {SessionError} When the authority does not answer.
   */
  async refresh(token: string): Promise<Session<Data> | null> {
    const known = this.#read(token)
    const answer = known && (await this.#desk.renew(known))
    return answer?.ok === true ? toSession(answer.copy.record) : null
  }

  /**
   * Gives a session another token, as after a change of what the user may do. The older one is good for `graceSeconds` more, for
   * requests that are under way. Used after that while the newer one is in use, it ends the session: somebody has stolen it.
   *
   * @returns The new token, or `null` where there is no such session.
   * @throws {SessionError} When the authority does not answer. The older token is good in any case.
   * @throws {TypeError | RangeError} When an option is not what it should be.
   */
  async rotate(token: string, options: RotateOptions = {}): Promise<string | null> {
    const { graceSeconds = this.#settings.graceSeconds, reauthenticated = false } = options
    const graceMs = checkGrace('rotate session:', graceSeconds) * 1000
    const patch = toPatch('rotate session', options)
    const known = this.#read(token)
    if (known === undefined) return null
    const minted = this.#tokens.mint(known.userRef)
    const nowMs = this.#now()
    const answer = await this.#desk.rotate(known, {
      tokenHash: known.tokenHash,
      newTokenHash: minted.tokenHash,
      graceMs,
      ...(reauthenticated && { authenticatedAtMs: nowMs }),
      patch,
    })
    if (!answer.ok) return null
    this.#desk.audit('rotated', { userId: answer.copy.record.userId })
    return minted.token
  }

  /**
   * The sessions of a user, for a list of their devices. Nothing in it can be used as a session.
   *
   * @throws {SessionError} When the authority does not answer.
   */
  async list(
    userId: string,
    { currentToken }: { readonly currentToken?: string } = {},
  ): Promise<readonly SessionSummary[]> {
    const user = this.#user('list sessions', userId)
    const current = this.#read(currentToken)?.tokenHash
    return this.#desk.call('list', user, (calls) => calls.list(current))
  }

  /**
   * What {@link create} takes as `epoch`. Ask for it before the credentials are checked: a sign-in that has begun before all
   * sessions were ended, as for a new password, is refused then.
   *
   * @throws {SessionError} When the authority does not answer.
   */
  async getEpoch(userId: string): Promise<number> {
    const user = this.#user('get epoch', userId)
    return this.#desk.call('get epoch of', user, (calls) => calls.getEpoch())
  }

  /**
   * Ends all sessions of a user and refuses new ones.
   *
   * @returns How many ended.
   * @throws {SessionError} When the authority does not answer.
   */
  async ban(userId: string): Promise<number> {
    return (await this.#desk.setBan('ban', this.#user('ban user', userId), true)).count
  }

  /** @throws {SessionError} When the authority does not answer. */
  async unban(userId: string): Promise<void> {
    await this.#desk.setBan('unban', this.#user('unban user', userId), false)
  }

  /**
   * Ends all sessions of all users. It takes `everyoneSeconds` longer than its requests: then `strict` accepts none
   * of them anywhere, and the others within their bounds from then on.
   *
   * @throws {SessionError} When one of the objects that keep the epoch of everyone does not answer. Some sessions may have
   * ended: call it again.
   */
  async destroyEveryone(): Promise<void> {
    await this.#desk.raiseEpoch('destroy every')
  }

  /**
   * The `Set-Cookie` value for a token.
   *
   * @param options.remember `false`: until the browser is closed. Default `true`.
   * @param options.expiresAtMs The end of the session. Default: that of one that is made now.
   */
  getCookieHeader(
    token: string,
    options: { readonly remember?: boolean; readonly expiresAtMs?: number } = {},
  ): string {
    const { remember = true, expiresAtMs } = options
    if (!remember) return this.#cookies.write(token)
    const nowMs = this.#now()
    const endsAtMs = expiresAtMs ?? nowMs + this.#settings.remembered.absoluteMs
    return this.#cookies.write(token, Math.max(0, endsAtMs - nowMs) / 1000)
  }

  /** The `Set-Cookie` values that take the token and the sealed copy from the browser. */
  getClearCookieHeaders(): string[] {
    return this.#cookies.clear()
  }

  /**
   * The `Set-Cookie` value of a sealed copy: with it the next requests are judged without a wait in any location, also where
   * KV has none yet. Send it with the token of a new or rotated session. It is read for 120 seconds.
   *
   * @returns `null` where this isolate has nothing young enough of the session, there are no secrets, or it would be too long.
   */
  async getSealedCopyHeader(token: string): Promise<string | null> {
    const known = this.#read(token)
    const copy = known && this.#desk.memory.copyOf(known.tokenHash)
    if (known === undefined || copy === undefined) return null
    const leftSeconds = sealedCopySeconds - (this.#now() - copy.confirmedAtMs) / 1000
    if (leftSeconds < 1) return null
    const sealed = await this.#sealed.seal(known.tokenHash, copy)
    return sealed === null ? null : this.#cookies.writeCopy(sealed, leftSeconds)
  }

  /** @returns The token in a Cookie header, not judged: hand it to {@link validate}. */
  parseToken(cookieHeader: string | null | undefined): string | null {
    return this.#cookies.read(cookieHeader).token
  }

  /** The browser was signed in as somebody else before. */
  async #leave({ userRef, tokenHash }: KnownToken): Promise<void> {
    try {
      await this.#desk.revoke('destroy', { userRef }, { tokenHash })
    } catch (error) {
      // The new session is there.
      this.#desk.report('destroy', error)
    }
  }

  #toAges(
    action: string,
    freshness: SessionFreshness,
    onUnavailable: SessionUnavailablePolicy | undefined,
  ): { readonly maxAgeMs: number; readonly openMs: number } {
    const maxAgeMs = toMaxAgeMs(action, freshness, this.#settings.edgeMs)
    const openMs = toOpenMs(action, onUnavailable, maxAgeMs)
    if (this.#desk.everyone !== undefined || freshness === 'edge') return { maxAgeMs, openMs }
    throw new TypeError(
      `Cannot ${action} freshness must be "edge" without the option authority, received another`,
    )
  }

  #user(action: string, userId: string): SessionUser {
    checkUserId(action, userId)
    return { userRef: toUserRef(userId), userId }
  }

  #read(token: string | undefined): KnownToken | undefined {
    const known = token === undefined ? 'malformed' : this.#tokens.read(token)
    return typeof known === 'string' ? undefined : known
  }
}

function fillRandom(bytes: Uint8Array): Uint8Array {
  // The types of browsers want to know that no memory is shared.
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
  return bytes
}
