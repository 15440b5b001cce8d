import { createVirtualClock } from '@codex/cloudflare-clients/testing'
import { describe, expect, test } from 'vitest'
import type { ConfigError } from '../config-error.ts'
import type { ConfigSource, SourceDocument } from '../config-source.ts'
import { httpsSource, type HttpsSourceOptions } from './https-source.ts'

interface Sent {
  readonly url: string
  readonly headers: Headers
}

type Answer = Response | Error | 'never'

/** A source of an address whose server answers one after the other. */
function createWorld(
  answers: readonly Answer[],
  {
    uri = 'https://config.example/web.yaml',
    ...options
  }: HttpsSourceOptions & { uri?: string } = {},
) {
  // The runtime reads a body in turns of its own.
  const clock = createVirtualClock({ turnsPerStep: 20 })
  const rest = [...answers]
  const sent: (Sent & { readonly atMs: number })[] = []
  const startedMs = clock.now()
  const source = httpsSource(uri, {
    fetch: (url, { headers }) => {
      sent.push({ url, headers, atMs: clock.now() - startedMs })
      const answer = rest.shift()
      if (answer === undefined) throw new Error('There is no further answer')
      if (answer === 'never') return new Promise(() => undefined)
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
    timers: clock,
    now: clock.now,
    random: () => 1,
    ...options,
  })
  return { source, sent, clock, run: () => clock.run(() => load(source)) }
}

async function load(source: ConfigSource): Promise<SourceDocument | undefined> {
  return (await source.load({ signal: new AbortController().signal }))[0]
}

async function failureOf(call: Promise<unknown>): Promise<ConfigError> {
  return call.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: unknown) => error as ConfigError,
  )
}

function redirect(location: string, status = 302): Response {
  return new Response(null, { status, headers: { location } })
}

describe('an address', () => {
  test.each([
    'http://config.example/web.yaml',
    'ftp://config.example/web.yaml',
    'https://',
    'config.example',
    'http://127.0.0.1.evil.example/x',
  ])('that is not safe is refused: %s', (uri) => {
    expect(() => httpsSource(uri)).toThrow(
      'uri must be an https address, or http to this machine, received another one',
    )
  })

  test('with credentials is refused without printing them', () => {
    for (const uri of ['https://ada:hunter2@config.example/', 'https://hunter2@config.example/']) {
      expect(() => httpsSource(uri)).toThrow('without credentials')
      expect(() => httpsSource(uri)).not.toThrow('hunter2')
    }
  })

  test('is shown without its query', async () => {
    const uri = 'https://config.example/web.json?signature=hunter2#part'
    const { source, sent, run } = createWorld(
      [new Response('{}'), new Response(null, { status: 404 })],
      { uri },
    )
    expect(await run()).toEqual({
      uri: 'https://config.example/web.json?…',
      text: '{}',
      syntax: 'json',
    })
    expect(sent[0]?.url).toBe('https://config.example/web.json?signature=hunter2')
    const failure = await failureOf(run())
    expect(failure.message).toBe('Cannot load https://config.example/web.json?…: there is none')
    expect(source.uri).not.toContain('hunter2')
  })

  test('on this machine may be http', async () => {
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:1']) {
      const { run } = createWorld([new Response('a: 1')], { uri: `http://${host}/web` })
      expect(await run()).toMatchObject({ text: 'a: 1' })
    }
  })
})

describe('what is kept', () => {
  test('is used again when nothing changed, and given up with another answer', async () => {
    const headers = { etag: '"one"' }
    const { sent, run } = createWorld([
      new Response('a: 1', { headers }),
      new Response(null, { status: 304 }),
      new Response('a: 2'),
      new Response('a: 3'),
    ])
    expect(await run()).toMatchObject({ text: 'a: 1' })
    expect(await run()).toMatchObject({ text: 'a: 1' })
    expect(await run()).toMatchObject({ text: 'a: 2' })
    expect(await run()).toMatchObject({ text: 'a: 3' })
    expect(sent.map((request) => request.headers.get('if-none-match'))).toEqual([
      null,
      '"one"',
      '"one"',
      null,
    ])
  })

  test('is not what an unasked 304 says', async () => {
    const { run } = createWorld([new Response(null, { status: 304 })])
    expect(await failureOf(run())).toMatchObject({ code: 'unavailable' })
  })
})

