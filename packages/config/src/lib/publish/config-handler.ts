import type {
  ConfigAuthorityCalls,
  ConfigAuthorityNamespace,
  ConfigChangeReply,
  ConfigChangeRequest,
} from '../config-authority-calls.ts'
import { faultOfName } from './config-name-fault.ts'
import { isRecord } from './is-record.ts'

/** Who a request comes from. `author`: stands in the history in place of what the request says. */
export type ConfigAuthorization = boolean | { readonly author: string }

export interface ConfigHandlerOptions {
  readonly authority: ConfigAuthorityNamespace
  /**
   * Says whether a request may read and publish the named configuration. `false` is a 401. Compare secrets in constant time, as
   * `bearerAuthorization` does.
   */
  readonly authorize: (
    request: Request,
    target: { readonly name: string; readonly isChange: boolean },
  ) => ConfigAuthorization | Promise<ConfigAuthorization>
  /** What paths begin with. Default `''`. */
  readonly basePath?: string
}

/** Bytes of a request: a body of 1 MiB whose characters are all escaped, and what is around it. */
const maxRequestBytes = 6_400_000
const maxNameBytes = 512
const statusByReason = { conflict: 409, invalid: 422 } as const
const faultTitles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Somebody else published meanwhile',
  413: 'Too large',
  415: 'Not JSON',
  422: 'Refused',
  503: 'Unavailable',
}

/** A fault on its way to the response. */
class HandlerFault extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.status = status
    this.headers = headers
  }
}

/**
 * Makes a fetch handler through which programs outside Workers publish: what `httpConfigAuthority` calls.
 *
 * `GET /document?name=&knownVersion=`, `POST /changes?name=` with a `ConfigChangeRequest`, `GET /releases?name=&beforeVersion=&limit=` and
 * `GET /releases/{version}?name=`, in JSON. A refused change is a 409 or a 422, all else that goes wrong a 4xx or a 503, each as `application/problem+json`. A
 * request has at most 6.4 MB. Nothing is answered before `authorize` has agreed, and nothing may be cached.
 *
 * @example
 * ```ts
 * import { bearerAuthorization, createConfigHandler } from '@codex/config/publisher'
 *
 * const handler = createConfigHandler({
 *   authority: env.CONFIG,
 *   authorize: bearerAuthorization({ deploy: env.DEPLOY_TOKEN }),
 * })
 * export default { fetch: handler }
 * ```
 */
export function createConfigHandler(
  options: ConfigHandlerOptions,
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await respond(request, options)
    } catch (error) {
      if (error instanceof HandlerFault) {
        return toProblem({ status: error.status, detail: error.message, headers: error.headers })
      }
      // What failed belongs in the log of the Worker and not in an answer.
      console.error('A configuration could not be served', error)
      return toProblem({
        status: 503,
        detail: 'The authority did not answer',
        headers: { 'Retry-After': '2' },
      })
    }
  }
}

async function respond(
  request: Request,
  { authority, authorize, basePath = '' }: ConfigHandlerOptions,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const path = pathname.startsWith(basePath) ? pathname.slice(basePath.length) : ''
  const isChange = path === '/changes'
  if (!isChange && path !== '/document' && !/^\/releases(?:\/\d{1,15})?$/.test(path)) {
    throw new HandlerFault(404, 'There is nothing here')
  }
  const name = searchParams.get('name') ?? ''
  const allowed = await authorize(request, { name, isChange })
  if (allowed === false) {
    throw new HandlerFault(401, 'The credentials are missing or wrong', {
      'WWW-Authenticate': 'Bearer',
    })
  }
  const nameBytes = new TextEncoder().encode(name).length
  if (nameBytes === 0 || nameBytes > maxNameBytes) {
    throw new HandlerFault(400, `name must have 1 to ${maxNameBytes} bytes`)
  }
  const nameFault = faultOfName(name)
  if (nameFault !== undefined) throw new HandlerFault(400, nameFault)
  const method = isChange ? 'POST' : 'GET'
  if (request.method !== method) {
    throw new HandlerFault(405, `The method must be ${method}`, { Allow: method })
  }
  const calls = authority.getByName(name)
  if (isChange) return change(request, calls, allowed === true ? undefined : allowed.author)
  if (path === '/document') {
    return toJson(await calls.getDocument(toVersion(searchParams, 'knownVersion')))
  }
  if (path !== '/releases') {
    const release = await calls.getRelease(Number(path.slice('/releases/'.length)))
    if (release === null)
      throw new HandlerFault(404, 'There is no such release, or it is forgotten')
    return toJson(release)
  }
  return toJson(await getHistory(calls, searchParams))
}

async function getHistory(calls: ConfigAuthorityCalls, params: URLSearchParams): Promise<unknown> {
  const beforeVersion = toVersion(params, 'beforeVersion')
  const limit = toVersion(params, 'limit')
  if (limit !== undefined && (limit < 1 || limit > 100)) {
    throw new HandlerFault(400, 'limit must be from 1 to 100')
  }
  return calls.getHistory({
    ...(beforeVersion !== undefined && { beforeVersion }),
    ...(limit !== undefined && { limit }),
  })
}

async function change(
  request: Request,
  calls: ConfigAuthorityCalls,
  author: string | undefined,
): Promise<Response> {
  const type = request.headers.get('Content-Type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new HandlerFault(415, 'Content-Type must be application/json')
  }
  const text = await readText(request)
  let asked: unknown
  try {
    asked = JSON.parse(text)
  } catch {
    throw new HandlerFault(400, 'The request must be JSON')
  }
  if (!isRecord(asked)) throw new HandlerFault(400, 'The request must be a JSON object')
  // The authority checks what it is.
  const made = { ...asked, ...(author !== undefined && { author }) } as unknown
  const reply: ConfigChangeReply = await calls.change(made as ConfigChangeRequest)
  if (reply.ok) return toJson(reply)
  const { reason } = reply
  return toProblem({
    status: statusByReason[reason],
    detail: reason === 'conflict' ? `The version is ${reply.version}` : reply.message,
    members: reply,
  })
}

async function readText(request: Request): Promise<string> {
  const tooLarge = new HandlerFault(413, `A request has at most ${maxRequestBytes} bytes`)
  if (Number(request.headers.get('Content-Length')) > maxRequestBytes) throw tooLarge
  if (request.body === null) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let bytes = 0
  let text = ''
  try {
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      bytes += chunk.length
      if (bytes > maxRequestBytes) throw tooLarge
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  } catch (error) {
    if (error === tooLarge) throw tooLarge
    throw new HandlerFault(400, 'The request must be complete, and UTF-8')
  }
}

function toVersion(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new HandlerFault(400, `${name} must be a whole number`)
  return Number(text)
}

function toJson(value: unknown): Response {
  return Response.json(value, { headers: { 'Cache-Control': 'no-store' } })
}

/** RFC 9457. */
function toProblem({
  status,
  detail,
  headers = {},
  members = {},
}: {
  readonly status: number
  readonly detail: string
  readonly headers?: Readonly<Record<string, string>>
  readonly members?: object
}): Response {
  const problem = { type: 'about:blank', title: faultTitles[status], status, detail, ...members }
  return new Response(JSON.stringify(problem), {
    status,
    headers: {
      ...headers,
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
    },
  })
}
