import fc from 'fast-check'
import { parseList } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import type { RateLimitPolicy } from '../policies.ts'
import {
  rateLimitHeaders,
  type RateLimitHeadersOptions,
  type RateLimitOutcome,
  type ReportedResult,
} from './rate-limit-headers.ts'

const nowMs = 1_800_000_000_000
const now = () => nowMs
const api: RateLimitPolicy = { limit: 100, window: 60, keyPrefix: 'api' }
const daily: RateLimitPolicy = { limit: 1000, window: 86_400, keyPrefix: 'daily' }

/** What a client reads: each item as its name and its parameters. */
function parse(
  field: string | undefined,
): readonly (readonly [unknown, Partial<Record<string, number>>])[] | undefined {
  return field === undefined
    ? undefined
    : parseList(field).map(
        ([name, parameters]) =>
          [name, Object.fromEntries(parameters) as Partial<Record<string, number>>] as const,
      )
}

function admitted(known: Partial<ReportedResult> = {}): ReportedResult {
  return { allowed: true, reason: 'within_limit', ...known }
}

function denied(known: Partial<ReportedResult> = {}): ReportedResult {
  return { allowed: false, reason: 'over_limit', ...known }
}

interface Case {
  readonly name: string
  readonly outcomes: RateLimitOutcome | RateLimitOutcome[]
  readonly options?: RateLimitHeadersOptions
  readonly headers: Record<string, string>
}

