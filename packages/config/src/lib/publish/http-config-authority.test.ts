import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { createConfigHandler } from './config-handler.ts'
import { ConfigPublisher } from './config-publisher.ts'
import { httpConfigAuthority } from './http-config-authority.ts'
import { memoryConfigAuthority } from './memory-config-authority.ts'

const token = 'the-canary-token-of-these-tests-0123456789'
const url = 'https://config.example/base/'

type Answer = (request: Request) => Response | Promise<Response>

function open(answer: Answer, options: { timeoutMs?: number } = {}) {
  const clock = createVirtualClock({ turnsPerStep: 3 })
  const requests: Request[] = []
  const authority = httpConfigAuthority({
    url,
    token: () => token,
    timers: clock,
    random: () => 0,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      requests.push(request.clone())
      return answer(request)
    },
    ...options,
  })
  const publisher = new ConfigPublisher({ authority, name: 'a/ü?', author: 'ada' })
  return { clock, requests, publisher }
}

test('sends its token to the address it was given, and nowhere else', async () => {
  const { requests, publisher, clock } = open(() => Response.json({ version: 0 }))
  expect(await clock.run(() => publisher.current())).toEqual({ version: 0 })
  expect(requests[0]?.url).toBe('https://config.example/base/document?name=a%2F%C3%BC%3F')
  expect(requests[0]?.headers.get('Authorization')).toBe(`Bearer ${token}`)
  expect(requests[0]?.redirect).toBe('manual')
})

test('a change whose reply was lost is sent again, and made once', async () => {
  const inner = memoryConfigAuthority({ kv: env.CONFIG_KV })
  const handler = createConfigHandler({
    authority: inner,
    authorize: () => true,
    basePath: '/base',
  })
  let replies = 0
  const { publisher, clock, requests } = open(async (request) => {
    const reply = await handler(request)
    if (++replies < 3) throw new TypeError('fetch failed')
    return reply
  })
  const published = clock.run(() => publisher.publish('a: 1', { syntax: 'yaml', ifVersion: 0 }))
  expect(await published).toEqual({ version: 1 })
  const ids = await Promise.all(
    requests.map(async (request) => (await request.json<{ changeId: string }>()).changeId),
  )
  expect(ids).toHaveLength(3)
  expect(new Set(ids).size).toBe(1)
  replies = 3
  const again = clock.run(() => publisher.publish('a: 2', { syntax: 'yaml', ifVersion: 0 }))
  await expect(again).rejects.toMatchObject({ code: 'conflict' })
  await expect(clock.run(() => publisher.rollback(9))).rejects.toMatchObject({ code: 'invalid' })
})

test('waits for as long as it is told to', async () => {
  const answers = [429, 503, 200]
  const { publisher, clock } = open(() => {
    const status = answers.shift() ?? 200
    return Response.json({ version: 4 }, { status, headers: { 'Retry-After': '7' } })
  })
  const startMs = clock.now()
  expect(await clock.run(() => publisher.current())).toEqual({ version: 4 })
  expect(clock.now() - startMs).toBe(14_000)
})

test.for([
  [() => new Response('', { status: 401 }), 'forbidden', 1],
  [() => new Response('', { status: 403 }), 'forbidden', 1],
  [() => new Response('', { status: 413 }), 'too_large', 1],
  [() => new Response('Not here', { status: 404 }), 'not_found', 1],
  [() => new Response('<html>Please sign in</html>'), 'corrupt', 1],
  [() => Response.json({ version: 'one' }), 'corrupt', 1],
  [() => Response.json({ version: 1, document: { codexConfig: 1 } }), 'corrupt', 1],
  [
    () => new Response('', { status: 302, headers: { Location: 'https://other.example' } }),
    'corrupt',
    1,
  ],
  [() => new Response('', { status: 502 }), 'unavailable', 4],
  [() => Promise.reject(new TypeError(`fetch failed: ${token}`)), 'unavailable', 4],
] as [Answer, string, number][])('answer %# is an error', async ([answer, code, tries]) => {
  const { publisher, clock, requests } = open(answer)
  const error: unknown = await clock
    .run(() => publisher.current())
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'ConfigError', code })
  expect(requests).toHaveLength(tries)
  const { message, stack, cause } = error as Error
  expect(JSON.stringify([message, stack, String(cause)])).not.toContain(token)
})

test('an authority that does not answer in time is given up', async () => {
  const { publisher, clock, requests } = open(
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'))
        })
      }),
    { timeoutMs: 1000 },
  )
  await expect(clock.run(() => publisher.current())).rejects.toMatchObject({ code: 'timed_out' })
  expect(requests).toHaveLength(4)
})

test('a release that is not kept is told from an address that is wrong', async () => {
  const { publisher, clock } = open(() =>
    Response.json(
      { status: 404 },
      { status: 404, headers: { 'Content-Type': 'application/problem+json' } },
    ),
  )
  await expect(clock.run(() => publisher.release(3))).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('version 3 is no release') as unknown,
  })
})

test.for([
  'http://config.example',
  'ftp://localhost',
  'https://ada:secret@config.example',
  'config',
])('refuses the address %s, without telling it', (address) => {
  const create = () => httpConfigAuthority({ url: address, token })
  expect(create).toThrow(TypeError)
  expect(create).not.toThrow(/secret/)
})

test('takes this machine over http', () => {
  for (const address of ['http://localhost:8787', 'http://127.0.0.1:8787/', 'http://[::1]:8787']) {
    expect(() => httpConfigAuthority({ url: address, token })).not.toThrow()
  }
})
