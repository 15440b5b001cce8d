import { problemResponse } from '../../shared/problem-response.ts'
import { createCsrfCheck, type CsrfOptions, type CsrfRefusal } from './check-csrf.ts'
import {
  createRequestSessions,
  type RequestSessions,
  type RequestSessionsOptions,
  type RequestSessionStore,
} from './request-sessions.ts'

/** `Context` is what a framework hands to its handlers: the event of SvelteKit, the context of Hono. */
export interface SessionGateOptions<Context> extends RequestSessionsOptions {
  /**
   * The check for CSRF of every request that may change something, see `checkCsrf`. `false`: none, as where another one is
   * made. Default: with no trusted origins.
   */
  readonly csrf?: CsrfOptions | false
  /** Answers a request that the check for CSRF refused, in place of the 403 that it is given. */
  readonly onCsrf?: (
    response: Response,
    reason: CsrfRefusal,
    context: Context,
  ) => Response | Promise<Response>
  /** Answers in place of the 503 that it is given, when a session could not be judged and nothing else has answered that. */
  readonly onUnavailable?: (response: Response, context: Context) => Response | Promise<Response>
}

export type StoreOf<Data, Context> =
  RequestSessionStore<Data> | ((context: Context) => RequestSessionStore<Data>)

/** Either this is the response, or the request goes on with its sessions. */
type SessionGateDecision<Data> =
  | { readonly response: Response }
  | { readonly response: null; readonly sessions: RequestSessions<Data> }

export interface SessionGate<Data, Context> {
  open(request: Request, context: Context): Promise<SessionGateDecision<Data>>
  /** Finishes a response. `fault` says that it is none but the framework's own for an error of this request. */
  close(
    sessions: RequestSessions<Data>,
    response: Response,
    answered: { readonly context: Context; readonly fault: boolean },
  ): Promise<Response>
}

/**
 * The core of every middleware here.
 *
 * @throws {TypeError} When an option is none, or `store` is no store.
 */
export function createSessionGate<Data, Context>(
  store: StoreOf<Data, Context>,
  options: SessionGateOptions<Context>,
): SessionGate<Data, Context> {
  if (typeof store !== 'function') assertStore(store)
  const checkCsrf = options.csrf === false ? null : createCsrfCheck(options.csrf ?? {})
  return {
    async open(request, context) {
      const csrf = checkCsrf?.(request)
      if (csrf?.ok === false) {
        const response = problemResponse({
          type: 'about:blank',
          title: 'Forbidden',
          status: 403,
          detail: 'The request was not sent by a page of this site',
        })
        return { response: (await options.onCsrf?.(response, csrf.reason, context)) ?? response }
      }
      const chosen = typeof store === 'function' ? store(context) : store
      assertStore(chosen)
      return { response: null, sessions: createRequestSessions(chosen, request, options) }
    },
    async close(sessions, response, { context, fault }) {
      // With an error of its own the framework knows best how to answer it.
      const unavailable =
        fault && options.toUnavailableError === undefined ? sessions.unavailableResponse() : null
      if (unavailable === null) return sessions.apply(response)
      return sessions.apply((await options.onUnavailable?.(unavailable, context)) ?? unavailable)
    },
  }
}

function assertStore(store: unknown): void {
  if (
    typeof (store as Partial<RequestSessionStore> | null | undefined)?.parseToken === 'function'
  ) {
    return
  }
  throw new TypeError(
    `Cannot handle sessions: store must be a SessionStore, received ${store === null ? 'null' : typeof store}`,
  )
}
