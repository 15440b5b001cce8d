import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { expect, test } from 'vitest'
import { nowMs, ScriptedLimiter } from '../../../../test/support/scripted-limiter.ts'
import { clientIp } from '../identifiers/client-ip.ts'
import { honoRateLimit } from './hono-rate-limit.ts'

interface Env {
  Bindings: { readonly limiter: ScriptedLimiter }
}

function setUp() {
  const bindings = { limiter: new ScriptedLimiter() }
  const reached: string[] = []
  const app = new Hono<Env>()
  app.use(
    '/api/*',
    honoRateLimit({
      limiter: (context: Context<Env>) => context.env.limiter,
      identify: (request) => clientIp(request),
      policies: { limit: 2, window: 60, keyPrefix: 'api' },
      now: () => nowMs,
    }),
  )
  app.get('/api/text', (context) => {
    reached.push(context.req.path)
    context.header('Set-Cookie', 'a=1', { append: true })
    context.header('Set-Cookie', 'b=2', { append: true })
    return context.text('Hi', 201)
  })
  app.get('/api/redirect', () => Response.redirect('https://example.com/there'))
  app.get('/api/error', () => {
    throw new HTTPException(418, { message: 'teapot' })
  })
  app.get('/open', (context) => context.text('open'))
  const get = (
    path: string,
    headers: Record<string, string> = { 'CF-Connecting-IP': '203.0.113.7' },
  ) => app.request(path, { headers }, bindings)
  return { get, reached, limiter: bindings.limiter }
}

test('lets requests through up to the limit and answers those after it itself', async () => {
  const { get, reached, limiter } = setUp()
  const first = await get('/api/text')
  expect([first.status, await first.text()]).toEqual([201, 'Hi'])
  expect(first.headers.get('RateLimit')).toBe('"api";r=1;t=30')
  expect(first.headers.get('RateLimit-Policy')).toBe('"api";q=2;w=60')
  expect(first.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  await get('/api/text')
  const third = await get('/api/text')
  expect(third.status).toBe(429)
  expect(third.headers.get('Content-Type')).toBe('application/problem+json')
  expect(third.headers.get('Retry-After')).toBe('30')
  expect(reached).toHaveLength(2)
  expect(new Set(limiter.asked)).toEqual(new Set(['api 203.0.113.7']))
})

test('puts the fields on an error and on what is not found', async () => {
  const { get } = setUp()
  const error = await get('/api/error')
  expect([error.status, error.headers.get('RateLimit')]).toEqual([418, '"api";r=1;t=30'])
  const notFound = await get('/api/nothing')
  expect([notFound.status, notFound.headers.get('RateLimit')]).toEqual([404, '"api";r=0;t=30'])
})

test('puts the policy on an immutable redirect', async () => {
  const response = await setUp().get('/api/redirect')
  expect([response.status, response.headers.get('Location')]).toEqual([
    302,
    'https://example.com/there',
  ])
  expect(response.headers.get('RateLimit-Policy')).toBe('"api";q=2;w=60')
  expect(response.headers.has('RateLimit')).toBe(false)
})

test('refuses a client without an address and reaches nothing', async () => {
  const { get, reached } = setUp()
  expect((await get('/api/text', { 'X-Forwarded-For': '203.0.113.7' })).status).toBe(403)
  expect(reached).toEqual([])
})

test('leaves routes alone that it is not used for', async () => {
  const { get, limiter } = setUp()
  const response = await get('/open', {})
  expect([await response.text(), response.headers.has('RateLimit-Policy')]).toEqual(['open', false])
  expect(limiter.asked).toEqual([])
})
