import { assertKV } from '../../kv/assert-kv.ts'
import { toJsonText } from '../../kv/kv-entry.ts'
import { keys } from '../../kv/keys.ts'
import { checkNumber } from '../../shared/check-number.ts'
import { createReporter, type EventReporter } from '../../shared/client-event.ts'
import { createSingleFlights, type Share } from '../../shared/single-flight.ts'
import type { StandardSchema } from '../../shared/standard-schema.ts'
import type { Timers } from '../../shared/timers.ts'
import { callAuthority } from '../call-authority.ts'
import { toUserRef } from '../session-token.ts'
import type {
  PreferencesAuthorityCalls,
  PreferencesAuthorityNamespace,
} from './preferences-authority-calls.ts'
import { PreferencesCopies, type PreferencesCopy } from './preferences-copies.ts'
import type {
  GetPreferencesOptions,
  PatchPreferencesOptions,
  PreferencesFreshness,
  PreferencesPatch,
  UserPreferencesOptions,
} from './preferences-options.ts'
import { findPatchFault } from './preferences-patch.ts'
import { assertPatchFits, fitToSchema } from './preferences-schema.ts'

const action = 'create user preferences'
const maxBoundedSeconds = 86_400
const minCacheSeconds = 60

/**
 * Small settings of each user, such as a theme, a language and what they want mail about, read next to the reader.
 *
 * **Merging.** A document has up to 100 fields, with names of 1 to 64 characters, and 16 KiB as JSON. A patch is a JSON merge patch for the names at the
 * top: `null` removes a field, and a value replaces it as a whole, objects and arrays too, so that what one write says of a field is never mixed
 * with what another says. Of two writes of a field the later `writtenAtMs` wins, whatever order they arrive in, and a late write does
 * not bring back what was removed after it. A clock that is ahead counts as the authority's; one that is behind is believed.
 *
 * **Consistency.** `get` reads the isolate's memory, then KV's copy, then the authority: a Durable Object for each user. Each copy carries when
 * the authority confirmed it. A patch that returned longer ago than `boundedSeconds` (300 by default) is read everywhere, by clocks that agree; with
 * `'strict'` each that returned. An isolate reads its own patches at once, for as long as it keeps the user in memory (`memoryEntries`).
 *
 * **Failures.** KV only has copies: where it fails that is reported, and the authority is asked. Where the authority cannot be asked,
 * copies within the bound serve, and after that a `SessionError` says so.
 *
 * **Cost.** `get` costs nothing within the bound in one isolate, else a KV read, else a request to the authority too, and a KV write where KV
 * has an older version or a copy past half its time. `patch` is a request, one stored row and a KV write. Empty documents have no copy in KV.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7396 for merge patches
 *
 * @example
 * ```ts
 * import { env, waitUntil } from 'cloudflare:workers'
 * import { UserPreferences } from '@codex/cloudflare-clients/session'
 *
 * interface Settings {
 *   readonly theme: 'light' | 'dark'
 *   readonly newsletter?: boolean
 * }
 * const preferences = new UserPreferences<Settings>(env.AUTH_SESSION_KV, {
 *   authority: env.SESSIONS,
 *   defaults: { theme: 'light' },
 *   waitUntil,
 * })
 * await preferences.patch('user-1', { theme: 'dark', newsletter: null }) // { theme: 'dark' }
 * await preferences.get('user-1') // { theme: 'dark' }
 * ```
 */
export class UserPreferences<T extends object = Record<string, unknown>> {
  readonly #authority: PreferencesAuthorityNamespace
  readonly #schema: StandardSchema<T> | undefined
  readonly #defaults: Partial<T>
  readonly #boundMs: number
  readonly #timeoutMs: number
  readonly #timers: Timers
  readonly #report: EventReporter
  readonly #copies: PreferencesCopies
  readonly #share: Share<PreferencesCopy>

