import { CacheClient, createEmptyKV } from '@codex/cloudflare-clients'
import { createMediaService, type TranscodingMessage } from '@codex/core-services'
import { createDatabase } from '@codex/database'
import { readConfig } from './config.ts'
import type { ConsumerContext } from './context.ts'
import { handleBatch } from './handler.ts'
import { logLine, OnceLog } from './log.ts'
import { OperationMeter } from './operation-meter.ts'
import { createRunPodTranscoder } from './runpod-transcoder.ts'

/** The worker runs without its cache: statuses are then read from the database every time. */
type Bindings = Omit<Env, 'CACHE_KV'> & { readonly CACHE_KV?: KVNamespace | undefined }

const onceLog = new OnceLog()

export default {
  async queue(batch, env) {
    const meter = new OperationMeter()
    const outcomes = await handleBatch(batch, createContext(env, meter))
    logOperations(meter, { messages: batch.messages.length, outcomes })
  },

  async scheduled(_controller, env) {
    const meter = new OperationMeter()
    const { media, config } = createContext(env, meter)
    const { requeuedItems } = await media.requeueStuck(config.stuckAfterMs)
    logOperations(meter, { requeuedItems })
  },
} satisfies ExportedHandler<Bindings>

/** Built for each batch, so that what it counts is that batch's; nothing in it is worth keeping longer. */
function createContext(env: Bindings, meter: OperationMeter): ConsumerContext {
  const config = readConfig(env)
  if (env.CACHE_KV === undefined) {
    onceLog.log({ level: 'warn', event: 'kv_not_bound', binding: 'CACHE_KV' })
  }
  const bucket = meter.r2(env.MEDIA)
  const queue: Queue<TranscodingMessage> = env.TRANSCODING_QUEUE
  const cache = new CacheClient(meter.kv(env.CACHE_KV ?? createEmptyKV()))
  const { runPod, transcoderTimeoutMs: timeoutMs, maxJobAgeMs } = config
  return {
    media: createMediaService({ database: createDatabase(meter.d1(env.DB)), cache, bucket, queue }),
    bucket,
    queue,
    transcoder:
      runPod === null ? null : createRunPodTranscoder({ ...runPod, timeoutMs, maxJobAgeMs }),
    config,
    now: Date.now,
    log: logLine,
  }
}

function logOperations(meter: OperationMeter, fields: Record<string, unknown>): void {
  const event = 'operations'
  logLine({ level: 'info', event, worker: 'queue-consumer', ...fields, ...meter.counts })
}