describe('the fields', () => {
  test.for<Case>([
    {
      name: 'say what remains and for how long',
      outcomes: { policy: api, result: admitted({ remaining: 42, resetAt: nowMs + 18_000 }) },
      headers: { 'RateLimit-Policy': '"api";q=100;w=60', RateLimit: '"api";r=42;t=18' },
    },
    {
      name: 'list several policies',
      outcomes: [
        { policy: api, result: admitted({ remaining: 42, resetAt: nowMs + 18_000 }) },
        { policy: daily, result: admitted({ remaining: 7, resetAt: nowMs + 3_600_000 }) },
      ],
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60, "daily";q=1000;w=86400',
        RateLimit: '"api";r=42;t=18, "daily";r=7;t=3600',
      },
    },
    {
      name: 'round seconds up, and never under 0',
      outcomes: [
        {
          policy: { ...api, window: 0.5 },
          result: admitted({ remaining: 1, resetAt: nowMs + 1 }),
        },
        {
          policy: { ...daily, window: 60.5 },
          result: admitted({ remaining: 1, resetAt: nowMs - 5000 }),
        },
      ],
      headers: {
        'RateLimit-Policy': '"api";q=100;w=1, "daily";q=1000;w=61',
        RateLimit: '"api";r=1;t=1, "daily";r=1;t=0',
      },
    },
    {
      name: 'leave out what is not known, as of the native binding',
      outcomes: { policy: api, result: admitted() },
      headers: { 'RateLimit-Policy': '"api";q=100;w=60' },
    },
    {
      name: 'leave out when there is more where that is not known',
      outcomes: { policy: api, result: admitted({ remaining: 3 }) },
      headers: { 'RateLimit-Policy': '"api";q=100;w=60', RateLimit: '"api";r=3' },
    },
    {
      name: 'keep a policy whose rest is known beside one whose rest is not',
      outcomes: [
        { policy: api, result: admitted() },
        { policy: daily, result: admitted({ remaining: 7, resetAt: nowMs }) },
      ],
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60, "daily";q=1000;w=86400',
        RateLimit: '"daily";r=7;t=0',
      },
    },
    {
      name: 'say the limit in force, not the one of the policy',
      outcomes: { policy: api, result: admitted({ limit: 500, remaining: 499 }) },
      headers: { 'RateLimit-Policy': '"api";q=500;w=60', RateLimit: '"api";r=499' },
    },
    {
      name: 'cut integers to what a structured field can carry',
      outcomes: {
        policy: { ...api, limit: Number.MAX_SAFE_INTEGER },
        result: admitted({ remaining: Number.MAX_SAFE_INTEGER, resetAt: Infinity }),
      },
      headers: {
        'RateLimit-Policy': '"api";q=999999999999999;w=60',
        RateLimit: '"api";r=999999999999999',
      },
    },
    {
      name: 'escape names',
      outcomes: {
        policy: { ...api, keyPrefix: '"a\\b", "c";q=1' },
        result: admitted({ remaining: 1 }),
      },
      headers: {
        'RateLimit-Policy': '"\\"a\\\\b\\", \\"c\\";q=1";q=100;w=60',
        RateLimit: '"\\"a\\\\b\\", \\"c\\";q=1";r=1',
      },
    },
    {
      name: 'percent-encode what a header cannot carry',
      outcomes: {
        policy: { ...api, keyPrefix: 'größe\r\nX: 1\u007f\ud800' },
        result: admitted(),
      },
      headers: { 'RateLimit-Policy': '"gr%C3%B6%C3%9Fe%0D%0AX: 1%7F%EF%BF%BD";q=100;w=60' },
    },
    {
      name: 'are none without a policy',
      outcomes: [],
      headers: {},
    },
    {
      name: 'show nothing of a shadow policy',
      outcomes: [
        { policy: { ...daily, shadow: true }, result: admitted({ remaining: 0 }) },
        { policy: daily, result: admitted({ remaining: 0, shadowed: true }) },
        { policy: api, result: admitted({ remaining: 3 }) },
      ],
      headers: { 'RateLimit-Policy': '"api";q=100;w=60', RateLimit: '"api";r=3' },
    },
    {
      name: 'tell a denied client when to come back',
      outcomes: {
        policy: api,
        result: denied({ remaining: 0, resetAt: nowMs + 18_000, retryAfterMs: 18_000 }),
      },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60',
        RateLimit: '"api";r=0;t=18',
        'Retry-After': '18',
      },
    },
    {
      name: 'tell a client of an empty bucket when the next call is there, not when it is full',
      outcomes: {
        policy: api,
        result: denied({ remaining: 0, resetAt: nowMs + 60_000, retryAfterMs: 600 }),
      },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60',
        RateLimit: '"api";r=0;t=1',
        'Retry-After': '1',
      },
    },
    {
      name: 'tell a blocked client when the block ends',
      outcomes: {
        policy: api,
        result: denied({
          reason: 'blocked',
          remaining: 50,
          resetAt: nowMs + 5000,
          retryAfterMs: 600_000,
        }),
      },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60',
        RateLimit: '"api";r=50;t=600',
        'Retry-After': '600',
      },
    },
    {
      name: 'take the end of the window where there is nothing better',
      outcomes: { policy: api, result: denied({ remaining: 0, resetAt: nowMs + 18_001 }) },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60',
        RateLimit: '"api";r=0;t=19',
        'Retry-After': '19',
      },
    },
    {
      name: 'wait for the last policy that denied, not for one that did not',
      outcomes: [
        {
          policy: api,
          result: denied({ remaining: 0, resetAt: nowMs + 2000, retryAfterMs: 2000 }),
        },
        {
          policy: { ...api, keyPrefix: 'hourly' },
          result: denied({ remaining: 0, resetAt: nowMs + 9000, retryAfterMs: 9000 }),
        },
        {
          policy: daily,
          result: denied({
            reason: 'within_limit',
            remaining: 500,
            resetAt: nowMs + 40_000_000,
            retryAfterMs: 0,
          }),
        },
      ],
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60, "hourly";q=100;w=60, "daily";q=1000;w=86400',
        RateLimit: '"api";r=0;t=2, "hourly";r=0;t=9, "daily";r=500;t=40000',
        'Retry-After': '9',
      },
    },
    {
      name: 'do not make up when to come back',
      outcomes: { policy: api, result: denied({ reason: 'unavailable' }) },
      headers: { 'RateLimit-Policy': '"api";q=100;w=60' },
    },
    {
      name: 'never send a denied client back within the second',
      outcomes: { policy: api, result: denied({ remaining: 0, retryAfterMs: 0 }) },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60',
        RateLimit: '"api";r=0;t=0',
        'Retry-After': '1',
      },
    },
    {
      name: 'spread denied clients, and only those',
      outcomes: [
        { policy: api, result: denied({ remaining: 0, retryAfterMs: 2000 }) },
        { policy: daily, result: admitted({ remaining: 7, resetAt: nowMs + 9000 }) },
      ],
      options: { jitterSeconds: 10, random: () => 0.5 },
      headers: {
        'RateLimit-Policy': '"api";q=100;w=60, "daily";q=1000;w=86400',
        RateLimit: '"api";r=0;t=7, "daily";r=7;t=9',
        'Retry-After': '7',
      },
    },
  ])('$name', ({ outcomes, options, headers }) => {
    expect(rateLimitHeaders(outcomes, { now, ...options })).toEqual(headers)
    // A parser takes them, and a `Headers` too.
    parse(headers['RateLimit-Policy'])
    parse(headers.RateLimit)
    expect(() => new Headers(headers)).not.toThrow()
  })

  test('of hostile policies are what a structured-fields parser reads back', () => {
    const number = fc.oneof(fc.double({ noNaN: true }), fc.nat(), fc.constant(undefined))
    const outcome = fc.record({
      policy: fc.record({
        keyPrefix: fc.string({ unit: 'binary', minLength: 1 }),
        limit: fc.oneof(fc.maxSafeNat(), fc.nat()),
        window: fc.double({ min: 0.001, max: 1e9, noNaN: true }),
      }),
      known: fc.record({
        allowed: fc.boolean(),
        remaining: fc.oneof(fc.maxSafeNat(), fc.constant(undefined)),
        resetAt: number,
        retryAfterMs: number,
      }),
    })
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 4 }), (drawn) => {
        const outcomes = drawn.map(({ policy, known }) => ({
          policy,
          result: Object.fromEntries(
            Object.entries(known).filter(([, value]) => value !== undefined),
          ) as unknown as ReportedResult,
        }))
        const headers = rateLimitHeaders(outcomes, { now, legacy: true })
        expect(Object.fromEntries(new Headers(headers))).toEqual(
          Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
          ),
        )
        const policies = parse(headers['RateLimit-Policy']) ?? []
        expect(policies).toHaveLength(outcomes.length)
        for (const [name, parameters] of policies) {
          expect(name).toBeTypeOf('string')
          expect(parameters).toEqual({
            q: expect.toSatisfy((q) => Number.isInteger(q) && Number(q) >= 0) as number,
            w: expect.toSatisfy((w) => Number.isInteger(w) && Number(w) >= 1) as number,
          })
        }
        for (const outcome of outcomes.filter(({ result }) => !result.allowed)) {
          const alone = rateLimitHeaders(outcome, { now })
          const t = parse(alone.RateLimit)?.[0]?.[1].t ?? 0
          expect(Number(alone['Retry-After'] ?? Infinity)).toBeGreaterThanOrEqual(Math.max(1, t))
          expect(Number(headers['Retry-After'] ?? Infinity)).toBeGreaterThanOrEqual(t)
        }
        for (const [name, parameters] of parse(headers.RateLimit) ?? []) {
          expect(policies.map(([known]) => known)).toContain(name)
          expect(Object.values(parameters).every((value) => Number.isInteger(value))).toBe(true)
        }
      }),
      { seed: 13 },
    )
  })
})