  /**
   * @param kv Where copies are kept. It may be the namespace of the sessions.
   * @throws {TypeError} When a binding is missing.
   * @throws {RangeError} When an option is out of its range.
   */
  constructor(kv: KVNamespace, options: UserPreferencesOptions<T>) {
    assertKV(action, kv)
    const { authority, now = Date.now, timers = globalThis, waitUntil } = options
    assertAuthority(authority)
    this.#authority = authority
    this.#schema = options.schema
    this.#defaults = options.defaults ?? {}
    this.#boundMs = toBoundMs(action, options.freshness ?? { boundedSeconds: 300 })
    this.#timeoutMs = checkNumber(`${action}: timeoutMs`, options.timeoutMs ?? 2000, { min: 1 })
    this.#timers = timers
    this.#report = createReporter(options.onEvent)
    const memoryEntries = options.memoryEntries ?? 1000
    this.#copies = new PreferencesCopies({
      kv,
      cacheMs: toCacheMs(options.cacheSeconds, this.#boundMs),
      memoryEntries: checkNumber(`${action}: memoryEntries`, memoryEntries, { min: 1 }),
      timeoutMs: this.#timeoutMs,
      now,
      timers,
      waitUntil,
      report: this.#report,
    })
    // KV and then the authority, each in its time: a leader that takes longer has died with its request.
    this.#share = createSingleFlights({
      takeoverMs: 2 * this.#timeoutMs,
      timers,
    }).createShare()
  }

  /**
   * Reads a user's preferences, over the defaults.
   *
   * @returns An object of the caller's own. Fields that do not fit the schema are left to the defaults, and reported. A user
   *   without any gets the defaults.
   * @throws {TypeError} When the user id is empty, or the defaults alone do not fit the schema.
   * @throws {RangeError} When `boundedSeconds` is not from 1 to 86,400.
   * @throws {SessionError} When no copy is within the bound and the authority cannot be asked.
   */
  async get(userId: string, { freshness }: GetPreferencesOptions = {}): Promise<T> {
    assertUserId('get preferences', userId)
    const boundMs =
      freshness === undefined ? this.#boundMs : toBoundMs('get preferences', freshness)
    return this.#toPreferences(userId, await this.#read(userId, boundMs))
  }

  /**
   * Changes some of a user's preferences. Once it returned, this isolate reads it at once, others within their bound, and `'strict'` everywhere.
   *
   * Where it is not known whether it was done, as after `no_answer`, repeat it with the same `writtenAtMs`.
   *
   * @returns The merged document, over the defaults. A field in it is another's where that was written later.
   * @throws {TypeError} When the patch is no plain JSON object, a name is not of 1 to 64 characters or is `__proto__`, or a field
   *   does not fit the schema. Nothing was changed.
   * @throws {RangeError} When the document would have over 100 fields or 16 KiB, or `writtenAtMs` is below 0. Nothing was changed.
   * @throws {SessionError} When the authority cannot be asked. With code `unavailable` or `no_answer` it may have been done.
   */
  async patch(
    userId: string,
    patch: PreferencesPatch<T>,
    { writtenAtMs }: PatchPreferencesOptions = {},
  ): Promise<T> {
    const operation = 'patch preferences'
    assertUserId(operation, userId)
    if (writtenAtMs !== undefined) checkNumber(`${operation}: writtenAtMs`, writtenAtMs, { min: 0 })
    const fields = toFields(patch)
    await assertPatchFits(fields, { schema: this.#schema, defaults: this.#defaults })
    const ask = this.#copies.ask(userId)
    const reply = await this.#call('patch', () =>
      this.#objectOf(userId).patchPreferences({ fields, writtenAtMs }),
    )
    if (!reply.ok) {
      const what = reply.reason === 'too_large' ? 'bytes' : 'fields'
      throw new RangeError(
        `Cannot ${operation}: the document must have at most ${reply.limit} ${what}, received ${reply.received}`,
      )
    }
    const copy = this.#copies.keep(userId, ask, reply)
    this.#copies.store(userId, copy)
    return this.#toPreferences(userId, copy)
  }

  /**
   * Erases a user's preferences, as when their account ends: the authority's, this isolate's and KV's copy. Copies elsewhere end within the
   * bound, and one that another isolate was just writing to KV within `cacheSeconds`, 60 at least. What was written before does not come back.
   *
   * A KV that fails is reported, and its copy then ends within the same time. The user's sessions stay.
   *
   * @throws {TypeError} When the user id is empty.
   * @throws {SessionError} When the authority cannot be asked. It may have been done: repeat it.
   */
  async delete(userId: string): Promise<void> {
    const operation = 'delete preferences'
    assertUserId(operation, userId)
    const ask = this.#copies.ask(userId)
    const reply = await this.#call('delete', () => this.#objectOf(userId).deletePreferences())
    this.#copies.keep(userId, ask, reply)
    await this.#copies.erase(userId)
  }

  async #read(userId: string, boundMs: number): Promise<PreferencesCopy> {
    // Not shared: an answer that was asked for earlier may be from before a patch that has returned since.
    if (boundMs === 0) return this.#ask(userId)
    const held = this.#copies.recall(userId, boundMs)
    if (held !== undefined) return held
    return this.#share(
      `${boundMs}:${userId}`,
      async () => (await this.#copies.read(userId, boundMs)) ?? this.#ask(userId),
    )
  }

  async #ask(userId: string): Promise<PreferencesCopy> {
    const ask = this.#copies.ask(userId)
    const reply = await this.#call('get', () =>
      this.#objectOf(userId).getPreferences(ask.known?.version),
    )
    const copy = this.#copies.keep(userId, ask, reply)
    this.#copies.store(userId, copy)
    return copy
  }

  async #toPreferences(userId: string, { json }: PreferencesCopy): Promise<T> {
    const fields = JSON.parse(json) as Record<string, unknown>
    const shape = { schema: this.#schema, defaults: structuredClone(this.#defaults) }
    const { value, misfits } = await fitToSchema(fields, shape)
    if (misfits.length > 0) {
      const reason = `it does not fit the schema in ${misfits.join(', ')}`
      const key = keys.preferences(userId)
      this.#report({ type: 'corrupt_value', client: 'preferences', key, reason })
    }
    return value
  }

  /** The object of the user's sessions. */
  #objectOf(userId: string): PreferencesAuthorityCalls {
    return this.#authority.getByName(`user:${toUserRef(userId)}`)
  }

  #call<R>(operation: string, call: () => Promise<R>): Promise<R> {
    return callAuthority(operation, call, {
      timeoutMs: this.#timeoutMs,
      timers: this.#timers,
      what: 'preferences',
    })
  }
}

