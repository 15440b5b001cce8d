import { checkNumber } from '../../shared/check-number.ts'
import { sha256Base64Url } from '../../shared/sha256.ts'
import type { FlagContext, FlagEvaluation } from '../flag-evaluation.ts'
import { toFlagContext } from '../openfeature/evaluation-context.ts'
import type { FlagSource } from '../openfeature/flag-source.ts'
import { readBodyWithin } from './read-body-within.ts'

export interface OfrepHandlerOptions {
  /**
   * Whether the request may ask: `unauthorized` is answered with 401, `forbidden` and `false` with 403, and a response, such as one of a rate limiter with 429
   * and `Retry-After`, as it is. Where it throws, nobody may (500). Default: everybody who reaches the path may.
   */
  readonly authorize?: (request: Request) => OfrepPermission | Promise<OfrepPermission>
  /** Larger bodies are refused with 413. In bytes, from 1. Default 65,536. */
  readonly maxBodyBytes?: number
  /** What stands before `/ofrep/v1`. Default: nothing. */
  readonly basePath?: string
  /** Flags that may be asked for, such as those that are meant for browsers. All others are as if they were not there. Default: all. */
  readonly isPublic?: (flag: string) => boolean
}

export type OfrepPermission = boolean | 'unauthorized' | 'forbidden' | Response

type JsonBody = Readonly<Record<string, unknown>>

/** Those that OFREP has. Others are in the answer's metadata. */
const knownReasons: readonly string[] = ['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DISABLED']
const evaluationPath = '/ofrep/v1/evaluate/flags'
const anyFlag = (): boolean => true

/**
 * Answers the OpenFeature Remote Evaluation Protocol 0.3.0: `POST /ofrep/v1/evaluate/flags/{key}` and, for all flags at once, `POST /ofrep/v1/evaluate/flags`.
 *
 * - A bulk answer has an `ETag` over everything in it, so that a 304 stands for the same answers, also of flags that begin or end by the clock.
 * - A context without `targetingKey` is taken; flags that need one answer `TARGETING_KEY_MISSING`.
 * - Flags that give the caller's default have no `value`. Reasons that the protocol does not have (`DEFAULT`, `STALE`) are `UNKNOWN`, and in `metadata.reason`.
 * - While there is nothing to answer from it is 500. Nothing may be cached on the way: an answer is about one user.
 *
 * CORS is left to the Worker: it answers no `OPTIONS`.
 *
 * @throws {RangeError} When `maxBodyBytes` is below 1.
 *
 * @see https://github.com/open-feature/protocol/blob/main/service/openapi.yaml
 * @example
 * ```ts
 * import { FlagReader } from '@codex/cloudflare-clients/feature-flags'
 * import { createOfrepHandler } from '@codex/cloudflare-clients/openfeature'
 *
 * const answer = createOfrepHandler(new FlagReader(env.FLAGS_KV), {
 *   authorize: ({ headers }) => headers.get('authorization') === `Bearer ${token}` || 'unauthorized',
 * })
 * const response = await answer(request)
 * ```
 */
