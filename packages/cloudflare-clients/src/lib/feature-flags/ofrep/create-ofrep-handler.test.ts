import { OFREPApi } from '@openfeature/ofrep-core'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { OpenFeature } from '@openfeature/server-sdk'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createPublishedFlags,
  type PublishedFlags,
} from '../../../../test/support/published-flags.ts'
import type { FlagDefinition } from '../flag-definition.ts'
import { createOfrepHandler, type OfrepHandlerOptions } from './create-ofrep-handler.ts'

const isPro = { attribute: 'plan', op: 'eq', value: 'pro' } as const
const flags: Readonly<Record<string, FlagDefinition>> = {
  page: { enabled: true },
  limit: {
    enabled: true,
    variants: { small: 10, large: 1000 },
    defaultVariant: 'small',
    rules: [{ when: isPro, variant: 'large' }],
    metadata: { team: 'media' },
  },
  none: { enabled: true, variants: { a: 'a' } },
  'a/b c': { enabled: false },
  share: { enabled: true, percentage: 50 },
  odd: { enabled: 'yes' as never },
  soon: { enabled: true, startsAt: new Date(1_700_000_100_000).toISOString() },
}
const path = '/ofrep/v1/evaluate/flags'

let world: PublishedFlags
beforeEach(async () => {
  world = createPublishedFlags()
  await world.publish(flags)
})

function toRequest(url: string, body: unknown, init: RequestInit = {}): Request {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Request(`https://flags.example.com${url}`, { method: 'POST', body: text, ...init })
}

async function ask(
  url: string,
  body: unknown,
  options: OfrepHandlerOptions = {},
  init: RequestInit = {},
) {
  const response = await createOfrepHandler(world.reader, options)(toRequest(url, body, init))
  const text = await response.text()
  return {
    response,
    status: response.status,
    body: text === '' ? null : (JSON.parse(text) as unknown),
  }
}

const asked = { context: { targetingKey: 'user-1', plan: 'pro' } }

describe('one flag', () => {
  test.for<readonly [string, number, unknown]>([
    ['page', 200, { key: 'page', value: true, variant: 'on', reason: 'STATIC' }],
    [
      'limit',
      200,
      {
        key: 'limit',
        value: 1000,
        variant: 'large',
        reason: 'TARGETING_MATCH',
        metadata: { team: 'media' },
      },
    ],
    // The caller's default: without a value.
    ['none', 200, { key: 'none', reason: 'STATIC' }],
    ['a/b%20c', 200, { key: 'a/b c', value: false, variant: 'off', reason: 'DISABLED' }],
    [
      'gone',
      404,
      { key: 'gone', errorCode: 'FLAG_NOT_FOUND', errorDetails: expect.any(String) as string },
    ],
    [
      'odd',
      400,
      { key: 'odd', errorCode: 'PARSE_ERROR', errorDetails: expect.any(String) as string },
    ],
  ])('%s', async ([key, status, body]) => {
    const answer = await ask(`${path}/${key}`, asked)
    expect([answer.status, answer.body]).toEqual([status, body])
    expect(answer.response.headers.get('content-type')).toBe('application/json')
    expect(answer.response.headers.get('cache-control')).toBe('private, no-store')
  })

  test('has a reason that the protocol has, and ours in its metadata', async () => {
    const { body } = await ask(`${path}/limit`, { context: { targetingKey: 'user-1' } })
    expect(body).toEqual({
      key: 'limit',
      value: 10,
      variant: 'small',
      reason: 'UNKNOWN',
      metadata: { reason: 'DEFAULT', team: 'media' },
    })
  })

  test('needs a targeting key only where it is spread', async () => {
    expect(await ask(`${path}/page`, { context: {} })).toMatchObject({ status: 200 })
    expect(await ask(`${path}/share`, { context: {} })).toMatchObject({
      status: 400,
      body: { key: 'share', errorCode: 'TARGETING_KEY_MISSING' },
    })
  })
})

