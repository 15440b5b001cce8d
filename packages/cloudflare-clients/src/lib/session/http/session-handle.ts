import type { RequestSessions } from './request-sessions.ts'
import { createSessionGate, type SessionGateOptions, type StoreOf } from './session-gate.ts'

/** What is used of SvelteKit's `RequestEvent`. Declare `sessions: RequestSessions` in `App.Locals`. */
export interface SessionEvent<Data = unknown> {
  readonly request: Request
  readonly locals: { sessions: RequestSessions<Data> }
  /** Whether SvelteKit calls itself while it answers another request. */
  readonly isSubRequest?: boolean
  /** Whether the client asks for what a page needs, and not for the page. */
  readonly isDataRequest?: boolean
}

/**
 * A SvelteKit `handle` that gives every request its sessions as `event.locals.sessions`: the only one, or one of a `sequence`.
 *
 * - Nothing is asked before `sessions.validate()` or `get()` is called, and then once. GET requests are judged by the store's own
 *   freshness, all others `strict`; each call may say otherwise, also how recently the user must have given a password.
 * - Requests that may change something are checked for CSRF first, and refused with 403.
 * - A response for which a session was read, or that sets a cookie, is `private, no-store`.
 * - Where a session cannot be judged the answer is 503 with `Retry-After`, and nobody is signed out by it. To show a page of
 *   the app for it, give `toUnavailableError: () => error(503, 'Please try again')`.
 * - `signIn`, `rotate` and `signOut` set cookies until `load` functions and actions have returned; promises that a page is streamed
 *   with come too late.
 *
 * Put other handles that read or write sessions after it.
 *
 * @param store Or where to get it from, for an event.
 * @throws {TypeError} When an option is none, or `store` is no store.
 *
 * @example
 * ```ts
 * import { type RequestSessions, type RequestSessionStore, sessionHandle } from '@codex/cloudflare-clients/session'
 * import { fail, type Handle, redirect, type RequestEvent } from '@sveltejs/kit'
 *
 * declare global {
 *   namespace App {
 *     interface Locals {
 *       sessions: RequestSessions
 *     }
 *   }
 * }
 *
 * declare const store: RequestSessionStore
 * export const handle: Handle = sessionHandle(store)
 *
 * // +page.server.ts
 * export const load = async ({ locals }: RequestEvent) => ({ email: (await locals.sessions.get())?.email })
 * export const actions = {
 *   changeEmail: async ({ locals }: RequestEvent) => {
 *     const judged = await locals.sessions.validate({ authenticatedWithinSeconds: 600 })
 *     if (!judged.ok) return fail(401, { reason: judged.reason })
 *     await locals.sessions.rotate({ email: 'ada@example.com' })
 *     return { changed: true }
 *   },
 *   signOut: async ({ locals }: RequestEvent) => {
 *     await locals.sessions.signOut()
 *     redirect(303, '/')
 *   },
 * }
 * ```
 */
export function sessionHandle<Data, Event extends SessionEvent<Data>>(
  store: StoreOf<Data, Event>,
  options: SessionGateOptions<Event> = {},
): (input: {
  readonly event: Event
  readonly resolve: (event: Event) => Response | Promise<Response>
}) => Promise<Response> {
  const gate = createSessionGate(store, options)
  // The page's own request was checked, and its server says nothing of where a call to itself comes from.
  const subRequestGate = createSessionGate(store, { ...options, csrf: false })
  return async ({ event, resolve }) => {
    const isSubRequest = event.isSubRequest === true
    const decision = await (isSubRequest ? subRequestGate : gate).open(event.request, event)
    if (decision.response !== null) return decision.response
    const { sessions } = decision
    event.locals.sessions = sessions
    const close = (response: Response, fault: boolean): Promise<Response> =>
      gate.close(sessions, response, { context: event, fault })
    try {
      const response = await resolve(event)
      // SvelteKit answers an error itself: with 500, or with 200 and the error among the data.
      return await close(response, response.status === 500 || event.isDataRequest === true)
    } catch (error) {
      const response = sessions.unavailableResponse(error)
      if (response === null || options.toUnavailableError !== undefined) throw error
      return close(response, true)
    }
  }
}
