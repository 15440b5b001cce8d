import { CacheClient, type Timers } from '@codex/cloudflare-clients'
import { createDatabase, creators, users, type Database } from '@codex/database'
import { env } from 'cloudflare:workers'
import { createMediaService, type MediaEvent, type MediaService } from '../../src/index.ts'
import type { TranscodingMessage, UploadInput } from '../../src/index.ts'

interface SentMessage {
  readonly body: TranscodingMessage
  readonly delaySeconds?: number
}

/** What fails in a test, by the method that is called. */
interface Outages {
  d1?: (query: string) => boolean
  kv?: boolean
  queue?: boolean
  r2?: (method: string) => boolean
}

export interface MediaFixture {
  readonly database: Database
  readonly media: MediaService
  readonly sent: SentMessage[]
  readonly events: MediaEvent[]
  readonly outages: Outages
  readonly clock: { nowMs: number }
  readonly queries: string[]
  /** What the cache does after it has answered. */
  readonly background: Promise<unknown>[]
}

/** The clock of these tests moves by assignment, which no timer notices. */
const neverRinging: Timers = { setTimeout: () => 0, clearTimeout: () => undefined }

/** A media service on the real local bindings, each of which a test can take down. */
export function createMediaFixture(): MediaFixture {
  const outages: Outages = {}
  const sent: SentMessage[] = []
  const events: MediaEvent[] = []
  const queries: string[] = []
  const background: Promise<unknown>[] = []
  const clock = { nowMs: Date.UTC(2026, 10, 20, 12) }

  const d1 = intercept(env.DB, (method, [query]) => {
    if (method !== 'prepare') return
    queries.push(String(query))
    if (outages.d1?.(String(query)) === true) throw new Error('D1_ERROR: Network connection lost.')
  })
  const kv = intercept(env.CACHE_KV, (method) => {
    if (outages.kv === true) {
      throw new Error(`KV ${method.toUpperCase()} failed: 500 Internal Server Error`)
    }
  })
  const bucket = intercept(env.MEDIA, (method) => {
    if (outages.r2?.(method) === true)
      throw new Error(`${method}: We encountered an internal error.`)
  })
  const queue = intercept(env.TRANSCODING_QUEUE, (method, [body, options]) => {
    if (outages.queue === true) throw new Error('Queue send failed: Internal Server Error')
    if (method === 'send') sent.push({ body: body as TranscodingMessage, ...(options as object) })
    if (method === 'sendBatch') sent.push(...(body as SentMessage[]))
  })
  const database = createDatabase(d1)
  const media = createMediaService({
    database,
    cache: new CacheClient(kv, {
      now: () => clock.nowMs,
      timers: neverRinging,
      // What has to wait for its second waits here, and no test waits for that.
      waitUntil: (work) => background.push(work),
      onEvent: () => undefined,
    }),
    bucket,
    queue,
    now: () => clock.nowMs,
    onEvent: (event) => events.push(event),
  })
  return { database, media, sent, events, outages, clock, queries, background }
}

/** The real thing, with a look at every call first. A look that throws is a call that rejects. */
function intercept<T extends object>(
  target: T,
  look: (method: string, args: readonly unknown[]) => void,
): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (name === 'prepare') {
          look(name, args)
          return Reflect.apply(value, target, args)
        }
        return Promise.resolve().then(() => {
          look(String(name), args)
          return Reflect.apply(value, target, args) as unknown
        })
      }
    },
  })
}

export async function addCreator(database: Database, id = 'creator-1'): Promise<string> {
  await database.insert(users).values({ id, name: 'Ada', email: `${id}@codex.example` })
  await database.insert(creators).values({
    userId: id,
    handle: id,
    displayName: 'Ada',
    storagePrefix: `creators/${id}`,
  })
  return id
}

export function uploadOf(
  bytes: Uint8Array | string,
  input: Partial<UploadInput> = {},
): UploadInput {
  const content = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  return {
    filename: 'notes.txt',
    declaredType: 'text/plain',
    sizeBytes: content.byteLength,
    maxUploadBytes: 1024 * 1024,
    body: streamOf(content),
    ...input,
  }
}

/** In chunks of 1000 bytes, as a network would deliver them. */
export function streamOf(bytes: Uint8Array, chunkBytes = 1000): ReadableStream<Uint8Array> {
  let offset = 0
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.byteLength) {
        controller.close()
        return
      }
      controller.enqueue(bytes.slice(offset, offset + chunkBytes))
      offset += chunkBytes
    },
  })
}
