import { parseList } from 'structured-headers'
import { expect, test } from 'vitest'
import type { RateLimitPolicy } from '../policies.ts'
import type { RateLimitReason } from '../rate-limit-backend.ts'
import type { RateLimitOutcome } from './rate-limit-headers.ts'
import { tooManyRequests } from './too-many-requests.ts'

const nowMs = 1_800_000_000_000
const now = () => nowMs

function outcome(keyPrefix: string, reason: RateLimitReason, allowed = false): RateLimitOutcome {
  const policy: RateLimitPolicy = { limit: 5, window: 60, keyPrefix }
  return { policy, result: { allowed, reason, remaining: 0, resetAt: nowMs + 30_000 } }
}

test('answers 429 with the fields, the problem and no leave to cache it', async () => {
  const response = tooManyRequests(outcome('login', 'over_limit'), { now, detail: 'Try later' })
  expect(response.status).toBe(429)
  expect(Object.fromEntries(response.headers)).toEqual({
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
    ratelimit: '"login";r=0;t=30',
    'ratelimit-policy': '"login";q=5;w=60',
    'retry-after': '30',
  })
  expect(await response.json()).toEqual({
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    status: 429,
    detail: 'Try later',
    'violated-policies': ['login'],
  })
})

test('answers 503 where nothing denied but an outage', async () => {
  const response = tooManyRequests(outcome('login', 'unavailable'), { now })
  expect(response.status).toBe(503)
  expect(response.headers.get('Cache-Control')).toBe('no-store')
  expect(await response.json()).toEqual({
    type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
    title: 'Request cannot be satisfied due to temporary server capacity constraints',
    status: 503,
    'violated-policies': ['login'],
  })
})

test.for<[outcomes: RateLimitOutcome[], status: number, violated: string[]]>([
  [[outcome('a', 'unavailable'), outcome('b', 'over_limit')], 429, ['a', 'b']],
  [[outcome('a', 'within_limit', true), outcome('b', 'blocked')], 429, ['b']],
  [[outcome('a', 'within_limit'), outcome('b', 'unavailable')], 503, ['b']],
  [[outcome('a', 'over_limit'), outcome('a', 'over_limit')], 429, ['a']],
])(
  'of case %$ names the policies that denied, as the fields do',
  async ([outcomes, status, violated]) => {
    const response = tooManyRequests(outcomes, { now })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ 'violated-policies': violated })
    expect(parseList(response.headers.get('RateLimit-Policy') ?? '').map(([name]) => name)).toEqual(
      outcomes.map(({ policy }) => policy.keyPrefix),
    )
  },
)

test('names a policy in the problem as in the fields', async () => {
  const response = tooManyRequests(outcome('größe "1"', 'over_limit'))
  const [[name] = []] = parseList(response.headers.get('RateLimit-Policy') ?? '')
  expect(await response.json()).toMatchObject({ 'violated-policies': [name] })
})

test('refuses to deny what was admitted', () => {
  const error = new TypeError(
    'Cannot answer too many requests: a result must be denied, received none',
  )
  expect(() => tooManyRequests(outcome('a', 'within_limit', true))).toThrow(error)
  expect(() => tooManyRequests([])).toThrow(error)
})
