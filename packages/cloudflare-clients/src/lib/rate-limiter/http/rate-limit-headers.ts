import type { RateLimitPolicy } from '../policies.ts'
import type { RateLimitResult } from '../rate-limit-backend.ts'
import { toFieldInteger, toFieldString, toPrintableAscii } from './structured-field.ts'

/** What a check came to, as far as HTTP is concerned. Every result of a limiter is one. */
export type ReportedResult = Pick<RateLimitResult, 'allowed'> &
  Partial<Omit<RateLimitResult, 'allowed'>>

/** A result and the policy that it was checked under. */
export interface RateLimitOutcome {
  readonly result: ReportedResult
  readonly policy: RateLimitPolicy
}

export interface RateLimitHeadersOptions {
  /**
   * Adds `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (epoch seconds) of the policy that is nearest
   * to its limit, for clients from before the draft. Default `false`.
   */
  readonly legacy?: boolean
  /** Spreads the return of denied clients over up to this many seconds after they could. Default 0. */
  readonly jitterSeconds?: number
  /** The clock, in epoch ms. Default `Date.now`. */
  readonly now?: () => number
  /** From 0 up to 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number
}

/**
 * The rate limit fields of a response, as draft-ietf-httpapi-ratelimit-headers-11 defines them.
 *
 * - `RateLimit-Policy: "api";q=100;w=60`: every policy by its `keyPrefix`, with the limit in force and the window.
 * - `RateLimit: "api";r=42;t=18`: what remains, and in how many seconds there is more. A policy whose remaining calls are
 *   not known is left out, and `t` where that is not known: nothing is made up. They are hints, no promise.
 * - `Retry-After: 18`, only where a result is denied and it is known: never earlier than the `t` of a policy that denied.
 *
 * Seconds are rounded up. A shadow policy shows in nothing.
 *
 * @returns Header names and values, for a `Headers` or a `Response`.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 *
 * @example
 * ```ts
 * import { RateLimiterClient, rateLimitHeaders, rateLimitPolicies } from '@codex/cloudflare-clients/rate-limiter'
 *
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV)
 * const policy = rateLimitPolicies.api
 * const result = await limiter.checkLimit('user-1', policy)
 * const response = new Response('Hello', { headers: rateLimitHeaders({ result, policy }) })
 * ```
 */
export function rateLimitHeaders(
  outcomes: RateLimitOutcome | readonly RateLimitOutcome[],
  options: RateLimitHeadersOptions = {},
): Record<string, string> {
  const nowMs = (options.now ?? Date.now)()
  const jitterMs = (options.jitterSeconds ?? 0) * 1000 * (options.random ?? Math.random)()
  const shown = toOutcomes(outcomes)
    .filter((outcome) => !isShadow(outcome))
    .map((outcome) => toShown(outcome, { nowMs, jitterMs }))

  const headers: Record<string, string> = {}
  if (shown.length === 0) return headers
  headers['RateLimit-Policy'] = shown
    .map(({ name, quota, windowSeconds }) => `${name};q=${quota};w=${windowSeconds}`)
    .join(', ')
  const limits = shown.flatMap(({ name, remaining, waitMs }) => {
    if (remaining === undefined) return []
    return [`${name};r=${remaining}${waitMs === undefined ? '' : `;t=${toSeconds(waitMs)}`}`]
  })
  if (limits.length > 0) headers.RateLimit = limits.join(', ')
  const waitsMs = shown.flatMap(({ violated, waitMs }) =>
    violated && waitMs !== undefined ? [waitMs] : [],
  )
  // A denied client that came back in the same second would be denied again.
  if (waitsMs.length > 0) headers['Retry-After'] = `${Math.max(1, ...waitsMs.map(toSeconds))}`
  if (options.legacy === true) Object.assign(headers, toLegacy(shown, nowMs))
  return headers
}

export function toOutcomes(
  outcomes: RateLimitOutcome | readonly RateLimitOutcome[],
): readonly RateLimitOutcome[] {
  return 'result' in outcomes ? [outcomes] : outcomes
}

/** Whether it was this policy that denied: of checks that are admitted or denied together, some would have been admitted. */
export function isViolated({ result }: RateLimitOutcome): boolean {
  return !result.allowed && result.reason !== 'within_limit'
}

/** The policy's name as headers and problems give it. */
export function toPolicyName({ policy }: RateLimitOutcome): string {
  return toPrintableAscii(policy.keyPrefix)
}

function isShadow({ policy, result }: RateLimitOutcome): boolean {
  return policy.shadow === true || result.shadowed === true
}

interface ShownPolicy {
  readonly name: string
  readonly quota: number
  readonly windowSeconds: number
  readonly remaining: number | undefined
  /** How long until there is more. */
  readonly waitMs: number | undefined
  readonly violated: boolean
}

function toShown(
  outcome: RateLimitOutcome,
  { nowMs, jitterMs }: { readonly nowMs: number; readonly jitterMs: number },
): ShownPolicy {
  const { policy, result } = outcome
  const violated = isViolated(outcome)
  const untilResetMs = result.resetAt === undefined ? undefined : result.resetAt - nowMs
  const knownMs = (violated ? result.retryAfterMs : undefined) ?? untilResetMs
  const isKnown = knownMs !== undefined && Number.isFinite(knownMs)
  return {
    name: toFieldString(toPolicyName(outcome)),
    quota: toFieldInteger(result.limit ?? policy.limit),
    // The draft has no shorter window than a second, and to claim a longer one promises less.
    windowSeconds: Math.max(1, toFieldInteger(policy.window)),
    remaining:
      result.remaining === undefined ? undefined : toFieldInteger(Math.floor(result.remaining)),
    waitMs: isKnown ? Math.max(0, knownMs) + (violated ? jitterMs : 0) : undefined,
    violated,
  }
}

function toSeconds(ms: number): number {
  return toFieldInteger(ms / 1000)
}

/** The three fields of one policy: the one that denied, or else the one with the fewest calls left. */
function toLegacy(shown: readonly ShownPolicy[], nowMs: number): Record<string, string> {
  const nearest = shown.reduce((a, b) => (rank(b) < rank(a) ? b : a))
  return {
    'X-RateLimit-Limit': `${nearest.quota}`,
    ...(nearest.remaining === undefined ? {} : { 'X-RateLimit-Remaining': `${nearest.remaining}` }),
    ...(nearest.waitMs === undefined
      ? {}
      : { 'X-RateLimit-Reset': `${toSeconds(nowMs + nearest.waitMs)}` }),
  }
}

function rank({ violated, remaining = Infinity }: ShownPolicy): number {
  return violated ? -1 : remaining
}
