import { checkWrite, takeWrite } from '../kv/binding-kv.ts'
import { encodeText } from '../kv/binding-text.ts'
import { utf8Length } from '../kv/kv-key.ts'
import { assertBindingKey, assertPathKey } from '../kv/kv-responses.ts'
import { readBody } from '../kv/put-body.ts'
import { toBase64 } from '../shared/base64.ts'
import type { Refusal } from './api-fault.ts'
import type { Attempt } from './attempt.ts'
import type { ApiCall, CloudflareApi } from './cloudflare-api.ts'
import { KVHttpError, withFailedKeys } from './kv-http-error.ts'
import type { NamespaceAddress } from './namespace-address.ts'

/** One entry of `putMany`. The options are those of `put`. */
export interface KVBulkEntry extends KVNamespacePutOptions {
  readonly key: string
  readonly value: string | ArrayBuffer | ArrayBufferView
}

/** Keys of one request. */
const maxBulkKeys = 10_000
/** Bytes of one request. */
const maxBulkBytes = 100_000_000

/** JSON of what is sent for each key. */
type BulkItems = ReadonlyMap<string, string>

interface BulkTarget {
  readonly api: CloudflareApi
  readonly address: NamespaceAddress
}

type BulkCall = Pick<ApiCall<unknown>, 'request' | 'operation' | 'method' | 'path'>

/** @throws {KVHttpError} With the keys that are not known to be written. */
export async function putMany(target: BulkTarget, entries: Iterable<KVBulkEntry>): Promise<void> {
  const items = new Map<string, string>()
  const nowMs = target.api.settings.now()
  for (const entry of entries) items.set(...(await toWriteItem(entry, nowMs)))
  await sendAll(target, items, {
    request: 'PUT_BULK',
    operation: 'write',
    method: 'PUT',
    path: '/bulk',
  })
}

/** @throws {KVHttpError} With the keys that are not known to be deleted. */
export async function deleteMany(target: BulkTarget, keys: Iterable<string>): Promise<void> {
  const items = new Map<string, string>()
  for (const key of keys) {
    assertBindingKey('DELETE', key)
    assertPathKey('DELETE', key)
    items.set(key, JSON.stringify(key))
  }
  await sendAll(target, items, {
    request: 'DELETE_BULK',
    operation: 'delete',
    method: 'POST',
    path: '/bulk/delete',
  })
}

async function toWriteItem(entry: KVBulkEntry, nowMs: number): Promise<[string, string]> {
  const { key, value, ...options } = entry
  const { body, ...write } = checkWrite(takeWrite([key, value, options]), nowMs)
  if (body instanceof ReadableStream) {
    throw new TypeError('Cannot write many: a value must be a text or a buffer, received a stream')
  }
  const { bytes, text } = await readBody(body)
  const hasTtl = write.expirationTtlSeconds !== undefined
  const item = {
    key,
    ...toJsonValue(value, { bytes, text }),
    expiration: hasTtl ? undefined : write.expirationSeconds,
    expiration_ttl: write.expirationTtlSeconds,
    metadata:
      write.metadataJson === undefined ? undefined : (JSON.parse(write.metadataJson) as unknown),
  }
  return [key, JSON.stringify(item)]
}

/** Text as it is, unless its JSON is the longer one: control characters take six bytes each. */
function toJsonValue(
  value: unknown,
  { bytes, text }: { readonly bytes: Uint8Array; readonly text: string },
): { readonly value: string; readonly base64?: true } {
  const isText = typeof value === 'string' && value.isWellFormed()
  const base64Length = Math.ceil(bytes.byteLength / 3) * 4
  if (isText && (bytes.byteLength < 1024 || JSON.stringify(text).length <= base64Length)) {
    return { value: text }
  }
  return { value: toBase64(bytes), base64: true }
}

async function sendAll(target: BulkTarget, items: BulkItems, call: BulkCall): Promise<void> {
  const waiting = new Map(items)
  // One after the other: together they would use up the account's requests and this machine's memory.
  for (const part of split(items)) {
    try {
      await sendPart(target, part, call)
    } catch (error) {
      if (!(error instanceof KVHttpError)) throw error
      const failedKeys = [...(error.failedKeys ?? part.keys())]
      for (const key of part.keys()) waiting.delete(key)
      throw withFailedKeys(error, [...failedKeys, ...waiting.keys()])
    }
    for (const key of part.keys()) waiting.delete(key)
  }
}

function* split(items: BulkItems): Generator<BulkItems, void, undefined> {
  let part = new Map<string, string>()
  let size = 2
  for (const [key, json] of items) {
    const bytes = utf8Length(json) + 1
    if (part.size === maxBulkKeys || (part.size > 0 && size + bytes > maxBulkBytes)) {
      yield part
      part = new Map()
      size = 2
    }
    part.set(key, json)
    size += bytes
  }
  if (part.size > 0) yield part
}

/** Sends a part, and of it again what the API says has not succeeded. */
async function sendPart(
  { api, address }: BulkTarget,
  part: BulkItems,
  call: BulkCall,
): Promise<void> {
  const { now, maxAttempts } = api.settings
  const deadlineAtMs = api.deadlineAtMs()
  let rest = part
  for (let rounds = 1; ; rounds++) {
    const failedKeys = await send({ api, address }, rest, { call, deadlineAtMs })
    rest = new Map([...rest].filter(([key]) => failedKeys.has(key)))
    if (rest.size === 0) return
    const delayMs = api.backoffMs(rounds)
    if (rounds >= maxAttempts || now() + delayMs >= deadlineAtMs) {
      throw new KVHttpError(`KV ${call.request} failed: ${rest.size} keys did not succeed`, {
        code: 'unavailable',
        operation: call.operation,
        retryable: true,
        attempts: rounds,
        failedKeys: [...rest.keys()],
      })
    }
    await api.pause(delayMs)
  }
}

async function send(
  { api, address }: BulkTarget,
  items: BulkItems,
  { call, deadlineAtMs }: { readonly call: BulkCall; readonly deadlineAtMs: number },
): Promise<ReadonlySet<string>> {
  const request: ApiCall<ReadonlySet<string>> = {
    ...call,
    contentType: 'application/json',
    body: encodeText(`[${[...items.values()].join(',')}]`),
    read: async (attempt: Attempt) => toFailedKeys((await attempt.result()).result) ?? new Set(),
    // A bulk request that succeeded in part may come with the status of what failed.
    refused: ({ status, result }: Refusal) => {
      const failed = status === 429 ? undefined : toFailedKeys(result)
      return failed === undefined || failed.size === 0 ? undefined : { value: failed }
    },
  }
  try {
    return await address.call(api, request, { deadlineAtMs })
  } catch (error) {
    if (!(error instanceof KVHttpError)) throw error
    throw withFailedKeys(error, [...items.keys()])
  }
}

function toFailedKeys(result: unknown): ReadonlySet<string> | undefined {
  const { unsuccessful_keys: keys } = Object(result) as { readonly unsuccessful_keys?: unknown }
  return Array.isArray(keys) ? new Set(keys as string[]) : undefined
}
