import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { afterEach, expect, test, vi } from 'vitest'
import { ScriptedSessionStore } from '../../../../test/support/scripted-session-store.ts'
import { honoSessions } from './hono-sessions.ts'
import type { RequestSessions } from './request-sessions.ts'
import type { SessionGateOptions } from './session-gate.ts'

interface Env {
  Bindings: { readonly store: ScriptedSessionStore }
  Variables: { sessions: RequestSessions }
}

afterEach(() => {
  vi.restoreAllMocks()
})

function setUp(options: SessionGateOptions<Context<Env>> = {}) {
  // Hono writes what nobody handled to the console.
  vi.spyOn(console, 'error').mockReturnValue()
  const bindings = { store: new ScriptedSessionStore() }
  bindings.store.add('old')
  const app = new Hono<Env>()
  app.use(honoSessions((context: Context<Env>) => context.env.store, options))
  app.get('/me', async (c) => c.text((await c.var.sessions.get())?.userId ?? 'nobody'))
  app.get('/open', (c) => {
    c.header('Cache-Control', 'public, max-age=60')
    return c.text('open')
  })
  app.get('/bug', () => {
    throw new Error('a bug')
  })
  app.get('/caught', async (c) => {
    await c.var.sessions.get().catch(() => null)
    throw new Error('a bug')
  })
  app.post('/login', async (c) => {
    c.header('Set-Cookie', 'theme=dark')
    await c.var.sessions.signIn('grace')
    return c.redirect('/me', 303)
  })
  app.post('/logout', async (c) => {
    await c.var.sessions.signOut()
    return Response.redirect('https://example.com/', 303)
  })
  const send = (
    path: string,
    { method = 'GET', ...headers }: Record<string, string> & { method?: string } = {},
  ) =>
    app.request(
      `https://example.com${path}`,
      { method, headers: { Cookie: '__Host-session=old', ...headers } },
      bindings,
    )
  return { app, send, store: bindings.store }
}

const post = { method: 'POST', 'Sec-Fetch-Site': 'same-origin' }

test('gives a handler its session, and makes its response private', async () => {
  const { send } = setUp()
  const response = await send('/me')
  expect([response.status, await response.text()]).toEqual([200, 'ada'])
  expect(response.headers.get('Cache-Control')).toBe('private, no-store')
  expect(response.headers.get('Vary')).toBe('Cookie')
})

test('leaves a response alone that reads none', async () => {
  const { send, store } = setUp()
  expect((await send('/open')).headers.get('Cache-Control')).toBe('public, max-age=60')
  expect(store.asked).toEqual([])
})

test('signs in beside other cookies', async () => {
  const response = await setUp().send('/login', post)
  expect([response.status, response.headers.get('Location')]).toEqual([303, '/me'])
  expect(response.headers.getSetCookie().map((header) => header.split(';')[0])).toEqual([
    'theme=dark',
    '__Host-session=new-1',
    '__Host-session-copy=sealed-copy',
  ])
})

test('signs out with an immutable redirect', async () => {
  const { send, store } = setUp()
  const response = await send('/logout', post)
  expect([response.status, response.headers.get('Location')]).toEqual([303, 'https://example.com/'])
  expect(response.headers.getSetCookie().map((header) => header.split(';')[0])).toEqual([
    '__Host-session=',
    '__Host-session-copy=',
  ])
  expect(response.headers.get('Cache-Control')).toBe('private, no-store')
  expect(response.headers.get('Clear-Site-Data')).toBe('"cache"')
  expect(store.sessions.size).toBe(0)
})

test('clears a cookie that is refused for good', async () => {
  const response = await setUp().send('/me', { Cookie: '__Host-session=gone' })
  expect(await response.text()).toBe('nobody')
  expect(response.headers.getSetCookie()[0]).toContain('__Host-session=; Max-Age=0')
})

test('refuses what another site sends, and reaches nothing', async () => {
  const { send, store } = setUp()
  const response = await send('/logout', { ...post, 'Sec-Fetch-Site': 'cross-site' })
  expect(response.status).toBe(403)
  expect(store.asked).toEqual([])
})

test('answers 503 while a session cannot be judged, and clears nothing', async () => {
  const { send, store } = setUp()
  store.failWith('overloaded')
  const response = await send('/me')
  expect(response.status).toBe(503)
  expect(response.headers.get('Retry-After')).toBe('5')
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(response.headers.getSetCookie()).toEqual([])
})

test('takes no headers over from the answer that it replaces', async () => {
  const { app, send, store } = setUp()
  app.onError((_error, c) => {
    c.header('Cache-Control', 'public, max-age=60')
    return c.text('Internal Error', 500)
  })
  store.failWith('unavailable')
  const response = await send('/me')
  expect([response.status, response.headers.get('Cache-Control')]).toEqual([503, 'no-store'])
})

test('leaves the answer to the app where it has one', async () => {
  const { app, send, store } = setUp()
  app.onError((_error, c) => c.text('own page', 418))
  store.failWith('unavailable')
  const response = await send('/me')
  expect([response.status, await response.text()]).toEqual([418, 'own page'])
  const throwing = setUp({ toUnavailableError: () => new HTTPException(503, { message: 'own' }) })
  throwing.store.failWith('unavailable')
  const own = await throwing.send('/me')
  expect([own.status, await own.text()]).toEqual([503, 'own'])
  expect(own.headers.get('Retry-After')).toBe('5')
})

test('takes no other fault for it', async () => {
  const { send, store } = setUp()
  expect((await send('/bug')).status).toBe(500)
  store.failWith('unavailable')
  expect((await send('/caught')).status).toBe(500)
})
