import {
  applyD1Migrations,
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
  reset,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import worker from '../src/worker.ts'
import { addItem } from './fixtures/consumer-fixture.ts'
import * as sample from './fixtures/sample-files.ts'

const lines: Record<string, unknown>[] = []

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.D1_MIGRATIONS)
  lines.length = 0
  for (const level of ['info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>)
    })
  }
})
afterEach(async () => {
  vi.restoreAllMocks()
  await reset()
})

interface DeliverOptions {
  readonly bindings?: object
  readonly queue?: string
}

async function deliver(
  bodies: unknown[],
  { bindings = env, queue = 'transcoding' }: DeliverOptions = {},
) {
  const messages = bodies.map((body, index) => ({
    id: `message-${index}`,
    timestamp: new Date(),
    attempts: 1,
    body,
  }))
  const batch = createMessageBatch(queue, messages)
  const context = createExecutionContext()
  await worker.queue(batch, bindings as Env)
  return getQueueResult(batch, context)
}

async function statusOf(mediaId: string): Promise<unknown> {
  const row = await env.DB.prepare('select status from media_items where id = ?')
    .bind(mediaId)
    .first()
  return row?.status
}

const operations = () => lines.filter(({ event }) => event === 'operations')

describe('the worker', () => {
  it('processes a batch and logs what it cost in one line', async () => {
    const item = await addItem({ bytes: await sample.png(4, 4), declaredType: 'image/png' })
    const result = await deliver([{ type: 'transcode', mediaId: item.id }, { nonsense: 1 }])
    expect(result.explicitAcks).toEqual(['message-0', 'message-1'])
    expect(result.retryMessages).toEqual([])
    expect(await statusOf(item.id)).toBe('ready')
    expect(operations()).toEqual([
      {
        event: 'operations',
        worker: 'queue-consumer',
        messages: 2,
        outcomes: { ready: 1, malformed: 1 },
        // The read is that of the settings, once a minute.
        kv: { reads: 1, writes: 1, deletes: 0, lists: 0 },
        d1: { queries: 3 },
        durableObjects: { requests: 0 },
        r2: { reads: 1, writes: 1, deletes: 0, lists: 0 },
      },
    ])
  })

  it('asks for a message again, and acknowledges the others', async () => {
    const item = await addItem({ bytes: sample.pdf() })
    const DB = new Proxy(env.DB, {
      get: () => () => {
        throw new Error('D1_ERROR: Network connection lost.')
      },
    })
    const bindings = { ...env, DB }
    const result = await deliver([{ nonsense: 1 }, { type: 'transcode', mediaId: item.id }], {
      bindings,
    })
    expect(result.explicitAcks).toEqual(['message-0'])
    expect(result.retryMessages).toMatchObject([{ msgId: 'message-1' }])
    expect(await statusOf(item.id)).toBe('uploaded')
  })

  it.each(['transcoding-dead', 'transcoding-dead-staging', 'transcoding-dead-production'])(
    'gives up what comes from %s',
    async (queue) => {
      const item = await addItem({ bytes: sample.pdf() })
      await deliver([{ type: 'transcode', mediaId: item.id }], { queue })
      expect(await statusOf(item.id)).toBe('failed')
    },
  )

  it.each(['transcoding', 'transcoding-staging', 'transcoding-production'])(
    'processes what comes from %s',
    async (queue) => {
      const item = await addItem({ bytes: sample.pdf() })
      await deliver([{ type: 'transcode', mediaId: item.id }], { queue })
      expect(await statusOf(item.id)).toBe('ready')
    },
  )

  it('uses what CONFIG_KV says of its settings', async () => {
    await env.CONFIG_KV.put('config:queue-consumer', 'retryBaseSeconds: 77\n')
    const item = await addItem({ bytes: sample.pdf() })
    const MEDIA = new Proxy(env.MEDIA, {
      get: () => () => Promise.reject(new Error('get: We encountered an internal error. (10001)')),
    })
    await deliver([{ type: 'transcode', mediaId: item.id }], { bindings: { ...env, MEDIA } })
    const retried = lines.filter(({ event }) => event === 'message_retried')
    expect(retried).toMatchObject([{ mediaId: item.id, delaySeconds: 77 }])
  })

  it('reads its settings once for many batches', async () => {
    const bindings = { ...env, SETTINGS_TTL_SECONDS: '3600' }
    for (const round of [1, 2, 3]) await deliver([{ nonsense: round }], { bindings })
    expect(operations().map(({ kv }) => (kv as { reads: number }).reads)).toEqual([1, 0, 0])
  })

  it('works on the settings it brings while their document is no good', async () => {
    await env.CONFIG_KV.put('config:queue-consumer', 'retryBaseSeconds: soon\n')
    const item = await addItem({ bytes: sample.pdf() })
    await deliver([{ type: 'transcode', mediaId: item.id }], { bindings: { ...env } })
    expect(await statusOf(item.id)).toBe('ready')
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'settings_failed', worker: 'queue-consumer' }),
    )
  })

  it('works without KV, and says so once', async () => {
    const { CACHE_KV: _cache, CONFIG_KV: _config, ...bindings } = env
    for (const round of [1, 2]) {
      const item = await addItem({ id: `m-${round}`, bytes: sample.pdf() })
      await deliver([{ type: 'transcode', mediaId: item.id }], { bindings })
      expect(await statusOf(item.id)).toBe('ready')
    }
    const unbound = lines.filter(({ event }) => event === 'kv_not_bound')
    expect(unbound.map(({ binding }) => binding)).toEqual(['CACHE_KV', 'CONFIG_KV'])
  })

  it('works while KV throws on every call', async () => {
    const fail = () => Promise.reject(new Error('KV GET failed: 500 Internal Server Error'))
    const CACHE_KV = new Proxy(env.CACHE_KV, {
      get: (target, name) => (Reflect.has(target, name) ? fail : undefined),
    })
    const item = await addItem({ bytes: sample.pdf() })
    const bindings = { ...env, CACHE_KV, CONFIG_KV: CACHE_KV }
    const result = await deliver([{ type: 'transcode', mediaId: item.id }], { bindings })
    expect(result.explicitAcks).toEqual(['message-0'])
    expect(await statusOf(item.id)).toBe('ready')
    expect(lines).toContainEqual(expect.objectContaining({ event: 'store_error' }))
    expect(lines).toContainEqual(expect.objectContaining({ event: 'settings_failed' }))
  })

  it('submits video to RunPod when it has a key, and never logs the key', async () => {
    const apiKey = 'rpa_0123456789SECRET'
    const calls: string[] = []
    vi.spyOn(globalThis, 'fetch').mockImplementation((input) => {
      calls.push(input instanceof Request ? input.url : String(input))
      return Promise.resolve(Response.json({ id: 'job-1', status: 'IN_QUEUE' }))
    })
    const sent: unknown[] = []
    const TRANSCODING_QUEUE = {
      send: (...args: unknown[]) => Promise.resolve(sent.push(args)),
    }
    const item = await addItem({ bytes: sample.mp4() })
    const bindings = {
      ...env,
      TRANSCODING_QUEUE,
      RUNPOD_API_KEY: apiKey,
      RUNPOD_ENDPOINT_ID: 'ep-1',
    }
    await deliver([{ type: 'transcode', mediaId: item.id }], { bindings })
    expect(calls).toEqual(['https://api.runpod.ai/v2/ep-1/run'])
    expect(sent).toMatchObject([[{ type: 'poll', jobId: 'job-1' }, { delaySeconds: 15 }]])
    expect(operations()).toMatchObject([{ outcomes: { waiting: 1 } }])
    expect(JSON.stringify(lines)).not.toContain(apiKey)
  })

  it('sends again for stuck items on its schedule', async () => {
    const sent: unknown[] = []
    const TRANSCODING_QUEUE = {
      sendBatch: (batch: unknown[]) => Promise.resolve(sent.push(...batch)),
    }
    const nowMs = Date.now()
    const stuck = await addItem({ bytes: sample.pdf(), createdAtMs: nowMs - 2 * 3_600_000 })
    await addItem({ bytes: sample.pdf(), createdAtMs: nowMs })
    await worker.scheduled(createScheduledController(), {
      ...env,
      TRANSCODING_QUEUE,
    } as unknown as Env)
    expect(sent).toEqual([{ body: { type: 'transcode', mediaId: stuck.id } }])
    expect(operations()).toMatchObject([{ requeuedItems: 1, d1: { queries: 2 } }])
  })

  it('is what the platform delivers the real queue to', async () => {
    const item = await addItem({ bytes: await sample.png(4, 4) })
    await env.TRANSCODING_QUEUE.send({ type: 'transcode', mediaId: item.id })
    await vi.waitFor(
      async () => {
        expect(await statusOf(item.id)).toBe('ready')
      },
      { timeout: 60_000, interval: 100 },
    )
  })
})
