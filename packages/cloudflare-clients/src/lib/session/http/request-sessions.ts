import { CloudflareClientError } from '../../shared/client-error.ts'
import { problemResponse } from '../../shared/problem-response.ts'
import type { SessionPatch } from '../session-authority-calls.ts'
import type {
  CreateSessionOptions,
  RotateOptions,
  Session,
  SessionFreshness,
  SessionValidation,
  ValidateOptions,
} from '../session-options.ts'
import { type CsrfRequest, isSafe } from './check-csrf.ts'
import { assertSiteData, clearSiteData, privateNoStore, type SiteData } from './session-headers.ts'

/** What is used of a `SessionStore`. */
export interface RequestSessionStore<Data = unknown> {
  create(userId: string, options?: CreateSessionOptions<Data>): Promise<string>
  validate(
    token: string | null | undefined,
    options?: ValidateOptions,
  ): Promise<SessionValidation<Data>>
  update(token: string, patch: SessionPatch): Promise<Session<Data> | null>
  rotate(token: string, options?: RotateOptions): Promise<string | null>
  destroy(token: string): Promise<boolean>
  parseToken(cookieHeader: string | null | undefined): string | null
  getCookieHeader(
    token: string,
    options?: { readonly remember?: boolean; readonly expiresAtMs?: number },
  ): string
  getClearCookieHeaders(): string[]
  getSealedCopyHeader(token: string): Promise<string | null>
}

export interface RequestSessionsOptions {
  /**
   * How fresh a judgement is where a call does not say. `safe`: of GET, HEAD and OPTIONS, the store's own by default.
   * `unsafe`: of every other method and of WebSockets, `'strict'` by default; a store on KV alone has to name another.
   */
  readonly freshness?: { readonly safe?: SessionFreshness; readonly unsafe?: SessionFreshness }
  /** When a client should try again whose session could not be judged, in seconds from 1. Default 5. */
  readonly retryAfterSeconds?: number
  /**
   * Makes the error that is thrown in place of a `SessionError` when a session cannot be judged, such as `() => error(503)` of
   * SvelteKit, so that the framework answers with a page of the app. Default: the `SessionError`.
   */
  readonly toUnavailableError?: (error: unknown) => unknown
}

/** As for the store's `validate`. The sealed copy in the request's cookies is passed along. */
export type RequestValidateOptions = Omit<ValidateOptions, 'cookieHeader'>

export interface SignOutOptions {
  /** What else the browser should forget, see `clearSiteData`. `false`: nothing. Default `['cache']`. */
  readonly clearSiteData?: readonly SiteData[] | false
}

/** The session of one request, and the cookies of its response. Made by {@link createRequestSessions}. */
export interface RequestSessions<Data = unknown> {
  /** The token of the request, or the one that came after it; `null` without one. Not judged: for calls of the store only. */
  readonly token: string | null
  /**
   * Judges the session, once for each set of options: parallel callers share it, and a refusal holds for the whole request. The
   * response is then private. A refused cookie is cleared, except where a newer one may be on its way.
   *
   * @throws {SessionError} When the session cannot be judged: to be answered 503, never "signed out".
   */
  validate(options?: RequestValidateOptions): Promise<SessionValidation<Data>>
  /** The session, or `null` for whatever {@link validate} refuses: also one that is to be confirmed by a password first. */
  get(options?: RequestValidateOptions): Promise<Session<Data> | null>
  /**
   * Creates a session and sets its cookies. A session that the browser had so far ends in the same step.
   *
   * @throws {SessionError} As `create` of the store; nothing has changed then.
   * @throws {Error} When the response has been given away: no cookie could be set any more.
   */
  signIn(userId: string, options?: CreateSessionOptions<Data>): Promise<void>
  /**
   * Gives the session a new token and sets its cookies, as after a password or a second factor was given.
   *
   * @returns `false` when there is no session that is accepted. Nobody is signed in then.
   * @throws As {@link signIn}.
   */
  rotate(options?: RotateOptions): Promise<boolean>
  /**
   * Changes the session, and renews the sealed copy of it.
   *
   * @returns The session as it is now, `null` when there is none.
   * @throws As {@link signIn}.
   */
  update(patch: SessionPatch): Promise<Session<Data> | null>
  /**
   * Ends the session and clears its cookies, also where there was none any more.
   *
   * @throws {SessionError} When it could not be ended. The cookies stay then, so that it can be tried again.
   * @throws {TypeError} When `clearSiteData` names what is none.
   */
  signOut(options?: SignOutOptions): Promise<void>
  /** The `Set-Cookie` values that the response needs so far. {@link apply} sets them. */
  readonly setCookies: readonly string[]
  /**
   * Sets the cookies, and makes the response private if a session was read or changed. To be called last.
   *
   * @returns The same response, or a copy where it is immutable.
   */
  apply(response: Response): Response
  /**
   * The answer for a session that could not be judged: 503 with `Retry-After`.
   *
   * @param error What was caught. Without it: whatever was thrown by a call here.
   * @returns `null` when `error` is no such one.
   */
  unavailableResponse(error?: unknown): Response | null
}

