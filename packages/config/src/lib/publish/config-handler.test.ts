import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { ConfigAuthorityNamespace } from '../config-authority-calls.ts'
import { toBodyKey } from '../read-config-document.ts'
import { bearerAuthorization } from './bearer-authorization.ts'
import { createConfigHandler } from './config-handler.ts'
import { memoryConfigAuthority } from './memory-config-authority.ts'

const tokens = {
  ada: 'the token of ada, which is long enough',
  bob: 'the-token-of-bob-is-long-enough-too',
}
const base = 'https://config.example/config'

afterEach(() => {
  vi.restoreAllMocks()
})

function open(authority: ConfigAuthorityNamespace = memoryConfigAuthority({ kv: env.CONFIG_KV })) {
  const authorize = bearerAuthorization({ bob: tokens.bob })
  const handler = createConfigHandler({ authority, authorize, basePath: '/config' })
  return (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (!headers.has('Authorization')) headers.set('Authorization', `Bearer ${tokens.bob}`)
    return handler(new Request(base + path, { ...init, headers }))
  }
}

function post(change: unknown, headers: Record<string, string> = {}): RequestInit {
  const body = typeof change === 'string' ? change : JSON.stringify(change)
  return { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } }
}

const publish = {
  kind: 'publish',
  changeId: '1',
  author: 'somebody else',
  body: 'a: 1',
  syntax: 'yaml',
}

test('publishes under the name of who has the token', async () => {
  const call = open()
  const reply = await call('/changes?name=web%2Fhttp', post(publish))
  expect([reply.status, await reply.json()]).toEqual([200, { ok: true, version: 1 }])
  expect(reply.headers.get('Cache-Control')).toBe('no-store')
  const document = await call('/document?name=web%2Fhttp')
  expect(await document.json()).toMatchObject({
    version: 1,
    document: { name: 'web/http', stable: { body: 'a: 1', author: 'bob' } },
  })
  expect(await (await call('/document?name=web%2Fhttp&knownVersion=1')).json()).toEqual({
    version: 1,
  })
  expect(await (await call('/releases?name=web%2Fhttp&limit=5')).json()).toMatchObject([
    { version: 1 },
  ])
  expect(await (await call('/releases/1?name=web%2Fhttp')).json()).toMatchObject({ body: 'a: 1' })
})

test.for([
  ['/document?name=', {}, 400],
  [`/document?name=${'n'.repeat(513)}`, {}, 400],
  ['/document?name=.', {}, 400],
  ['/changes?name=..', post(publish), 400],
  [`/changes?name=${encodeURIComponent(toBodyKey('00ff'))}`, post(publish), 400],
  ['/document?name=a&knownVersion=-1', {}, 400],
  ['/document?name=a', { method: 'DELETE' }, 405],
  ['/changes?name=a', {}, 405],
  ['/changes?name=a', post('{'), 400],
  ['/changes?name=a', post('[]'), 400],
  ['/changes?name=a', post(publish, { 'Content-Type': 'text/plain' }), 415],
  ['/changes?name=a', post(`"${'x'.repeat(6_400_000)}"`), 413],
  ['/changes?name=a', post({ ...publish, body: 1 }), 422],
  ['/changes?name=a', post({ ...publish, kind: 'ramp', percentage: { toString: 1 } }), 422],
  ['/changes?name=a', post({ ...publish, ifVersion: 7 }), 409],
  ['/releases?name=a&limit=101', {}, 400],
  ['/releases/9?name=a', {}, 404],
  ['/releases/x?name=a', {}, 404],
  ['/', {}, 404],
  ['/document?name=a', { headers: { Authorization: 'Bearer nothing' } }, 401],
  ['/changes?name=a', post(publish, { Authorization: 'Basic x' }), 401],
] as [string, RequestInit, number][])('refusal %# is a problem', async ([path, init, status]) => {
  const reply = await open()(path, init)
  expect(reply.status).toBe(status)
  expect(reply.headers.get('Content-Type')).toBe('application/problem+json')
  expect(reply.headers.get('Cache-Control')).toBe('no-store')
  expect(await reply.json()).toMatchObject({ type: 'about:blank', status })
  if (status === 401) expect(reply.headers.get('WWW-Authenticate')).toBe('Bearer')
  if (status === 405) expect(reply.headers.get('Allow')).toMatch(/^(GET|POST)$/)
})

test('reads a stream no further than it may be long', async () => {
  let pulled = 0
  const body = new ReadableStream({
    pull(controller) {
      pulled++
      controller.enqueue(new Uint8Array(100_000))
    },
  })
  const init = {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json' },
    duplex: 'half',
  }
  expect((await open()('/changes?name=a', init)).status).toBe(413)
  expect(pulled).toBeLessThan(70)
})

test('what an authority throws stays in the log', async () => {
  const error = vi.spyOn(console, 'error').mockReturnValue()
  const failing: ConfigAuthorityNamespace = {
    getByName() {
      throw new Error('KV says: the secret is 42')
    },
  }
  const reply = await open(failing)('/document?name=a')
  expect([reply.status, reply.headers.get('Retry-After')]).toEqual([503, '2'])
  expect(await reply.text()).not.toContain('42')
  expect(error).toHaveBeenCalledOnce()
})

test('tokens are held to a length, and never told', async () => {
  for (const [given, received] of [
    [{ ada: 'short secret' }, 'fewer'],
    [{ ada: undefined as unknown as string }, 'undefined'],
  ] as const) {
    expect(() => bearerAuthorization(given)).toThrow(
      `Cannot authorize publishers: the token of "ada" must have at least 32 characters, received ${received}`,
    )
  }
  expect(() => bearerAuthorization({})).toThrow('received none')
  const authorize = bearerAuthorization({ ada: 'a'.repeat(32), bob: 'b'.repeat(32) })
  const target = { name: 'a', isChange: false }
  const ask = (header: string) =>
    authorize(new Request(base, { headers: { Authorization: header } }), target)
  expect(await ask(`Bearer ${'b'.repeat(32)}`)).toEqual({ author: 'bob' })
  expect(await ask(`bearer ${'a'.repeat(32)}`)).toEqual({ author: 'ada' })
  expect(await ask(`Bearer ${'a'.repeat(31)}b`)).toBe(false)
  expect(await authorize(new Request(base), target)).toBe(false)
})
