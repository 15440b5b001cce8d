import type { RequestSessions } from './request-sessions.ts'
import { createSessionGate, type SessionGateOptions, type StoreOf } from './session-gate.ts'

/** What is used of Hono's `Context`. Declare `sessions: RequestSessions` in the `Variables` of the app. */
export interface HonoSessionContext<Data = unknown> {
  readonly req: { readonly raw: Request }
  readonly error: Error | undefined
  get res(): Response
  set res(response: Response | undefined)
  set(name: 'sessions', sessions: RequestSessions<Data>): void
}

/**
 * A Hono middleware that gives every request its sessions as `c.var.sessions`. See `sessionHandle` for what it does; what a
 * handler throws because a session cannot be judged is answered 503 unless `app.onError` answers it with another status than 500.
 *
 * @param store Or where to get it from, as from the bindings in a context.
 * @throws {TypeError} When an option is none, or `store` is no store.
 *
 * @example
 * ```ts
 * import { honoSessions, type RequestSessions, type RequestSessionStore } from '@codex/cloudflare-clients/session'
 * import { Hono } from 'hono'
 *
 * declare const store: RequestSessionStore
 * const app = new Hono<{ Variables: { sessions: RequestSessions } }>()
 * app.use(honoSessions(store))
 * app.get('/me', async (c) => c.json({ email: (await c.var.sessions.get())?.email ?? null }))
 * app.post('/logout', async (c) => {
 *   await c.var.sessions.signOut()
 *   return c.redirect('/', 303)
 * })
 * ```
 */
export function honoSessions<Data, Context extends HonoSessionContext<Data>>(
  store: StoreOf<Data, Context>,
  options: SessionGateOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  const gate = createSessionGate(store, options)
  return async (context, next) => {
    const decision = await gate.open(context.req.raw, context)
    if (decision.response !== null) return decision.response
    const { sessions } = decision
    context.set('sessions', sessions)
    await next()
    const given = context.res
    const fault = given.status === 500 && sessions.unavailableResponse(context.error) !== null
    const response = await gate.close(sessions, given, { context, fault })
    if (response !== given) {
      // Hono would put the headers of the one before over those of the new one.
      context.res = undefined
      context.res = response
    }
    return undefined
  }
}