describe('an answer', () => {
  test.each([
    [404, 'not_found', 1],
    [410, 'not_found', 1],
    [401, 'forbidden', 1],
    [403, 'forbidden', 1],
    [204, 'unavailable', 1],
    [206, 'unavailable', 1],
    [400, 'unavailable', 1],
    [501, 'unavailable', 1],
    [408, 'unavailable', 3],
    [429, 'unavailable', 3],
    [500, 'unavailable', 3],
    [503, 'unavailable', 3],
  ])('%d is %s after %d requests', async (status, code, requests) => {
    const { sent, run } = createWorld(
      Array.from({ length: 3 }, () => new Response(null, { status })),
    )
    expect(await failureOf(run())).toMatchObject({ code })
    expect(sent).toHaveLength(requests)
  })

  test('has the syntax of its name, else of its type', async () => {
    const json = { headers: { 'content-type': 'application/json; charset=utf-8' } }
    const named = createWorld([new Response('{}', json)])
    expect(await named.run()).toMatchObject({ syntax: 'yaml' })
    const unnamed = createWorld([new Response('{}', json)], { uri: 'https://config.example/web' })
    expect(await unnamed.run()).toMatchObject({ syntax: 'json' })
    const problem = { headers: { 'content-type': 'application/vnd.config+json' } }
    const vendor = createWorld([new Response('{}', problem)], { uri: 'https://config.example/' })
    expect(await vendor.run()).toMatchObject({ syntax: 'json' })
  })

  test('that says it is too large is not read', async () => {
    let isRead = false
    const body = new ReadableStream(
      {
        pull: () => {
          isRead = true
        },
      },
      { highWaterMark: 0 },
    )
    const headers = { 'content-length': '11' }
    const { run } = createWorld([new Response(body, { headers })], { maxBytes: 10 })
    expect(await failureOf(run())).toMatchObject({ code: 'too_large' })
    expect(isRead).toBe(false)
  })

  test('that never ends is read up to the limit', async () => {
    let chunks = 0
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          chunks++
          controller.enqueue(new Uint8Array(4))
        },
        cancel: () => {
          isCancelled = true
        },
      },
      { highWaterMark: 0 },
    )
    const { run } = createWorld([new Response(body)], { maxBytes: 10 })
    expect(await failureOf(run())).toMatchObject({ code: 'too_large', retryable: false })
    expect(chunks).toBe(3)
    expect(isCancelled).toBe(true)
  })

  test('of exactly the limit is taken', async () => {
    const { run } = createWorld([new Response('0123456789')], { maxBytes: 10 })
    expect(await run()).toMatchObject({ text: '0123456789' })
  })
})