const unavailableCodes: readonly string[] = ['unavailable', 'overloaded', 'no_answer']

/**
 * The session of one request and the cookies of its response: what `sessionHandle` and `honoSessions` put into their contexts,
 * for any other handler. It asks nothing until it is called. It does not check for CSRF: see `checkCsrf`.
 *
 * @throws {RangeError} When `retryAfterSeconds` is below 1.
 *
 * @example
 * ```ts
 * import { createRequestSessions, type RequestSessionStore } from '@codex/cloudflare-clients/session'
 *
 * export async function answer(store: RequestSessionStore, request: Request): Promise<Response> {
 *   const sessions = createRequestSessions(store, request)
 *   try {
 *     const session = await sessions.get()
 *     return sessions.apply(new Response(`Hello ${session?.email ?? 'stranger'}`))
 *   } catch (error) {
 *     const response = sessions.unavailableResponse(error)
 *     if (response === null) throw error
 *     return response
 *   }
 * }
 * ```
 */
export function createRequestSessions<Data = unknown>(
  store: RequestSessionStore<Data>,
  request: CsrfRequest,
  { freshness = {}, retryAfterSeconds = 5, toUnavailableError }: RequestSessionsOptions = {},
): RequestSessions<Data> {
  assertRetryAfter(retryAfterSeconds)
  const cookieHeader = request.headers.get('Cookie')
  const sentToken = store.parseToken(cookieHeader)
  const ownFreshness = isSafe(request) ? freshness.safe : (freshness.unsafe ?? 'strict')

  let token = sentToken
  let judged = new Map<string, Promise<SessionValidation<Data>>>()
  let tokenCookies: readonly string[] = []
  let copyCookie: string | null = null
  let forget: readonly SiteData[] | false = false
  let isPrivate = false
  let isApplied = false
  const failures = new Set<unknown>()

  /** Notes what could not be judged, so that its answer can be told from that to another fault. */
  async function ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof CloudflareClientError && unavailableCodes.includes(error.code))) {
        throw error
      }
      const thrown = toUnavailableError === undefined ? error : toUnavailableError(error)
      failures.add(thrown)
      throw thrown
    }
  }

  function assertOpen(operation: string): void {
    isPrivate = true
    if (!isApplied) return
    throw new Error(
      `Cannot ${operation}: it must be done before the response is given away, whose cookies are set by then`,
    )
  }

  function follow(newToken: string | null, cookies: readonly string[]): void {
    token = newToken
    tokenCookies = cookies
    copyCookie = null
    judged = new Map()
  }

  async function judge(options: ValidateOptions): Promise<SessionValidation<Data>> {
    const judgedToken = token
    const result = await ask(() => store.validate(judgedToken, options))
    // What was signed in meanwhile is not cleared by what was refused before.
    if (isFinal(result) && token === judgedToken && tokenCookies.length === 0) {
      tokenCookies = clearsCookie(result) ? store.getClearCookieHeaders() : []
      const refusal = Promise.resolve(result)
      judged = new Map([[anyOptions, refusal]])
    }
    return result
  }

  const sessions: RequestSessions<Data> = {
    get token() {
      return token
    },
    validate(options = {}) {
      isPrivate = true
      const all: ValidateOptions = {
        ...(ownFreshness !== undefined && { freshness: ownFreshness }),
        ...options,
        ...(token === sentToken && { cookieHeader }),
      }
      const { freshness, onUnavailable, authenticatedWithinSeconds } = all
      const key = JSON.stringify([freshness, onUnavailable, authenticatedWithinSeconds])
      const known = judged.get(anyOptions) ?? judged.get(key)
      if (known !== undefined) return known
      const asked = judge(all)
      judged.set(key, asked)
      return asked
    },
    async get(options) {
      const result = await sessions.validate(options)
      return result.ok ? result.session : null
    },
    async signIn(userId, options = {}) {
      assertOpen('sign in')
      const replaces = options.replaces ?? token
      const created = await ask(() =>
        store.create(userId, { ...options, ...(replaces !== null && { replaces }) }),
      )
      follow(created, [store.getCookieHeader(created, { remember: options.remember ?? true })])
      copyCookie = await store.getSealedCopyHeader(created)
    },
    async rotate(options) {
      assertOpen('rotate session')
      const result = await sessions.validate()
      const rotated = token
      if (!result.ok || rotated === null) return false
      const { remember, expiresAtMs } = result.session
      const next = await ask(() => store.rotate(rotated, options))
      if (next === null) {
        follow(null, store.getClearCookieHeaders())
        return false
      }
      follow(next, [store.getCookieHeader(next, { remember, expiresAtMs })])
      copyCookie = await store.getSealedCopyHeader(next)
      return true
    },
    async update(patch) {
      assertOpen('update session')
      const updated = token
      if (updated === null) return null
      const session = await ask(() => store.update(updated, patch))
      judged = new Map()
      if (session !== null) copyCookie = await store.getSealedCopyHeader(updated)
      return session
    },
    async signOut({ clearSiteData: what = ['cache'] } = {}) {
      assertOpen('sign out')
      if (what !== false) assertSiteData(what)
      const ended = token
      if (ended !== null) await ask(() => store.destroy(ended))
      follow(null, store.getClearCookieHeaders())
      forget = what
    },
    get setCookies() {
      return copyCookie === null ? tokenCookies : [...tokenCookies, copyCookie]
    },
    apply(response) {
      // A response below 200 is a switch to a WebSocket or a network error, of which no copy can be made.
      if (isApplied || response.status < 200) return response
      isApplied = true
      if (!isPrivate) return response
      return changeHeaders(response, (headers) => {
        privateNoStore(headers)
        for (const cookie of sessions.setCookies) headers.append('Set-Cookie', cookie)
        if (forget !== false) clearSiteData(headers, forget)
        if (failures.size > 0 && response.status === 503 && !headers.has('Retry-After')) {
          headers.set('Retry-After', String(retryAfterSeconds))
        }
      })
    },
    unavailableResponse(...errors) {
      if (failures.size === 0 || (errors.length > 0 && !failures.has(errors[0]))) return null
      return problemResponse(
        {
          type: 'about:blank',
          title: 'Service Unavailable',
          status: 503,
          detail: 'Whether you are signed in cannot be checked right now',
        },
        { 'Retry-After': String(retryAfterSeconds) },
      )
    },
  }
  return sessions
}

/** In place of the options: a refusal is for all of them. */
const anyOptions = 'any'

function isFinal(result: SessionValidation): boolean {
  return !result.ok && result.reason !== 'missing' && result.reason !== 'reauthentication_required'
}

/**
 * Whether a refused cookie is of no use to the browser. A rotated one is left: its successor may have arrived with another
 * response, and would be cleared instead. So is one that KV alone does not know: it may not know it yet.
 */
function clearsCookie(result: SessionValidation): boolean {
  if (result.ok || result.reason === 'rotated') return false
  return result.reason !== 'unknown' || result.boundMs !== null
}

function changeHeaders(response: Response, change: (headers: Headers) => void): Response {
  try {
    change(response.headers)
    return response
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const copy = new Response(response.body, response)
    change(copy.headers)
    return copy
  }
}

function assertRetryAfter(retryAfterSeconds: number): void {
  if (Number.isInteger(retryAfterSeconds) && retryAfterSeconds >= 1) return
  throw new RangeError(
    `Cannot read sessions: retryAfterSeconds must be a whole number from 1, received ${retryAfterSeconds}`,
  )
}
