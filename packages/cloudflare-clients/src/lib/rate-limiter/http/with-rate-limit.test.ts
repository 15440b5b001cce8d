import { afterEach, describe, expect, test, vi } from 'vitest'
import { nowMs, ScriptedLimiter } from '../../../../test/support/scripted-limiter.ts'
import type { IdentifierResult } from '../identifiers/identifier-result.ts'
import type { RateLimitPolicy } from '../policies.ts'
import type { RequestLimitOptions } from './request-gate.ts'
import { withRateLimit } from './with-rate-limit.ts'

const policies: RateLimitPolicy = { limit: 2, window: 60, keyPrefix: 'api' }
const request = new Request('https://example.com/api')

function setUp(
  options: Partial<RequestLimitOptions<[]>> = {},
  response = () => new Response('Hi'),
) {
  const limiter = new ScriptedLimiter()
  const handler = vi.fn(response)
  const fetch = withRateLimit<[]>(handler, {
    limiter,
    identify: () => 'user-1',
    policies,
    now: () => nowMs,
    ...options,
  })
  return { limiter, handler, fetch }
}

function fieldsOf(response: Response): Record<string, string> {
  return Object.fromEntries(
    [...response.headers].filter(([name]) => /ratelimit|retry-after|cache-control/.test(name)),
  )
}

afterEach(() => {
  vi.restoreAllMocks()
})

test('lets requests through up to the limit and answers those after it itself', async () => {
  const { fetch, handler } = setUp()
  const first = await fetch(request)
  expect(await first.text()).toBe('Hi')
  expect(fieldsOf(first)).toEqual({
    ratelimit: '"api";r=1;t=30',
    'ratelimit-policy': '"api";q=2;w=60',
  })
  await fetch(request)
  const third = await fetch(request)
  expect(third.status).toBe(429)
  expect(fieldsOf(third)).toEqual({
    'cache-control': 'no-store',
    ratelimit: '"api";r=0;t=30',
    'ratelimit-policy': '"api";q=2;w=60',
    'retry-after': '30',
  })
  expect(handler).toHaveBeenCalledTimes(2)
})

test('hands the rest of what its caller passes to everything', async () => {
  const limiter = new ScriptedLimiter()
  const env = { limiter, user: 'user-7', response: 'Hello' }
  const fetch = withRateLimit(
    (_request: Request, { response }: typeof env) => new Response(response),
    {
      limiter: (given) => given.limiter,
      identify: (_request, given) => Promise.resolve(given.user),
      policies: (_request, given) =>
        Promise.resolve(given.user === 'user-7' ? [policies, { ...policies, keyPrefix: 'b' }] : []),
      legacy: true,
      now: () => nowMs,
    },
  )
  const response = await fetch(request, env)
  expect(await response.text()).toBe('Hello')
  expect(limiter.asked).toEqual(['api user-7', 'b user-7'])
  expect(response.headers.get('RateLimit')).toBe('"api";r=1;t=30, "b";r=1;t=30')
  expect(response.headers.get('X-RateLimit-Remaining')).toBe('1')
})

test('stops at the first policy that denies, and counts no later one', async () => {
  const { fetch, limiter } = setUp({
    policies: [
      { ...policies, limit: 1, keyPrefix: 'tight' },
      { ...policies, keyPrefix: 'wide' },
    ],
  })
  await fetch(request)
  const denied = await fetch(request)
  expect(limiter.asked).toEqual(['tight user-1', 'wide user-1', 'tight user-1'])
  expect(await denied.json()).toMatchObject({ 'violated-policies': ['tight'] })
})

test('limits nothing where no policy is given for a request, and asks nobody who it is from', async () => {
  const identify = vi.fn(() => null)
  const { fetch, limiter } = setUp({ policies: () => [], identify })
  const response = await fetch(request)
  expect(await response.text()).toBe('Hi')
  expect(fieldsOf(response)).toEqual({})
  expect(limiter.asked).toEqual([])
  expect(identify).not.toHaveBeenCalled()
})