describe('a failure that may pass', () => {
  test('is tried again after pauses that double', async () => {
    const { sent, run } = createWorld([
      new Error('fetch failed', { cause: { code: 'ECONNRESET' } }),
      new Response(null, { status: 503 }),
      new Response('a: 1'),
    ])
    expect(await run()).toMatchObject({ text: 'a: 1' })
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 250, 750])
  })

  test('is named by its code, without what the platform says', async () => {
    const leak = new Error('fetch failed: https://config.example/?signature=hunter2', {
      cause: { code: 'ECONNREFUSED' },
    })
    const failure = await failureOf(createWorld([leak, leak, leak]).run())
    expect(failure.message).toBe(
      'Cannot load https://config.example/web.yaml: it could not be reached (ECONNREFUSED)',
    )
    expect(failure.cause).toBeUndefined()
  })

  test.each([
    ['2', 2000],
    ['0', 250],
    [new Date(1_700_000_000_000 + 3000).toUTCString(), 3000],
    [new Date(1_700_000_000_000 - 3000).toUTCString(), 250],
    ['-5', 250],
    ['soon', 250],
  ])('waits as long as Retry-After %s says', async (header, pauseMs) => {
    const headers = { 'retry-after': header }
    const { sent, run } = createWorld([
      new Response(null, { status: 429, headers }),
      new Response('a: 1'),
    ])
    await run()
    expect(sent[1]?.atMs).toBe(pauseMs)
  })

  test('is not waited for longer than 10 s', async () => {
    const headers = { 'retry-after': '11' }
    const { sent, run } = createWorld([new Response(null, { status: 429, headers })])
    expect(await failureOf(run())).toMatchObject({ code: 'unavailable', retryable: true })
    expect(sent).toHaveLength(1)
  })

  test('is an answer that does not come, or breaks off in the middle', async () => {
    const { sent, run } = createWorld(['never', 'never', 'never'], { timeoutMs: 1000 })
    expect(await failureOf(run())).toMatchObject({ code: 'timed_out' })
    expect(sent.map(({ atMs }) => atMs)).toEqual([0, 1250, 2750])
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('a: '))
      },
      pull: (controller) => {
        controller.error(new Error('reset'))
      },
    })
    const broken = createWorld([new Response(half), new Response('a: 1')])
    expect(await broken.run()).toMatchObject({ text: 'a: 1' })
    expect(broken.sent).toHaveLength(2)
  })

  test('is not tried again for a caller who left in the pause', async () => {
    const { source, sent, clock } = createWorld([new Response(null, { status: 503 })])
    const caller = new AbortController()
    const reason = new Error('Gone')
    const loaded = failureOf(source.load({ signal: caller.signal }))
    await clock.advance(100)
    caller.abort(reason)
    expect(await loaded).toBe(reason)
    await clock.advance(10_000)
    expect(sent).toHaveLength(1)
  })
})

describe('a redirect', () => {
  const headers = { authorization: 'Bearer hunter2' }

  test('is followed, with the headers to the same host and without to another', async () => {
    const { sent, run } = createWorld(
      [
        redirect('/other.yaml', 301),
        redirect('https://cdn.example/web.yaml', 307),
        new Response('a: 1'),
      ],
      { headers },
    )
    expect(await run()).toMatchObject({ text: 'a: 1', uri: 'https://config.example/web.yaml' })
    expect(sent.map(({ url, headers: each }) => [url, each.get('authorization')])).toEqual([
      ['https://config.example/web.yaml', 'Bearer hunter2'],
      ['https://config.example/other.yaml', 'Bearer hunter2'],
      ['https://cdn.example/web.yaml', null],
    ])
  })

  test.each([
    'http://config.example/web.yaml',
    'http://127.0.0.1/web.yaml',
    'https://ada:secret@config.example/',
    'file:///etc/passwd',
    'https://',
    '',
  ])('to %j is not', async (location) => {
    const { sent, run } = createWorld([redirect(location)])
    const failure = await failureOf(run())
    expect(failure).toMatchObject({ code: 'unavailable' })
    expect(failure.message).not.toContain('secret')
    expect(sent).toHaveLength(1)
  })

  test('is followed five times', async () => {
    const again = Array.from({ length: 6 }, () => redirect('/again'))
    const { sent, run } = createWorld(again)
    expect(await failureOf(run())).toMatchObject({ code: 'unavailable' })
    expect(sent).toHaveLength(6)
  })
})

test('a header that cannot be sent is not printed', () => {
  expect(() =>
    httpsSource('https://config.example/', { headers: { authorization: 'hunter2\n' + 'ü😀' } }),
  ).toThrow('Cannot create https source: header "authorization" must be one that HTTP takes')
})

test.each([
  ['maxBytes', 1_048_577],
  ['maxBytes', 0],
  ['timeoutMs', -1],
  ['maxAttempts', 0.5],
] as const)('%s is not %d', (name, value) => {
  expect(() => httpsSource('https://config.example/', { [name]: value })).toThrow(
    `Cannot create https source: ${name} must be an integer from 1 to`,
  )
})