describe('the legacy fields', () => {
  test.for<Case>([
    {
      name: 'are of the policy with the fewest calls left',
      outcomes: [
        { policy: daily, result: admitted({ remaining: 7, resetAt: nowMs + 9500 }) },
        { policy: api, result: admitted({ remaining: 42, resetAt: nowMs + 18_000 }) },
      ],
      headers: {
        'X-RateLimit-Limit': '1000',
        'X-RateLimit-Remaining': '7',
        'X-RateLimit-Reset': '1800000010',
      },
    },
    {
      name: 'are of the policy that denied',
      outcomes: [
        { policy: daily, result: denied({ reason: 'within_limit', remaining: 0 }) },
        { policy: api, result: denied({ remaining: 3, retryAfterMs: 18_000 }) },
      ],
      headers: {
        'X-RateLimit-Limit': '100',
        'X-RateLimit-Remaining': '3',
        'X-RateLimit-Reset': '1800000018',
      },
    },
    {
      name: 'leave out what is not known',
      outcomes: { policy: api, result: admitted() },
      headers: { 'X-RateLimit-Limit': '100' },
    },
    { name: 'are none without a policy', outcomes: [], headers: {} },
  ])('$name', ({ outcomes, headers }) => {
    const all = rateLimitHeaders(outcomes, { now, legacy: true })
    const legacy = Object.entries(all).filter(([name]) => name.startsWith('X-'))
    expect(Object.fromEntries(legacy)).toEqual(headers)
  })

  test('take the clock of the isolate by default', () => {
    const headers = rateLimitHeaders({
      policy: api,
      result: admitted({ remaining: 1, resetAt: Date.now() + 3_600_000 }),
    })
    expect(headers.RateLimit).toMatch(/^"api";r=1;t=(3600|3599)$/)
  })
})
