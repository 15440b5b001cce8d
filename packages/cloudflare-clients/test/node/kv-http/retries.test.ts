import { createHttpKVNamespace, KVHttpError } from '@codex/cloudflare-clients/kv-http'
import { KVStore } from '@codex/cloudflare-clients/kv-store'
import type { FakeFault } from '@codex/fake-kv-api'
import { describe, expect, test } from 'vitest'
import { createFakeWorld, errorOf } from './fake-world.ts'

const status = (code: number, headers: Readonly<Record<string, string>> = {}): FakeFault => ({
  type: 'status',
  status: code,
  headers,
})
const limited = (retryAfter: string): FakeFault => status(429, { 'retry-after': retryAfter })
/** The clock starts at 2023-11-14T22:13:20Z. */
const inSevenSeconds = 'Tue, 14 Nov 2023 22:13:27 GMT'
const anHourAgo = 'Tue, 14 Nov 2023 21:13:20 GMT'

describe('a call that fails in passing', () => {
  test.for<readonly [string, FakeFault]>([
    ['a 500', status(500)],
    ['a 502', status(502)],
    ['a 503', status(503)],
    ['a 524', status(524)],
    ['a 408', status(408)],
    ['a 429', status(429)],
    ['a connection that is reset before the answer', { type: 'reset', at: 'request' }],
    ['a connection that is reset when it was done', { type: 'reset', at: 'answer' }],
    ['a connection that is reset in the middle of the answer', { type: 'reset', at: 'body' }],
    ['a page that is none of the API', { type: 'page', status: 502, body: '<h1>Bad</h1>' }],
  ])('is tried again after %s', async ([, fault]) => {
    const { kv, namespace, clock, sent } = await createFakeWorld({ faults: [fault, fault] })
    await clock.run(() => kv.put('k', 'v', { metadata: { m: 1 } }))
    expect(namespace.text('k')).toBe('v')
    expect(sent()).toHaveLength(3)
  })

  test.for<readonly [string, FakeFault]>([
    ['a 500', status(500)],
    ['a connection that is reset in the middle of the answer', { type: 'reset', at: 'body' }],
  ])('is read again after %s', async ([, fault]) => {
    const { kv, namespace, clock } = await createFakeWorld({ faults: [fault] })
    namespace.put('k', { value: 'hello' })
    expect(await clock.run(() => kv.get('k'))).toBe('hello')
  })

  test('takes a page with a 200 for no answer of the API', async () => {
    const { kv, clock, sent } = await createFakeWorld({
      faults: [{ type: 'page', status: 200, body: '<h1>Sign in to the Wi-Fi</h1>' }],
    })
    await clock.run(() => kv.put('k', 'v'))
    expect(sent()).toHaveLength(2)
  })

  test('waits longer each time, and gives up after six tries', async () => {
    const faults = Array.from({ length: 9 }, () => status(503))
    const { kv, clock, events } = await createFakeWorld({ faults })
    const startedMs = clock.now()
    const error = await clock.run(() => errorOf(kv.get('k')))
    expect(error).toMatchObject({ code: 'unavailable', status: 503, attempts: 6, retryable: true })
    expect(clock.now() - startedMs).toBe(250 + 500 + 1000 + 2000 + 4000)
    expect(events.map(({ attempt, status, isRetried }) => [attempt, status, isRetried])).toEqual([
      [1, 503, true],
      [2, 503, true],
      [3, 503, true],
      [4, 503, true],
      [5, 503, true],
      [6, 503, false],
    ])
  })
})