/** @returns The patch as plain JSON: what is `undefined` in it is absent. */
function toFields(patch: unknown): Readonly<Record<string, unknown>> {
  const operation = 'patch preferences'
  const fields: unknown = JSON.parse(toJsonText(operation, patch))
  const fault = findPatchFault(fields)
  if (fault !== null) throw new TypeError(`Cannot ${operation}: ${fault}`)
  return fields as Readonly<Record<string, unknown>>
}

function toBoundMs(what: string, freshness: PreferencesFreshness): number {
  if (freshness === 'strict') return 0
  const { boundedSeconds } = freshness
  return (
    checkNumber(`${what}: boundedSeconds`, boundedSeconds, { min: 1, max: maxBoundedSeconds }) *
    1000
  )
}

function toCacheMs(cacheSeconds: number | undefined, boundMs: number): number {
  if (cacheSeconds === 0) return 0
  if (cacheSeconds === undefined) {
    return boundMs === 0 ? 0 : Math.max(boundMs, minCacheSeconds * 1000)
  }
  const range = { min: minCacheSeconds, max: maxBoundedSeconds }
  return checkNumber(`${action}: cacheSeconds`, cacheSeconds, range) * 1000
}

function assertUserId(operation: string, userId: unknown): void {
  if (typeof userId === 'string' && userId !== '') return
  const received = typeof userId === 'string' ? 'an empty one' : typeof userId
  throw new TypeError(
    `Cannot ${operation}: userId must be a string that is not empty, received ${received}`,
  )
}

/** A missing binding is `undefined` at run time whatever its generated type says. */
function assertAuthority(authority: unknown): void {
  const { getByName } = Object(authority) as { readonly getByName?: unknown }
  if (typeof getByName === 'function') return
  const received = authority === null ? 'null' : typeof authority
  throw new TypeError(
    `Cannot ${action}: authority must be a Durable Object binding of SessionObject, received ${received}`,
  )
}