describe('a request that nobody can be named for', () => {
  const refused: IdentifierResult = { ok: false, reason: 'missing' }

  test.for([null, refused])('is refused by default: %j', async (identifier) => {
    const { fetch, handler, limiter } = setUp({ identify: () => identifier })
    const response = await fetch(request)
    expect(response.status).toBe(403)
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'The request cannot be attributed to one client',
    })
    expect(handler).not.toHaveBeenCalled()
    expect(limiter.asked).toEqual([])
  })

  test.for([null, refused])('is let through where that is asked for: %j', async (identifier) => {
    const { fetch, limiter } = setUp({ identify: () => identifier, onUnidentified: 'skip' })
    expect(await (await fetch(request)).text()).toBe('Hi')
    expect(limiter.asked).toEqual([])
  })

  test('is answered by a function where one is given', async () => {
    const onUnidentified = () => new Response('Who?', { status: 401 })
    const { fetch, handler } = setUp({ identify: () => null, onUnidentified })
    expect((await fetch(request)).status).toBe(401)
    expect(handler).not.toHaveBeenCalled()
  })

  test.for([undefined, '', 7, {}, { ok: true }])(
    'is an error, also under skip, where identify forgot to say so: %j',
    async (identifier) => {
      const { fetch, handler } = setUp({
        identify: () => identifier as unknown as string,
        onUnidentified: 'skip',
      })
      await expect(fetch(request)).rejects.toThrow(TypeError)
      expect(handler).not.toHaveBeenCalled()
    },
  )
})

test.for<[fails: string, options: Partial<RequestLimitOptions<[]>>]>([
  ['identify throws', { identify: () => Promise.reject(new Error('down')) }],
  ['the limiter throws', { limiter: { checkLimit: () => Promise.reject(new Error('down')) } }],
  ['policies throw', { policies: () => Promise.reject(new Error('down')) }],
])('admits nothing when %s', async ([, options]) => {
  const { fetch, handler } = setUp({ onUnidentified: 'skip', ...options })
  await expect(fetch(request)).rejects.toThrow('down')
  expect(handler).not.toHaveBeenCalled()
})

test('takes the identifier out of a result', async () => {
  const { fetch, limiter } = setUp({ identify: () => ({ ok: true, identifier: '203.0.113.7' }) })
  await fetch(request)
  expect(limiter.asked).toEqual(['api 203.0.113.7'])
})

test('refuses to be built without a limiter or a policy', async () => {
  const missing = undefined as unknown as ScriptedLimiter
  expect(() => setUp({ limiter: missing })).toThrow(
    new TypeError('Cannot limit requests: limiter must have checkLimit, received undefined'),
  )
  expect(() => setUp({ policies: [] })).toThrow(
    new TypeError('Cannot limit requests: policies must not be empty'),
  )
  const { fetch, handler } = setUp({ limiter: () => missing })
  await expect(fetch(request)).rejects.toThrow(TypeError)
  expect(handler).not.toHaveBeenCalled()
})

