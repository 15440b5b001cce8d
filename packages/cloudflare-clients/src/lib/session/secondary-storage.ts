import { createReporter, type EventReporter } from '../shared/client-event.ts'
import { checkNumber } from '../shared/check-number.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { Timers } from '../shared/timers.ts'
import { callAuthority } from './call-authority.ts'
import type {
  SecondaryStorageCalls,
  SecondaryStorageNamespace,
  SessionMember,
  StoredValue,
} from './secondary-storage-calls.ts'
import {
  joinParts,
  parseReferences,
  parseSessionValue,
  type SessionValue,
} from './session-value.ts'
import { ValueSealer } from './value-sealer.ts'

export interface SecondaryStorageOptions {
  /** The binding of `SecondaryStorageObject`. */
  readonly namespace: SecondaryStorageNamespace
  /**
   * What values are sealed under, each of 32 characters at least: the first seals, all open. Rotate by putting a new one first, and drop
   * the old one when what it sealed has expired. What none of them opens is reported, and missing.
   */
  readonly secrets: readonly string[]
  /** How long to wait for an object, in ms from 1. Default 5,000. */
  readonly timeoutMs?: number
  readonly timers?: Timers
  /** Told of values that cannot be opened. Default: a JSON line on `console.warn`. */
  readonly onEvent?: EventReporter
}

/** What better-auth takes as `secondaryStorage`. Its functions need no `this`, because better-auth calls some without one. */
export interface SecondaryStorage {
  /** @returns `null` where nothing is stored, or not any more. A count comes as its digits. */
  readonly get: (key: string) => Promise<string | null>
  /** Of several at once, one gets the value. */
  readonly getAndDelete: (key: string) => Promise<string | null>
  /**
   * Adds one, to nothing at first. The TTL, in seconds above 0, counts from then and is not renewed.
   *
   * @returns The count after it.
   * @throws {TypeError} When the key holds a value of `set`.
   */
  readonly increment: (key: string, ttl: number) => Promise<number>
  /**
   * @param ttl In seconds. 0 or less: it is over at once. Default: until it is deleted.
   */
  readonly set: (key: string, value: string, ttl?: number) => Promise<void>
  readonly delete: (key: string) => Promise<void>
}

const listPrefix = 'active-sessions-'
/** Its keys come again with other values, so none of them is refused after a deletion. */
const verificationPrefix = 'verification:'
const purpose = 'codex-secondary-storage'

/**
 * The `secondaryStorage` of better-auth 1.7 in Durable Objects: one for each key, and one for each user’s list of sessions.
 *
 * **Consistency.** What a call stored or deleted, every later call sees, everywhere. `increment` and `getAndDelete` are atomic. A TTL may be
 * of any length, and survives eviction.
 *
 * **Sessions.** better-auth keeps the list of a user’s sessions by reading and rewriting it, which loses entries. Here the list follows from
 * the sessions: each is on it before it is stored, until it is deleted, and a rewritten list adds what is new on it and takes nothing
 * off. So revoking all of a user’s sessions misses none that was begun before the list was read. A session that was deleted is refused when a slow
 * request stores it again, until it would have expired and a day at least: `set` then does nothing. Of two writes of a session,
 * and of the user in it, the one with the later `updatedAt` stays, whichever comes last.
 *
 * **Secrets.** Objects are named by the SHA-256 of the key, and values are sealed with AES-GCM: neither holds a token. A hash of what can be
 * guessed, such as an address, can be found by guessing; a token cannot.
 *
 * **Cost.** `get`, `getAndDelete` and `increment` are one request to an object. `set` and `delete` are two for a session, and one otherwise.
 *
 * **Failure.** Every function rejects with a `SessionError` when its object fails or does not answer in time. Nothing is retried.
 *
 * @throws {TypeError} When the binding is missing.
 * @throws {RangeError} When there is no secret, one is too short, or a number is out of range.
 *
 * @example
 * ```ts
 * import { createSecondaryStorage } from '@codex/cloudflare-clients/session'
 * import { betterAuth } from 'better-auth'
 *
 * const auth = betterAuth({
 *   secondaryStorage: createSecondaryStorage({
 *     namespace: env.SECONDARY_STORAGE,
 *     secrets: [env.SECONDARY_STORAGE_SECRET],
 *   }),
 * })
 * ```
 */
