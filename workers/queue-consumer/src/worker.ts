import { waitUntil } from 'cloudflare:workers'
import { CacheClient, circuitBreaker, createEmptyKV } from '@codex/cloudflare-clients'
import {
  createMediaService,
  createOperationCounts,
  OperationMeter,
  type OperationCounts,
  type TranscodingMessage,
} from '@codex/core-services'
import type { SettingsLogEntry } from '@codex/core-services/worker-settings'
import { createDatabase } from '@codex/database'
import { createSettings, toRunPodOptions } from './config.ts'
import type { ConsumerContext } from './context.ts'
import { handleBatch } from './handler.ts'
import { logLine } from './log.ts'
import { createRunPodTranscoder } from './runpod-transcoder.ts'
import type { QueueConsumerSettings } from './settings.ts'
import type { Transcoder } from './transcoder.ts'

/** The worker runs without its cache: statuses are then read from the database every time. Without `CONFIG_KV` its settings are the defaults. */
type Bindings = Omit<Env, 'CACHE_KV' | 'CONFIG_KV'> & {
  readonly CACHE_KV?: KVNamespace | undefined
  readonly CONFIG_KV?: KVNamespace | undefined
}

interface Consumer {
  /** What a batch works with: the settings of now, and what is built once. */
  readonly createContext: () => Promise<ConsumerContext>
  readonly meter: OperationMeter
}

/** One for each isolate: the platform hands over the same bindings with every batch. */
const consumers = new WeakMap<Bindings, Consumer>()

export default {
  async queue(batch, env) {
    const { createContext, meter } = consumerFor(env)
    const counts = createOperationCounts()
    const outcomes = await meter.run(counts, async () => handleBatch(batch, await createContext()))
    logOperations(counts, { messages: batch.messages.length, outcomes })
  },

  async scheduled(_controller, env) {
    const { createContext, meter } = consumerFor(env)
    const counts = createOperationCounts()
    const { requeuedItems } = await meter.run(counts, async () => {
      const { media, settings } = await createContext()
      return media.requeueStuck(settings.stuckAfterMs)
    })
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
  for (const binding of ['CACHE_KV', 'CONFIG_KV'] as const) {
    if (env[binding] === undefined) logLine({ level: 'warn', event: 'kv_not_bound', binding })
  }
  const configKV = env.CONFIG_KV && meter.meterKV(env.CONFIG_KV)
  const settings = createSettings(env, { kv: configKV, waitUntil, log: logSettings })
  const bucket = meter.meterR2(env.MEDIA)
  const queue: Queue<TranscodingMessage> = env.TRANSCODING_QUEUE
  const cacheKV = meter.meterKV(env.CACHE_KV ?? createEmptyKV())
  const cache = new CacheClient(circuitBreaker(cacheKV), { waitUntil })
  const database = createDatabase(meter.meterD1(env.DB))
  const fixed = {
    media: createMediaService({ database, cache, bucket, queue }),
    bucket,
    queue,
    now: Date.now,
    log: logLine,
  }
  return {
    meter,
    async createContext() {
      const current = await settings.read()
      return { ...fixed, settings: current, transcoder: createTranscoder(current) }
    },
  }
}

function createTranscoder(settings: QueueConsumerSettings): Transcoder | null {
  const options = toRunPodOptions(settings)
  return options === null ? null : createRunPodTranscoder(options)
}

function logSettings(entry: SettingsLogEntry): void {
  logLine({ ...entry, worker: 'queue-consumer' })
}

function logOperations(counts: OperationCounts, fields: Record<string, unknown>): void {
  const event = 'operations'
  logLine({ level: 'info', event, worker: 'queue-consumer', ...fields, ...counts })
}