describe('the fields on a response', () => {
  test('are set on an immutable one, which keeps everything else', async () => {
    const headers = new Headers({ 'Content-Type': 'text/plain' })
    headers.append('Set-Cookie', 'a=1')
    headers.append('Set-Cookie', 'b=2')
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(
      immutable(new Response('upstream', { status: 201, statusText: 'Made', headers })),
    )
    const limited = withRateLimit(() => fetch('https://upstream.example'), {
      limiter: new ScriptedLimiter(),
      identify: () => 'user-1',
      policies,
      now: () => nowMs,
    })
    const response = await limited(request)
    expect(response.headers.get('RateLimit')).toBe('"api";r=1;t=30')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect([response.status, response.statusText]).toEqual([201, 'Made'])
    expect(await response.text()).toBe('upstream')
  })

  test('are set on one from the cache, which the runtime made immutable', async () => {
    const key = 'https://example.com/cached'
    const headers = { 'Cache-Control': 'max-age=60' }
    await caches.default.put(key, new Response('kept', { headers }))
    const cached = await caches.default.match(key)
    if (cached === undefined) throw new Error('the cache lost it')
    expect(() => {
      cached.headers.set('X-Test', '1')
    }).toThrow(TypeError)
    const response = await setUp({}, () => cached).fetch(request)
    expect(response.headers.get('RateLimit-Policy')).toBe('"api";q=2;w=60')
    expect(await response.text()).toBe('kept')
  })

  test('say only the policy on a redirect, so that no client puts off following it', async () => {
    const redirect = () => Response.redirect('https://example.com/there', 302)
    const response = await setUp({ legacy: true }, redirect).fetch(request)
    expect(response.status).toBe(302)
    expect(response.headers.get('Location')).toBe('https://example.com/there')
    expect(fieldsOf(response)).toEqual({ 'ratelimit-policy': '"api";q=2;w=60' })
  })

  test.for(['RateLimit', 'RateLimit-Policy', 'X-RateLimit-Limit'])(
    'are left alone where it carries %s',
    async (name) => {
      const carrying = () => new Response('Hi', { headers: { [name]: '"own";q=1' } })
      const response = await setUp({ legacy: true }, carrying).fetch(request)
      expect(fieldsOf(response)).toEqual({ [name.toLowerCase()]: '"own";q=1' })
    },
  )

  test('are added beside a Retry-After of the handler', async () => {
    const busy = () => new Response(null, { status: 503, headers: { 'Retry-After': '5' } })
    const response = await setUp({}, busy).fetch(request)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(response.headers.get('RateLimit')).toBe('"api";r=1;t=30')
  })

  test.for([204, 304])('are set on a %i without a body', async (status) => {
    const response = await setUp({}, () => new Response(null, { status })).fetch(request)
    expect(response.status).toBe(status)
    expect(response.headers.has('RateLimit')).toBe(true)
  })

  test('leave a switch to a WebSocket as it is', async () => {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    const upgrade = new Response(null, { status: 101, webSocket: client })
    const response = await setUp({}, () => upgrade).fetch(request)
    expect(response).toBe(upgrade)
    expect(response.webSocket).toBe(client)
    expect(fieldsOf(response)).toEqual({})
    server.close()
  })

  test('of an inner limit stay on the response of an outer one', async () => {
    const inner = setUp({ policies: { ...policies, keyPrefix: 'inner' } })
    const outer = withRateLimit(inner.fetch, {
      limiter: new ScriptedLimiter(),
      identify: () => 'user-1',
      policies: { ...policies, keyPrefix: 'outer' },
    })
    expect((await outer(request)).headers.get('RateLimit-Policy')).toBe('"inner";q=2;w=60')
  })
})

describe('the answer to a denied request', () => {
  const limit1 = { ...policies, limit: 1 }

  test('may be a page, which gets the fields, Retry-After and no leave to cache it', async () => {
    const { fetch } = setUp({
      policies: limit1,
      onLimited: async (problem, { url }) => {
        const { title } = await problem.json<{ title: string }>()
        return new Response(`<p>${url}: ${title}`, { status: 429 })
      },
    })
    await fetch(request)
    const response = await fetch(request)
    expect(await response.text()).toBe(
      '<p>https://example.com/api: Request cannot be satisfied as assigned quota has been exceeded',
    )
    expect(response.headers.get('Content-Type')).toBe('text/plain;charset=UTF-8')
    expect(fieldsOf(response)).toEqual({
      'cache-control': 'no-store',
      ratelimit: '"api";r=0;t=30',
      'ratelimit-policy': '"api";q=1;w=60',
      'retry-after': '30',
    })
  })

  test('may be the problem itself, adapted', async () => {
    const { fetch } = setUp({
      policies: limit1,
      onLimited: (problem) => {
        problem.headers.set('Cache-Control', 'private, no-store')
        return problem
      },
    })
    await fetch(request)
    const response = await fetch(request)
    expect(response.status).toBe(429)
    expect(response.headers.get('Cache-Control')).toBe('private, no-store')
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  })

  test('is 503 in an outage', async () => {
    const checkLimit = () => ({ allowed: false, reason: 'unavailable' }) as const
    const response = await setUp({ limiter: { checkLimit } }).fetch(request)
    expect(response.status).toBe(503)
  })
})

/** What `fetch` gives: headers that throw when they are set. */
function immutable(response: Response): Response {
  vi.spyOn(response.headers, 'set').mockImplementation(() => {
    throw new TypeError("Can't modify immutable headers.")
  })
  return response
}