describe('all flags', () => {
  test('are answered one by one, with errors among them', async () => {
    const { status, body } = await ask(path, { context: {} })
    expect(status).toBe(200)
    const { flags: answers, metadata } = body as {
      flags: { key: string; errorCode?: string }[]
      metadata: unknown
    }
    expect(answers.map(({ key, errorCode }) => [key, errorCode])).toEqual([
      ['a/b c', undefined],
      ['limit', undefined],
      ['none', undefined],
      ['odd', 'PARSE_ERROR'],
      ['page', undefined],
      ['share', 'TARGETING_KEY_MISSING'],
      ['soon', undefined],
    ])
    expect(metadata).toEqual({ version: '1' })
  })

  test('are not sent again while they are the same', async () => {
    const first = await ask(path, asked)
    const etag = first.response.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await ask(path, asked, {}, { headers: { 'If-None-Match': known } })
      expect([again.status, again.body]).toEqual([304, null])
      expect(again.response.headers.get('etag')).toBe(etag)
      expect(again.response.headers.get('cache-control')).toBe('private, no-store')
    }
    expect(await ask(path, asked, {}, { headers: { 'If-None-Match': '"other"' } })).toMatchObject({
      status: 200,
    })
  })

  test.for<readonly [string, () => Promise<void> | void, unknown]>([
    ['another user', () => undefined, { context: { targetingKey: 'user-1' } }],
    [
      'a new ruleset',
      async () => {
        await world.publish({ ...flags, page: { enabled: false } })
        await world.clock.advance(400_000)
      },
      asked,
    ],
    // Nothing was published: the clock alone changes the answer.
    ['a flag that begins', () => world.clock.advance(200_000), asked],
  ])('are sent again to %s', async ([, change, body]) => {
    const handler = createOfrepHandler(world.reader)
    const etag = (await handler(toRequest(path, asked))).headers.get('etag') ?? ''
    await change()
    const again = await handler(toRequest(path, body, { headers: { 'If-None-Match': etag } }))
    expect(again.status).toBe(200)
  })

  test('are only those that are public, where that is said', async () => {
    const isPublic = (flag: string) => flag === 'page'
    const { body } = await ask(path, asked, { isPublic })
    expect(body).toMatchObject({ flags: [{ key: 'page' }] })
    expect(await ask(`${path}/limit`, asked, { isPublic })).toMatchObject({ status: 404 })
  })
})

describe('requests that are refused', () => {
  test.for<readonly [string, unknown, string, string]>([
    ['no JSON', '{', 'PARSE_ERROR', 'The body must be JSON'],
    ['no object', '5', 'INVALID_CONTEXT', 'The body must have a context, which is an object'],
    ['no context', {}, 'INVALID_CONTEXT', 'The body must have a context, which is an object'],
    [
      'a list as context',
      { context: [] },
      'INVALID_CONTEXT',
      'The body must have a context, which is an object',
    ],
    [
      'a targeting key of another type',
      { context: { targetingKey: 5 } },
      'INVALID_CONTEXT',
      'targetingKey must be a text',
    ],
  ])('with %s: 400', async ([, body, errorCode, errorDetails]) => {
    expect(await ask(`${path}/page`, body)).toMatchObject({
      status: 400,
      body: { key: 'page', errorCode, errorDetails },
    })
    expect(await ask(path, body)).toMatchObject({ status: 400, body: { errorCode, errorDetails } })
  })

  test('with a body over its limit: 413, also where its length is not declared', async () => {
    const body = JSON.stringify({ context: { targetingKey: 'x'.repeat(100) } })
    const limit = { maxBodyBytes: body.length }
    expect(await ask(path, body, limit)).toMatchObject({ status: 200 })
    expect(await ask(path, `${body} `, limit)).toMatchObject({ status: 413 })
    const stream = new Blob([`${body} `]).stream()
    const streamed = new Request(`https://flags.example.com${path}`, {
      method: 'POST',
      body: stream,
    })
    expect((await createOfrepHandler(world.reader, limit)(streamed)).status).toBe(413)
  })

  test('by another method or at another path', async () => {
    const handler = createOfrepHandler(world.reader, { basePath: '/flags' })
    const get = await handler(new Request(`https://flags.example.com/flags${path}`))
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    for (const other of [
      path,
      '/flags/ofrep/v1/evaluate/flagsx',
      `/flags${path}/`,
      `/flags${path}/%E0`,
    ])
      expect((await handler(toRequest(other, asked))).status, other).toBe(404)
    expect((await handler(toRequest(`/flags${path}/page`, asked))).status).toBe(200)
  })

  test.for<readonly [OfrepHandlerOptions['authorize'], number]>([
    [() => true, 200],
    [() => 'unauthorized', 401],
    [() => 'forbidden', 403],
    [() => Promise.resolve(false), 403],
    [() => new Response(null, { status: 429, headers: { 'Retry-After': '5' } }), 429],
    [
      () => {
        throw new Error('of the callback: a secret')
      },
      500,
    ],
  ])('by authorize, %s: %i', async ([authorize, status]) => {
    const { response, body } = await ask(path, asked, authorize && { authorize })
    expect(response.status).toBe(status)
    expect(JSON.stringify(body)).not.toContain('secret')
    if (status === 429) expect(response.headers.get('retry-after')).toBe('5')
  })

  test('while there is nothing to answer from: 500', async () => {
    world = createPublishedFlags()
    world.injectFault({ type: 'error', status: 500 })
    expect(await ask(`${path}/page`, asked)).toMatchObject({
      status: 500,
      body: { key: 'page', errorCode: 'GENERAL' },
    })
    expect(await ask(path, asked)).toMatchObject({ status: 500, body: { errorCode: 'GENERAL' } })
  })

  test('a limit below a byte is refused', () => {
    expect(() => createOfrepHandler(world.reader, { maxBodyBytes: 0 })).toThrow(RangeError)
  })
})