describe('Retry-After', () => {
  test.for<readonly [string, string, number]>([
    ['seconds', '3', 3250],
    ['a date', inSevenSeconds, 7250],
    ['a date that has passed', anHourAgo, 250],
    ['a negative number', '-5', 250],
    ['nothing that can be read', 'soon', 250],
    ['a number in disguise', '0x10', 250],
  ])('that is %s', async ([, header, waitedMs]) => {
    const { kv, clock, sent } = await createFakeWorld({ faults: [limited(header)] })
    const startedMs = clock.now()
    expect(await clock.run(() => kv.get('k'))).toBeNull()
    expect(clock.now() - startedMs).toBe(waitedMs)
    expect(sent()).toHaveLength(2)
  })

  test('beyond the deadline fails at once, and no other call asks meanwhile', async () => {
    const { kv, clock, sent } = await createFakeWorld({ faults: [limited('60')] })
    const startedMs = clock.now()
    const error = await clock.run(() => errorOf(kv.get('k')))
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000, attempts: 1 })
    const next = await clock.run(() => errorOf(kv.get('k')))
    expect(next).toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000, attempts: 0 })
    expect(clock.now()).toBe(startedMs)
    expect(sent()).toHaveLength(1)
    await clock.advance(60_000)
    expect(await clock.run(() => kv.get('k'))).toBeNull()
  })

  test('of an hour is one of five minutes', async () => {
    const { open, clock } = await createFakeWorld({ faults: [limited('3600')] })
    const startedMs = clock.now()
    await clock.run(() => open({ deadlineMs: 600_000 }).get('k'))
    expect(clock.now() - startedMs).toBe(300_250)
  })
})

describe('time', () => {
  test('a try that is too slow is given up for another one', async () => {
    const { kv, clock, sent } = await createFakeWorld({
      faults: [{ type: 'slow', delayMs: 20_000 }],
    })
    const startedMs = clock.now()
    expect(await clock.run(() => kv.get('k'))).toBeNull()
    expect(clock.now() - startedMs).toBe(10_250)
    expect(sent()).toHaveLength(2)
  })

  test('a call ends at its deadline', async () => {
    const faults = Array.from({ length: 9 }, (): FakeFault => ({ type: 'slow', delayMs: 60_000 }))
    const { open, clock } = await createFakeWorld({ faults })
    const startedMs = clock.now()
    const error = await clock.run(() => errorOf(open({ deadlineMs: 15_000 }).get('k')))
    expect(error).toMatchObject({ code: 'timed_out', attempts: 2 })
    expect((error as Error).message).toMatch(/^KV GET failed: timed out after 4750 ms/)
    expect(clock.now() - startedMs).toBe(15_000)
  })

  test('a signal ends a call that waits, with its own reason', async () => {
    const { kv, clock, sent } = await createFakeWorld({ faults: [limited('20')] })
    const controller = new AbortController()
    const reason = new Error('shutting down')
    clock.setTimeout(() => {
      controller.abort(reason)
    }, 5000)
    const startedMs = clock.now()
    const call = kv.withCallOptions({ signal: controller.signal }).get('k')
    expect(await clock.run(() => errorOf(call))).toBe(reason)
    expect(clock.now() - startedMs).toBe(5000)
    expect(sent()).toHaveLength(1)
  })

  test('a signal ends a call that is under way', async () => {
    const { kv, clock } = await createFakeWorld({ faults: [{ type: 'slow', delayMs: 9000 }] })
    const controller = new AbortController()
    clock.setTimeout(() => {
      controller.abort()
    }, 5000)
    const call = kv.withCallOptions({ signal: controller.signal }).get('k')
    expect(await clock.run(() => errorOf(call))).toMatchObject({ name: 'AbortError' })
  })

  test('a signal that was aborted before sends nothing', async () => {
    const { kv, sent } = await createFakeWorld()
    const aborted = kv.withCallOptions({ signal: AbortSignal.abort() })
    expect(await errorOf(aborted.put('k', 'v'))).toMatchObject({ name: 'AbortError' })
    expect(sent()).toEqual([])
  })
})