export function createSecondaryStorage(options: SecondaryStorageOptions): SecondaryStorage {
  const storage = new DurableSecondaryStorage(options)
  return {
    get: (key) => storage.get(key),
    getAndDelete: (key) => storage.getAndDelete(key),
    increment: (key, ttl) => storage.increment(key, ttl),
    set: (key, value, ttl) => storage.set(key, value, ttl),
    delete: (key) => storage.delete(key),
  }
}

class DurableSecondaryStorage {
  readonly #namespace: SecondaryStorageNamespace
  readonly #sealer: ValueSealer
  readonly #report: EventReporter
  readonly #call: { readonly timeoutMs: number; readonly timers: Timers }

  constructor({
    namespace,
    secrets,
    timeoutMs = 5000,
    timers = globalThis,
    onEvent,
  }: SecondaryStorageOptions) {
    const candidate = namespace as Partial<SecondaryStorageNamespace> | null | undefined
    if (typeof candidate?.getByName !== 'function') {
      throw new TypeError(
        `Cannot create secondary storage: namespace must be a Durable Object binding of SecondaryStorageObject, received ${candidate === null ? 'null' : typeof namespace}`,
      )
    }
    this.#namespace = namespace
    this.#sealer = new ValueSealer('create secondary storage', secrets, purpose)
    this.#report = createReporter(onEvent)
    checkNumber('create secondary storage: timeoutMs', timeoutMs, { min: 1 })
    this.#call = { timeoutMs, timers }
  }

  async get(key: string): Promise<string | null> {
    const name = nameOf('get', key)
    const userId = listedUser(key)
    if (userId !== null) return this.#list(userName(userId))
    return this.#open(name, await this.#ask('get', name, (cell) => cell.get()))
  }

  async getAndDelete(key: string): Promise<string | null> {
    return listedUser(key) === null ? this.#take('get and delete', key) : this.get(key)
  }

  async increment(key: string, ttl: number): Promise<number> {
    const name = nameOf('increment', key)
    if (!(ttl > 0 && ttl < Infinity)) {
      throw new RangeError(
        `Cannot increment stored count: ttl must be a number greater than 0, received ${ttl}`,
      )
    }
    const count = await this.#ask('increment', name, (cell) => cell.increment(ttl * 1000))
    if (count === null) {
      throw new TypeError('Cannot increment stored count: the key holds a value')
    }
    return count
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const name = nameOf('set', key)
    if (typeof (value as unknown) !== 'string') {
      throw new TypeError(
        `Cannot set stored value: value must be a string, received ${typeof value}`,
      )
    }
    if (Number.isNaN(ttl)) {
      throw new RangeError('Cannot set stored value: ttl must be a number, received NaN')
    }
    const userId = listedUser(key)
    if (userId !== null) return this.#addToList(userName(userId), value)
    if ((ttl ?? 1) <= 0) return this.delete(key)
    const ttlMs = ttl === undefined || ttl === Infinity ? null : ttl * 1000
    const session = parseSessionValue(key, value)
    if (session !== null) return this.#setSession(key, session, ttlMs)
    const parts = [{ sealed: await this.#sealer.seal(`${name}#0`, value), changedAtMs: null }]
    await this.#ask('set', name, (cell) => cell.put({ parts, ttlMs }))
  }

  async delete(key: string): Promise<void> {
    // What better-auth thinks is the last session may not be. Each leaves the list when it is deleted itself.
    if (listedUser(key) === null) await this.#take('delete', key)
  }

  async #setSession(key: string, session: SessionValue, ttlMs: number | null): Promise<void> {
    const name = nameOf('set', key)
    const owner = userName(session.userId)
    const [member, ...parts] = await Promise.all([
      this.#toMember(owner, { token: key, expiresAt: session.expiresAtMs }),
      ...session.parts.map(async ({ text, changedAtMs }, index) => ({
        sealed: await this.#sealer.seal(`${name}#${index}`, text),
        changedAtMs,
      })),
    ])
    // Listed first: where only one of the two happens, nobody is signed in whom a revocation would miss.
    const isListed = await this.#ask('set', owner, (cell) => cell.addMembers([member]))
    if (!isListed) return
    const isStored = await this.#ask('set', name, (cell) => cell.put({ parts, ttlMs, owner }))
    if (!isStored) await this.#ask('set', owner, (cell) => cell.removeMember(member.id))
  }

  async #take(operation: string, key: string): Promise<string | null> {
    const name = nameOf(operation, key)
    const keepEnded = !key.startsWith(verificationPrefix)
    const { value, owner } = await this.#ask(operation, name, (cell) => cell.take({ keepEnded }))
    if (owner !== undefined) {
      await this.#ask(operation, owner, (cell) => cell.removeMember(name))
    }
    return this.#open(name, value)
  }

