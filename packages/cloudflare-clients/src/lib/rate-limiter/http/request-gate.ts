import type { IdentifierResult } from '../identifiers/identifier-result.ts'
import type { RateLimitPolicy } from '../policies.ts'
import { addHeaders, addRateLimitHeaders } from './add-headers.ts'
import { problemResponse } from '../../shared/problem-response.ts'
import {
  rateLimitHeaders,
  type RateLimitHeadersOptions,
  type RateLimitOutcome,
  type ReportedResult,
} from './rate-limit-headers.ts'
import { tooManyRequests } from './too-many-requests.ts'

type MaybePromise<T> = T | Promise<T>

/** What checks a limit: a `RateLimiterClient`, or anything with its first method. */
export interface RequestLimiter {
  checkLimit(identifier: string, policy: RateLimitPolicy): MaybePromise<ReportedResult>
}

type Policies = RateLimitPolicy | readonly RateLimitPolicy[]

/**
 * How requests are limited. `Context` is what a framework hands to its handlers beside the request: `env` and `ctx` of a
 * Worker, the event of SvelteKit, the context of Hono.
 */
export interface RequestLimitOptions<
  Context extends readonly unknown[],
> extends RateLimitHeadersOptions {
  /** The limiter, or where to get it from, as from the bindings in a context. */
  readonly limiter: RequestLimiter | ((...context: Context) => RequestLimiter)
  /**
   * Who sent the request: what a count is kept under. `null`, or a refusal of `clientIp` and `ipIdentifier`, is a request
   * that nobody can be named for, and goes to `onUnidentified`. What it throws reaches the framework, and the request goes
   * no further.
   */
  readonly identify: (
    request: Request,
    ...context: Context
  ) => MaybePromise<string | IdentifierResult | null>
  /**
   * What the request is limited by, or a function that says so for a request; an empty list from it limits nothing. They
   * are checked in order up to the first that denies. Those before it have counted the call, so put the tightest first.
   */
  readonly policies: Policies | ((request: Request, ...context: Context) => MaybePromise<Policies>)
  /**
   * What becomes of a request that nobody can be named for. `refuse`: it is answered 403. `skip`: it is let through without
   * a limit. A function answers it itself. Default `refuse`.
   */
  readonly onUnidentified?:
    'refuse' | 'skip' | ((request: Request, ...context: Context) => MaybePromise<Response>)
  /**
   * Answers a denied request in place of the problem response that it is given, as with a page. The rate limit fields,
   * `Retry-After` and `Cache-Control: no-store` are added to what it gives where they are missing.
   */
  readonly onLimited?: (
    response: Response,
    request: Request,
    ...context: Context
  ) => MaybePromise<Response>
}

/** Either the request goes on and its response is to be finished, or this is its response. */
type GateDecision =
  | { readonly response: Response }
  | { readonly response: null; readonly finish: (response: Response) => Response }

export type RequestGate<Context extends readonly unknown[]> = (
  request: Request,
  ...context: Context
) => Promise<GateDecision>

/**
 * The core of every middleware here: decides whether a request goes on. It goes on only where a limiter admitted it, where
 * `policies` names none for it, or where `onUnidentified` is `skip`.
 *
 * @throws {TypeError} When `limiter` is none or the list of policies is empty.
 */
export function createRequestGate<Context extends readonly unknown[]>(
  options: RequestLimitOptions<Context>,
): RequestGate<Context> {
  const { limiter, policies, onUnidentified = 'refuse' } = options
  if (typeof limiter !== 'function') assertLimiter(limiter)
  if (Array.isArray(policies) && policies.length === 0) {
    throw new TypeError('Cannot limit requests: policies must not be empty')
  }
  return async (request, ...context) => {
    const chosen = typeof policies === 'function' ? await policies(request, ...context) : policies
    const list = 'limit' in chosen ? [chosen] : chosen
    if (list.length === 0) return { response: null, finish: (response) => response }

    const identifier = toIdentifier(await options.identify(request, ...context))
    if (identifier === null) {
      if (onUnidentified === 'skip') return { response: null, finish: (response) => response }
      if (onUnidentified === 'refuse') return { response: unidentifiedResponse() }
      return { response: await onUnidentified(request, ...context) }
    }

    const chosenLimiter = typeof limiter === 'function' ? limiter(...context) : limiter
    assertLimiter(chosenLimiter)
    const outcomes: RateLimitOutcome[] = []
    for (const policy of list) {
      const result = await chosenLimiter.checkLimit(identifier, policy)
      outcomes.push({ result, policy })
      if (!result.allowed) {
        return { response: await denial(outcomes, { request, context, options }) }
      }
    }
    return {
      response: null,
      finish: (response) => addRateLimitHeaders(response, rateLimitHeaders(outcomes, options)),
    }
  }
}

async function denial<Context extends readonly unknown[]>(
  outcomes: readonly RateLimitOutcome[],
  {
    request,
    context,
    options,
  }: {
    readonly request: Request
    readonly context: Context
    readonly options: RequestLimitOptions<Context>
  },
): Promise<Response> {
  const response = tooManyRequests(outcomes, options)
  if (options.onLimited === undefined) return response
  const {
    'content-type': _,
    'cache-control': cacheControl,
    ...fields
  } = Object.fromEntries(response.headers)
  const answer = await options.onLimited(response, request, ...context)
  return addHeaders(addRateLimitHeaders(answer, fields), { 'cache-control': cacheControl })
}

function toIdentifier(given: string | IdentifierResult | null): string | null {
  if (given === null) return null
  if (typeof given === 'object' && (given.ok as boolean | undefined) === false) return null
  const identifier: unknown = typeof given === 'object' && given.ok ? given.identifier : given
  // Nothing that was merely forgotten may pass for "skip".
  if (typeof identifier === 'string' && identifier !== '') return identifier
  throw new TypeError(
    `Cannot limit request: identify must give a string that is not empty, a result or null, received ${identifier === '' ? 'an empty string' : typeof identifier}`,
  )
}

function assertLimiter(limiter: unknown): void {
  if (typeof (limiter as Partial<RequestLimiter> | null | undefined)?.checkLimit === 'function') {
    return
  }
  throw new TypeError(
    `Cannot limit requests: limiter must have checkLimit, received ${limiter === null ? 'null' : typeof limiter}`,
  )
}

function unidentifiedResponse(): Response {
  return problemResponse({
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'The request cannot be attributed to one client',
  })
}