describe('what no second try can change', () => {
  test.for<readonly [string, FakeFault, object]>([
    ['a 400', status(400), { code: 'invalid_request', status: 400 }],
    ['a 401', status(401), { code: 'unauthorized', status: 401 }],
    ['a 403', status(403), { code: 'forbidden', status: 403, cloudflareCode: 10_000 }],
    [
      'a token that cannot be',
      { type: 'status', status: 400, code: 6003 },
      { code: 'unauthorized', cloudflareCode: 6003 },
    ],
    ['a 404 without a code', { type: 'page', status: 404, body: '' }, { code: 'not_found' }],
    ['a 413', status(413), { code: 'too_large' }],
    ['a redirect', status(302, { location: 'http://127.0.0.1:1/' }), { code: 'unavailable' }],
    [
      'a daily quota',
      { type: 'status', status: 429, message: 'You have exceeded the daily limit' },
      { code: 'quota_exceeded' },
    ],
  ])('%s', async ([, fault, expected]) => {
    const { kv, clock, sent } = await createFakeWorld({ faults: [fault] })
    const error = await clock.run(() => errorOf(kv.get('k')))
    expect(error).toBeInstanceOf(KVHttpError)
    expect(error).toMatchObject({ ...expected, retryable: false, operation: 'read' })
    expect(sent()).toHaveLength(1)
  })

  test('a namespace that is not there is an error, and no missing key', async () => {
    const { options, clock } = await createFakeWorld()
    const kv = createHttpKVNamespace({ ...options, namespaceId: '0123' })
    const error = await clock.run(() => errorOf(kv.get('k')))
    expect(error).toMatchObject({
      code: 'not_found',
      cloudflareCode: 10_013,
      rayId: '8f2a1b3c4d5e6f70-AMS',
      message: 'KV GET failed: 404 Not Found (code 10013, ray 8f2a1b3c4d5e6f70-AMS)',
    })
    const calls: (() => Promise<unknown>)[] = [
      () => kv.get('k', 'stream'),
      () => kv.getWithMetadata('k'),
      () => kv.delete('k'),
    ]
    for (const call of calls) {
      expect(await clock.run(() => errorOf(call()))).toMatchObject({ code: 'not_found' })
    }
  })
})

describe('a value that is read as a stream', () => {
  test('is the value', async () => {
    const { kv, namespace, clock } = await createFakeWorld()
    const value = new Uint8Array(3_000_000).map((_, index) => index)
    namespace.put('k', { value })
    const stream = await clock.run(() => kv.get('k', 'stream'))
    const read = new Uint8Array(await new Response(stream).arrayBuffer())
    expect(read.every((byte, index) => byte === value[index])).toBe(true)
    expect(read).toHaveLength(value.length)
  })

  test('that breaks off is an error of the stream', async () => {
    const { kv, namespace, clock } = await createFakeWorld({
      faults: [{ type: 'reset', at: 'body' }],
    })
    namespace.put('k', { value: new Uint8Array(3_000_000) })
    const stream = await clock.run(() => kv.get('k', 'stream'))
    const error = await errorOf(new Response(stream).arrayBuffer())
    expect(error).toMatchObject({ name: 'KVHttpError', code: 'unavailable', operation: 'read' })
  })
})

test('a write with a stream is repeated with all that was in it', async () => {
  const { kv, namespace, clock } = await createFakeWorld({ faults: [status(500), status(500)] })
  const chunks = ['a', 'b', 'c'].map((text) => new TextEncoder().encode(text))
  const stream = new ReadableStream({
    pull: (controller) => {
      const chunk = chunks.shift()
      if (chunk === undefined) controller.close()
      else controller.enqueue(chunk)
    },
  })
  await clock.run(() => kv.put('k', stream))
  expect(namespace.text('k')).toBe('abc')
})

test('a stream without an end is not read beyond what a value can be', async () => {
  const { kv, sent } = await createFakeWorld()
  let chunks = 0
  const stream = new ReadableStream({
    pull: (controller) => {
      chunks++
      controller.enqueue(new Uint8Array(1_000_000))
    },
  })
  const error = await errorOf(kv.put('k', stream))
  expect((error as Error).message).toMatch(/^KV PUT failed: 413 Value length of 27000000 exceeds/)
  expect(chunks).toBeLessThan(30)
  expect(sent()).toEqual([])
})

test.for<readonly [string, FakeFault, string]>([
  ['a 429 beyond the deadline', limited('60'), 'rate_limited'],
  ['a daily quota', { type: 'status', status: 429, message: 'daily limit' }, 'quota_exceeded'],
  ['a 400', status(400), 'invalid_request'],
  ['a 403', status(403), 'unavailable'],
])('a client of the package tells %s by its own code', async ([, fault, code]) => {
  const { kv, clock } = await createFakeWorld({ faults: [fault] })
  const store = new KVStore(kv, { prefix: 'test', now: clock.now })
  const error = await clock.run(() => errorOf(store.getText('k')))
  expect(error).toMatchObject({ name: 'KVError', code, cause: { name: 'KVHttpError' } })
})
