import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { handleBatch } from '../src/handler.ts'
import {
  addItem,
  batch,
  createConsumerFixture,
  deadBatch,
  message,
  type Outages,
} from './fixtures/consumer-fixture.ts'
import * as sample from './fixtures/sample-files.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

describe('a batch', () => {
  it('decides about every message by itself', async () => {
    const { context, media, outages } = createConsumerFixture()
    const good = await addItem({ bytes: sample.pdf() })
    const bad = await addItem({ bytes: sample.pdf(), declaredType: 'image/png' })
    const unlucky = await addItem({ bytes: sample.pdf() })
    outages.r2 = (method, key) => method === 'get' && key === unlucky.objectKey
    const messages = [
      message({ nonsense: true }),
      message({ type: 'transcode', mediaId: bad.id }),
      message({ type: 'transcode', mediaId: unlucky.id }),
      message({ type: 'transcode', mediaId: 'gone' }),
      message({ type: 'transcode', mediaId: good.id }),
    ]
    expect(await handleBatch(batch(...messages), context)).toEqual({
      malformed: 1,
      failed: 1,
      retried: 1,
      skipped: 1,
      ready: 1,
    })
    expect(messages.map(({ decision }) => decision.ack)).toEqual([1, 1, 0, 1, 1])
    expect((await media.get(good.id))?.status).toBe('ready')
    expect((await media.get(unlucky.id))?.status).toBe('processing')
  })

  it('of no messages is nothing', async () => {
    expect(await handleBatch(batch(), createConsumerFixture().context)).toEqual({})
  })
})

describe('a message of the wrong shape', () => {
  it.each([
    null,
    'transcode',
    42,
    [],
    {},
    { type: 'transcode' },
    { type: 'transcode', mediaId: '../x' },
    { type: 'poll', mediaId: 'm' },
  ])('is acknowledged and logged: %j', async (body) => {
    const { context, logs } = createConsumerFixture()
    const one = message(body)
    expect(await handleBatch(batch(one), context)).toEqual({ malformed: 1 })
    expect(one.decision).toEqual({ ack: 1, retry: [] })
    expect(logs).toMatchObject([
      { level: 'error', event: 'message_malformed', messageId: one.id, body: JSON.stringify(body) },
    ])
  })

  it('is logged with a bounded excerpt', async () => {
    const { context, logs } = createConsumerFixture()
    await handleBatch(batch(message({ type: 'x', text: 'y'.repeat(100_000) })), context)
    expect(String(logs[0]?.body)).toHaveLength(300)
  })

  it('that is no JSON at all is logged too', async () => {
    const { context, logs } = createConsumerFixture()
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const messages = [message(circular), message(undefined), message(new Map())]
    expect(await handleBatch(batch(...messages), context)).toEqual({ malformed: 3 })
    expect(logs.map(({ body }) => body)).toEqual(['[object that is no JSON]', 'undefined', '{}'])
  })
})

describe('a fault that may pass', () => {
  const faults: readonly (readonly [string, Outages])[] = [
    ['R2 fails to read', { r2: (method) => method === 'get' }],
    ['R2 fails to write', { r2: (method) => method === 'put' }],
    ['D1 fails to read', { d1: (query) => query.startsWith('select') }],
    ['D1 fails to write', { d1: (query) => query.startsWith('update') }],
  ]

  it.each(faults)('asks for the message again when %s, and then succeeds', async (_, fault) => {
    const { context, media, outages, logs } = createConsumerFixture()
    const item = await addItem({ bytes: sample.pdf() })
    const body = { type: 'transcode', mediaId: item.id }
    Object.assign(outages, fault)
    const first = message(body, 1)
    expect(await handleBatch(batch(first), context)).toEqual({ retried: 1 })
    expect(first.decision).toEqual({ ack: 0, retry: [{ delaySeconds: 10 }] })
    expect(logs).toMatchObject([
      { event: 'message_retried', messageId: first.id, mediaId: item.id, attempts: 1 },
    ])
    expect((await env.DB.prepare('select status from media_items').first())?.status).not.toBe(
      'failed',
    )

    delete outages.r2
    delete outages.d1
    expect(await handleBatch(batch(message(body, 2)), context)).toEqual({ ready: 1 })
    expect((await media.get(item.id))?.status).toBe('ready')
  })

  it.each([
    [1, 10],
    [2, 20],
    [4, 80],
    [8, 900],
  ])('waits longer after attempt %i', async (attempts, delaySeconds) => {
    const { context, outages } = createConsumerFixture()
    outages.d1 = () => true
    const one = message({ type: 'transcode', mediaId: 'm' }, attempts)
    await handleBatch(batch(one), context)
    expect(one.decision.retry).toEqual([{ delaySeconds }])
  })

  it('does not include KV: the item is ready without its cache', async () => {
    const { context, media, outages } = createConsumerFixture()
    outages.kv = true
    const item = await addItem({ bytes: sample.pdf() })
    const one = message({ type: 'transcode', mediaId: item.id })
    expect(await handleBatch(batch(one), context)).toEqual({ ready: 1 })
    expect((await media.get(item.id))?.status).toBe('ready')
  })
})

describe('the dead-letter queue', () => {
  it('fails the item with a reason for its creator, once', async () => {
    const { context, media } = createConsumerFixture()
    const item = await addItem({ bytes: sample.pdf() })
    const messages = [1, 2].map(() => message({ type: 'transcode', mediaId: item.id }))
    const outcomes = await handleBatch(deadBatch(...messages), context)
    expect(outcomes).toEqual({ failed: 1, skipped: 1 })
    expect(messages.map(({ decision }) => decision.ack)).toEqual([1, 1])
    expect(await media.getStatus(item.id)).toMatchObject({
      status: 'failed',
      failureReason: expect.stringMatching(/failed several times.*try again/) as string,
    })
    expect(await media.retry('ada', item.id)).toMatchObject({ ok: true })
  })

  it('leaves an item alone that is ready by now', async () => {
    const { context, media } = createConsumerFixture()
    const item = await addItem({ bytes: sample.pdf() })
    const body = { type: 'transcode', mediaId: item.id }
    await handleBatch(batch(message(body)), context)
    expect(await handleBatch(deadBatch(message(body)), context)).toEqual({ skipped: 1 })
    expect((await media.get(item.id))?.status).toBe('ready')
  })

  it('fails the item of a poll only while it has that job', async () => {
    const { context, media } = createConsumerFixture()
    const item = await addItem({ bytes: sample.mp4() })
    const job = { detectedType: 'video/mp4', sha256: 'a' }
    await media.attachJob(item.id, { ...job, jobId: 'new' })
    const poll = { type: 'poll', mediaId: item.id, submittedAtMs: 0, pollCount: 3 }
    const transcode = { type: 'transcode', mediaId: item.id }
    const stale = deadBatch(message({ ...poll, jobId: 'old' }), message(transcode))
    expect(await handleBatch(stale, context)).toEqual({ skipped: 2 })
    const current = deadBatch(message({ ...poll, jobId: 'new' }))
    expect(await handleBatch(current, context)).toEqual({ failed: 1 })
  })

  it('asks for its message again while the database is away', async () => {
    const { context, outages } = createConsumerFixture()
    outages.d1 = () => true
    const one = message({ type: 'transcode', mediaId: 'm' }, 3)
    expect(await handleBatch(deadBatch(one), context)).toEqual({ retried: 1 })
    expect(one.decision).toEqual({ ack: 0, retry: [{ delaySeconds: 40 }] })
  })
})
