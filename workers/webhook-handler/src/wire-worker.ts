import {
  CacheClient,
  circuitBreaker,
  createEmptyKV,
  SessionCacheClient,
} from '@codex/cloudflare-clients'
import {
  createAnalyticsService,
  createOperationCounts,
  createPurchaseService,
  formatOperations,
  OperationMeter,
  type ServiceEvent,
} from '@codex/core-services'
import { WorkerSettings } from '@codex/core-services/worker-settings'
import { createDatabase } from '@codex/database'
import { refuse, type Answer } from './answer.ts'
import { readConfig } from './config.ts'
import { createWebhookHandler } from './handler.ts'
import { defaultSettings, settingsSchema } from './settings.ts'

type KVBinding = 'AUTH_SESSION_KV' | 'CACHE_KV' | 'CONFIG_KV'

/** What the platform binds. Two namespaces are caches, and the third changes settings that the worker brings, so it also runs without them. */
export type WebhookEnv = Omit<Env, KVBinding> & Partial<Pick<Env, KVBinding>>

export interface WireWorkerOptions {
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
  /** Keeps what the cache and the settings have to do yet alive after the answer: the one of `cloudflare:workers`. Default: nothing does. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Takes one line of JSON. Default: the console, as an error when the answer is no 2xx. */
  readonly log?: (line: string, level: 'info' | 'error') => void
}

export interface WebhookWorker {
  fetch(request: Request): Promise<Response>
}

function logToConsole(line: string, level: 'info' | 'error'): void {
  if (level === 'error') console.error(line)
  else console.log(line)
}

/** Builds the clients once, and the worker around its handler. */
export function wireWorker(
  env: WebhookEnv,
  { now = Date.now, waitUntil, log = logToConsole }: WireWorkerOptions = {},
): WebhookWorker {
  const meter = new OperationMeter()
  const handle = createHandler()

  function writeLog(line: Readonly<Record<string, unknown>>, level: 'info' | 'error'): void {
    const { event, ...fields } = line
    log(JSON.stringify({ event, worker: 'webhook-handler', ...fields }), level)
  }

  function createHandler(): (request: Request) => Promise<Answer> {
    const read = readConfig(env)
    if (!read.ok) {
      const detail = read.issues.join('; ')
      return () => Promise.resolve(refuse('misconfigured', { detail }))
    }
    const settings = new WorkerSettings({
      worker: 'webhook-handler',
      kv: bindOptionalKV('CONFIG_KV'),
      defaults: defaultSettings,
      schema: settingsSchema,
      ttlSeconds: read.config.settingsTtlSeconds,
      waitUntil,
      now,
      log: ({ level, ...line }) => {
        writeLog(line, level === 'info' ? 'info' : 'error')
      },
    })
    const database = createDatabase(meter.meterD1(env.DB))
    const cache = new CacheClient(circuitBreaker(bindKV('CACHE_KV'), { now }), { now, waitUntil })
    return createWebhookHandler({
      database,
      purchases: createPurchaseService({ database, cache, now, onEvent }),
      analytics: createAnalyticsService({ database, cache, now, onEvent }),
      sessions: new SessionCacheClient(bindKV('AUTH_SESSION_KV'), { now }),
      webhookSecrets: read.config.webhookSecrets,
      readSettings: () => settings.read(),
      now,
      onEvent,
    })
  }

  function onEvent({ type, keys, error }: ServiceEvent): void {
    const message = error instanceof Error ? error.message : String(error)
    writeLog({ event: type, keys, error: message }, 'error')
  }

  function bindKV(binding: KVBinding): KVNamespace {
    return bindOptionalKV(binding) ?? createEmptyKV()
  }

  function bindOptionalKV(binding: KVBinding): KVNamespace | undefined {
    const kv = env[binding]
    if (kv !== undefined) return meter.meterKV(kv)
    writeLog({ event: 'kv_not_bound', binding }, 'error')
    return undefined
  }

  return {
    async fetch(request) {
      const operations = createOperationCounts()
      const answer = await meter.run(operations, () => handle(request))
      const { status, outcome, eventId, eventType, detail, cacheInvalidated } = answer
      const line = {
        event: 'operations',
        worker: 'webhook-handler',
        kv: operations.kv,
        d1: operations.d1,
        status,
        outcome,
      }
      log(
        JSON.stringify({ ...line, eventId, eventType, detail, cacheInvalidated }),
        status < 300 ? 'info' : 'error',
      )
      const headers = new Headers({ 'cache-control': 'no-store', ...answer.headers })
      // Counts help whoever develops and are nobody else's business.
      if (env.ENVIRONMENT !== 'production') {
        headers.set('x-codex-operations', formatOperations(operations))
      }
      return Response.json(answer.body, { status, headers })
    },
  }
}