export function createOfrepHandler(
  flags: FlagSource,
  {
    authorize = () => true,
    maxBodyBytes = 65_536,
    basePath = '',
    isPublic = anyFlag,
  }: OfrepHandlerOptions = {},
): (request: Request) => Promise<Response> {
  checkNumber('create OFREP handler: maxBodyBytes', maxBodyBytes, { min: 1 })
  const root = `${basePath}${evaluationPath}`

  const answer = async (request: Request): Promise<Response> => {
    const key = toKey(new URL(request.url).pathname, root)
    if (key === undefined) return respond(404, { errorDetails: 'There is nothing at this path' })
    if (request.method !== 'POST')
      return respond(405, { errorDetails: 'Must be POST' }, { Allow: 'POST' })
    const permission = await authorize(request)
    if (permission instanceof Response) return permission
    if (permission !== true) return refuse(permission)

    const fail = (code: string, details: string, status = 400): Response =>
      respond(status, { ...(key !== null && { key }), errorCode: code, errorDetails: details })
    const text = await readBodyWithin(request, maxBodyBytes)
    if (text === null)
      return fail('GENERAL', `The body must have at most ${maxBodyBytes} bytes`, 413)
    const body = parse(text)
    if (body === undefined) return fail('PARSE_ERROR', 'The body must be JSON')
    const context = toContext(body)
    if (typeof context === 'string') return fail('INVALID_CONTEXT', context)

    const { status, version } = await flags.ready()
    if (status === 'none') return fail('GENERAL', 'There are no flags to answer from', 500)
    if (key === null) return answerAll(request, context, version)
    const evaluation = isPublic(key) ? evaluate(key, context) : notFound
    return respond(toStatus(evaluation), toAnswer(key, evaluation))
  }

  const evaluate = (flag: string, context: FlagContext): FlagEvaluation =>
    flags.evaluate(flag, context, null as never)

  const answerAll = (request: Request, context: FlagContext, version: number): Response => {
    const names = Object.keys(flags.getRuleset()?.flags ?? {}).filter((flag) => isPublic(flag))
    const body = JSON.stringify({
      flags: names.sort().map((flag) => toAnswer(flag, evaluate(flag, context))),
      metadata: { version: String(version) },
    })
    const etag = `"${sha256Base64Url(body)}"`
    if (isKnown(request.headers.get('If-None-Match'), etag))
      return new Response(null, { status: 304, headers: { ...headers, ETag: etag } })
    return new Response(body, {
      headers: { ...headers, 'Content-Type': 'application/json', ETag: etag },
    })
  }

  return async (request) => {
    try {
      return await answer(request)
    } catch {
      return respond(500, {
        errorCode: 'GENERAL',
        errorDetails: 'The request could not be answered',
      })
    }
  }
}

/** For one user, at one moment. */
const headers = { 'Cache-Control': 'private, no-store', 'X-Content-Type-Options': 'nosniff' }
const notFound = {
  value: null as never,
  reason: 'ERROR',
  flagVersion: 0,
  error: { code: 'FLAG_NOT_FOUND', message: 'Cannot evaluate flag: there is none of this name' },
} as const satisfies FlagEvaluation

function respond(
  status: number,
  body: JsonBody,
  more: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers: { ...headers, ...more } })
}

function refuse(permission: Exclude<OfrepPermission, true | Response>): Response {
  return permission === 'unauthorized'
    ? respond(401, { errorDetails: 'Credentials are needed' }, { 'WWW-Authenticate': 'Bearer' })
    : respond(403, { errorDetails: 'This is not allowed' })
}

/** @returns `null`: all flags; `undefined`: another path. Clients do not encode keys, so a slash is part of one. */
function toKey(path: string, root: string): string | null | undefined {
  if (path === root) return null
  if (!path.startsWith(`${root}/`) || path.length === root.length + 1) return undefined
  try {
    return decodeURIComponent(path.slice(root.length + 1))
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** @returns What is wrong with it, or the context. */
function toContext(body: unknown): FlagContext | string {
  const { context } = Object(body) as { readonly context?: unknown }
  if (typeof context !== 'object' || context === null || Array.isArray(context))
    return 'The body must have a context, which is an object'
  return toFlagContext(context as JsonBody) ?? 'targetingKey must be a text'
}

function toStatus({ error }: FlagEvaluation): number {
  if (error === undefined) return 200
  if (error.code === 'FLAG_NOT_FOUND') return 404
  return error.code === 'PROVIDER_NOT_READY' || error.code === 'GENERAL' ? 500 : 400
}

function toAnswer(key: string, evaluation: FlagEvaluation): JsonBody {
  const { value, variant, reason, metadata, error } = evaluation
  const about = metadata !== undefined && { metadata }
  if (error !== undefined) {
    const code = error.code === 'PROVIDER_NOT_READY' ? 'GENERAL' : error.code
    return { key, errorCode: code, errorDetails: error.message, ...about }
  }
  const isKnownReason = knownReasons.includes(reason)
  return {
    key,
    ...(variant !== undefined && { value, variant }),
    reason: isKnownReason ? reason : 'UNKNOWN',
    ...(isKnownReason ? about : { metadata: { reason, ...metadata } }),
  }
}

/** Compared weakly, as `If-None-Match` is. */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes(etag) || known.includes('*')
}
