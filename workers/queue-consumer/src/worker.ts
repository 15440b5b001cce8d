import { waitUntil } from 'cloudflare:workers'
import { CacheClient, circuitBreaker, createEmptyKV } from '@codex/cloudflare-clients'
import {
  createMediaService,
  createOperationCounts,
  OperationMeter,
  type OperationCounts,
  type TranscodingMessage,
} from '@codex/core-services'
import { createDatabase } from '@codex/database'
import { readConfig } from './config.ts'
import type { ConsumerContext } from './context.ts'
import { handleBatch } from './handler.ts'
import { logLine } from './log.ts'
import { createRunPodTranscoder } from './runpod-transcoder.ts'

/** The worker runs without its cache: statuses are then read from the database every time. */
type Bindings = Omit<Env, 'CACHE_KV'> & { readonly CACHE_KV?: KVNamespace | undefined }

interface Consumer {
  readonly context: ConsumerContext
  readonly meter: OperationMeter
}

/** One for each isolate: the platform hands over the same bindings with every batch. */
const consumers = new WeakMap<Bindings, Consumer>()

export default {
  async queue(batch, env) {
    const { context, meter } = consumerFor(env)
    const counts = createOperationCounts()
    const outcomes = await meter.run(counts, () => handleBatch(batch, context))
    logOperations(counts, { messages: batch.messages.length, outcomes })
  },

  async scheduled(_controller, env) {
    const { context, meter } = consumerFor(env)
    const counts = createOperationCounts()
    const { requeuedItems } = await meter.run(counts, () =>
      context.media.requeueStuck(context.config.stuckAfterMs),
    )
    logOperations(counts, { requeuedItems })
  },
} satisfies ExportedHandler<Bindings>

function consumerFor(env: Bindings): Consumer {
  const existing = consumers.get(env)
  if (existing !== undefined) return existing
  const consumer = createConsumer(env)
  consumers.set(env, consumer)
  return consumer
}

function createConsumer(env: Bindings): Consumer {
  const meter = new OperationMeter()
  const config = readConfig(env)
  if (env.CACHE_KV === undefined) {
    logLine({ level: 'warn', event: 'kv_not_bound', binding: 'CACHE_KV' })
  }
  const bucket = meter.meterR2(env.MEDIA)
  const queue: Queue<TranscodingMessage> = env.TRANSCODING_QUEUE
  const cacheKV = meter.meterKV(env.CACHE_KV ?? createEmptyKV())
  const cache = new CacheClient(circuitBreaker(cacheKV), { waitUntil })
  const database = createDatabase(meter.meterD1(env.DB))
  const { runPod, transcoderTimeoutMs: timeoutMs, maxJobAgeMs } = config
  const context: ConsumerContext = {
    media: createMediaService({ database, cache, bucket, queue }),
    bucket,
    queue,
    transcoder:
      runPod === null ? null : createRunPodTranscoder({ ...runPod, timeoutMs, maxJobAgeMs }),
    config,
    now: Date.now,
    log: logLine,
  }
  return { context, meter }
}

function logOperations(counts: OperationCounts, fields: Record<string, unknown>): void {
  const event = 'operations'
  logLine({ level: 'info', event, worker: 'queue-consumer', ...fields, ...counts })
}