describe('OpenFeature’s own OFREP client', () => {
  const baseUrl = 'https://flags.example.com'
  afterEach(() => OpenFeature.clearProviders())

  async function createClient(options?: OfrepHandlerOptions) {
    const handler = createOfrepHandler(world.reader, options)
    const fetchImplementation = ((request: Request) => handler(request)) as typeof fetch
    const headers: [string, string][] = [['Authorization', 'Bearer key']]
    await OpenFeature.setProviderAndWait(
      'ofrep',
      new OFREPProvider({ baseUrl, fetchImplementation, headers }),
    )
    return {
      client: OpenFeature.getClient('ofrep'),
      api: new OFREPApi(baseUrl, fetchImplementation),
    }
  }

  test('evaluates over the handler', async () => {
    const { client } = await createClient({
      authorize: ({ headers }) => headers.get('authorization') === 'Bearer key' || 'unauthorized',
    })
    const context = { targetingKey: 'user-1', plan: 'pro' }
    expect(await client.getBooleanDetails('page', false, context)).toMatchObject({
      value: true,
      variant: 'on',
      reason: 'STATIC',
    })
    expect(await client.getNumberDetails('limit', 1, context)).toMatchObject({
      value: 1000,
      variant: 'large',
      reason: 'TARGETING_MATCH',
      flagMetadata: { team: 'media' },
    })
    expect(await client.getBooleanDetails('gone', true, context)).toMatchObject({
      value: true,
      errorCode: 'FLAG_NOT_FOUND',
    })
    expect(await client.getBooleanDetails('share', true)).toMatchObject({
      value: true,
      errorCode: 'TARGETING_KEY_MISSING',
    })
    expect(await client.getBooleanDetails('odd', true, context)).toMatchObject({
      errorCode: 'PARSE_ERROR',
    })
    expect(await client.getStringDetails('page', 'x', context)).toMatchObject({
      errorCode: 'TYPE_MISMATCH',
    })
  })

  test('waits where it is told to', async () => {
    const { client } = await createClient({
      authorize: () => new Response(null, { status: 429, headers: { 'Retry-After': '60' } }),
    })
    const messages = []
    for (let i = 0; i < 2; i++)
      messages.push((await client.getBooleanDetails('page', false)).errorMessage)
    expect(messages[1]).toContain('paused due to TooManyRequests')
  })

  test('evaluates all flags at once, and knows 304', async () => {
    const { api } = await createClient()
    const all = await api.postBulkEvaluateFlags(asked)
    expect(all).toMatchObject({ httpStatus: 200, value: { metadata: { version: '1' } } })
    const etag = all.httpResponse?.headers.get('etag') ?? ''
    expect(
      await api.postBulkEvaluateFlags(asked, { headers: [['If-None-Match', etag]] }),
    ).toMatchObject({ httpStatus: 304 })
    expect(await api.postBulkEvaluateFlags({ context: 5 as never })).toMatchObject({
      httpStatus: 400,
      value: { errorCode: 'INVALID_CONTEXT' },
    })
  })
})