  async #list(user: string): Promise<string | null> {
    const members = await this.#ask('get', user, (cell) => cell.listMembers())
    const entries = await Promise.all(
      members.map(async ({ sealed, expiresAtMs }) => ({
        token: await this.#openPart(user, sealed),
        expiresAt: expiresAtMs,
      })),
    )
    const readable = entries.filter(({ token }) => token !== null)
    return readable.length === 0 ? null : JSON.stringify(readable)
  }

  /** A sign-in announces its session so, before it stores it: who ends all sessions in between ends this one too. */
  async #addToList(user: string, value: string): Promise<void> {
    const references = parseReferences(value)
    const members = await Promise.all(references.map((one) => this.#toMember(user, one)))
    if (members.length > 0) await this.#ask('set', user, (cell) => cell.addMembers(members))
  }

  async #toMember(
    user: string,
    { token, expiresAt }: { readonly token: string; readonly expiresAt: number },
  ): Promise<SessionMember> {
    const sealed = await this.#sealer.seal(user, token)
    return { id: nameOf('set', token), sealed, expiresAtMs: expiresAt }
  }

  async #open(name: string, value: StoredValue | null): Promise<string | null> {
    if (value === null) return null
    if (value.type === 'count') return String(value.count)
    const texts = await Promise.all(
      value.parts.map((part, index) => this.#openPart(`${name}#${index}`, part)),
    )
    const readable = texts.filter((text) => text !== null)
    return readable.length === texts.length ? joinParts(readable) : null
  }

  async #openPart(place: string, sealed: Uint8Array): Promise<string | null> {
    const text = await this.#sealer.open(place, sealed)
    if (text === null) {
      const reason = 'none of the secrets opens it'
      this.#report({ type: 'corrupt_value', client: 'secondary-storage', key: place, reason })
    }
    return text
  }

  #ask<T>(
    operation: string,
    name: string,
    call: (cell: SecondaryStorageCalls) => T | Promise<T>,
  ): Promise<T> {
    const cell = this.#namespace.getByName(name)
    return callAuthority(operation, () => call(cell), {
      ...this.#call,
      what: 'in secondary storage',
    })
  }
}

function nameOf(operation: string, key: string): string {
  if (typeof (key as unknown) === 'string' && key !== '') {
    return `key:${sha256Base64Url(`${purpose}:key:${key}`)}`
  }
  throw new TypeError(
    `Cannot ${operation} stored value: key must be a string that is not empty, received ${typeof key}`,
  )
}

function userName(userId: string): string {
  return `user:${sha256Base64Url(`${purpose}:user:${userId}`)}`
}

function listedUser(key: string): string | null {
  return key.startsWith(listPrefix) ? key.slice(listPrefix.length) : null
}
