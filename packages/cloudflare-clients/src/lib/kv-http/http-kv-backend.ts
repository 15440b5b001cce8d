import type {
  BindingPage,
  BindingRequest,
  FoundValue,
  KVBackend,
  ReadForm,
  WrittenEntry,
} from '../kv/binding-kv.ts'
import { decodeText, encodeText } from '../kv/binding-text.ts'
import { type BulkEntry, bulkReadTooLarge } from '../kv/bulk-answer.ts'
import { compareUtf8 } from '../kv/compare-utf8.ts'
import type { KVRequestName } from '../kv/kv-responses.ts'
import type { Refusal } from './api-fault.ts'
import type { Attempt } from './attempt.ts'
import type { ApiCall, CloudflareApi } from './cloudflare-api.ts'
import { KVHttpError } from './kv-http-error.ts'
import { toMultipart } from './multipart.ts'
import type { NamespaceAddress } from './namespace-address.ts'
import { decodePageStart, encodePageStart } from './page-cursor.ts'

/** Of a 404 because the key is not there. Every other 404 is a fault. */
const keyNotFoundCode = 10_009
const minApiListKeys = 10
/** How often bytes are read again because their metadata changed meanwhile. */
const maxPairReads = 5

const missing = Symbol('missing')

/** KV's REST API as what a binding stands on. */
export class HttpKVBackend implements KVBackend<KVRequestName> {
  readonly #api: CloudflareApi
  readonly #address: NamespaceAddress

  constructor(api: CloudflareApi, address: NamespaceAddress) {
    this.#api = api
    this.#address = address
  }

  readonly now = (): number => this.#api.settings.now()

  begin({ request }: BindingRequest): KVRequestName {
    return request
  }

  // The API has no cache that could be told how long, so `cacheTtl` is checked and has no effect.
  async read(
    _request: KVRequestName,
    key: string,
    { withMetadata, type = 'text' }: ReadForm & { readonly type: string | undefined },
  ): ReturnType<KVBackend<KVRequestName>['read']> {
    const cacheStatus = null
    if (!withMetadata) {
      return { value: await this.#readValue(key, type), metadata: null, cacheStatus }
    }
    if (type === 'text' || type === 'json') {
      const found = await this.#readText(key)
      if (found !== undefined) {
        if (found === null) return { value: null, metadata: null, cacheStatus }
        return { value: textValue(found.text), metadata: found.metadata, cacheStatus }
      }
    }
    return { ...(await this.#readPair(key, type)), cacheStatus }
  }

  async readMany(
    _request: KVRequestName,
    keys: readonly string[],
    { withMetadata }: ReadForm,
  ): Promise<(BulkEntry | null)[]> {
    if (keys.length === 0) return []
    const values = await this.#readBulk([...new Set(keys)], withMetadata)
    return Promise.all(
      keys.map(async (key) => {
        const found = toBulkEntry(values, { key, withMetadata })
        // Not answered, which is not the same as missing.
        return found === undefined ? this.#readSingly(key) : found
      }),
    )
  }

  assertBulkSize(): void {
    // The API counts the bytes, of which it alone has all.
  }

  async write(_request: KVRequestName, key: string, entry: WrittenEntry): Promise<void> {
    const { value, metadataJson, expirationSeconds, expirationTtlSeconds } = entry
    const { bytes } = value
    const content =
      metadataJson === undefined
        ? { contentType: 'application/octet-stream', body: bytes }
        : toMultipart(bytes, metadataJson)
    const hasTtl = expirationTtlSeconds !== undefined
    await this.#call({
      request: 'PUT',
      operation: 'write',
      method: 'PUT',
      path: `/values/${encodeURIComponent(key)}`,
      query: {
        // A TTL counts from the clock of KV and not from that of this machine.
        expiration_ttl: expirationTtlSeconds,
        expiration: hasTtl ? undefined : expirationSeconds,
      },
      ...content,
      read: acknowledge,
    })
  }

  async delete(_request: KVRequestName, key: string): Promise<void> {
    await this.#call<unknown>({
      request: 'DELETE',
      operation: 'delete',
      method: 'DELETE',
      path: `/values/${encodeURIComponent(key)}`,
      read: acknowledge,
      refused: toMissing,
    })
  }

  async list(
    _request: KVRequestName,
    page: { readonly prefix: string; readonly cursor: string; readonly limit: number },
  ): Promise<BindingPage> {
    const { prefix, limit } = page
    let { apiCursor, afterKey } = decodePageStart(page.cursor)
    for (;;) {
      const { keys, cursor } = await this.#listPage({ prefix, cursor: apiCursor, limit })
      const after = afterKey
      const rest =
        after === undefined ? keys : keys.filter(({ name }) => compareUtf8(name, after) > 0)
      const given = rest.slice(0, limit)
      if (given.length < rest.length) {
        const next = encodePageStart({ apiCursor, afterKey: given.at(-1)?.name })
        return { keys: given, cursor: next }
      }
      // A page of a binding may be empty too; but one that was looked at before is not told of again.
      const isSkipped = given.length === 0 && keys.length > 0
      if (!isSkipped || cursor === '') return { keys: given, cursor: cursor === '' ? null : cursor }
      apiCursor = cursor
      afterKey = undefined
    }
  }

  async #listPage(page: {
    readonly prefix: string
    readonly cursor: string
    readonly limit: number
  }): Promise<{ readonly keys: readonly KVNamespaceListKey<unknown>[]; readonly cursor: string }> {
    return this.#call({
      request: 'LIST',
      operation: 'list',
      method: 'GET',
      path: '/keys',
      query: {
        limit: Math.max(minApiListKeys, page.limit),
        prefix: page.prefix || undefined,
        cursor: page.cursor || undefined,
      },
      read: async (attempt) => {
        const { result, resultInfo } = await attempt.result()
        const { cursor } = resultInfo
        return {
          keys: result as KVNamespaceListKey<unknown>[],
          cursor: typeof cursor === 'string' ? cursor : '',
        }
      },
    })
  }

  /** @returns `null` when there is none. */
  async #readValue(key: string, type: string): Promise<FoundValue | null> {
    const found = await this.#call<FoundValue | typeof missing>({
      request: 'GET',
      operation: 'read',
      method: 'GET',
      path: `/values/${encodeURIComponent(key)}`,
      read: async (attempt) => {
        attempt.assertValue()
        return type === 'stream' ? streamValue(attempt) : bytesValue(await attempt.bytes())
      },
      refused: toMissing,
    })
    return found === missing ? null : found
  }

  /** Text and metadata of one version. @returns `undefined` when the answer has neither them nor that they are missing. */
  async #readText(key: string): Promise<BulkEntry | null | undefined> {
    return toBulkEntry(await this.#readBulk([key], true), { key, withMetadata: true })
  }

  async #readBulk(keys: readonly string[], withMetadata: boolean): Promise<object> {
    const answer = await this.#call<object | 'too large'>({
      request: 'GET_BULK',
      operation: 'read',
      method: 'POST',
      path: '/bulk/get',
      contentType: 'application/json',
      // Always as text: what is no JSON is then told in the words of the binding.
      body: encodeBody({ keys, type: 'text', withMetadata }),
      read: async (attempt) => {
        const { values } = Object((await attempt.result()).result) as { values?: object }
        return values ?? {}
      },
      refused: ({ status }) => (status === 413 ? { value: 'too large' } : undefined),
    })
    if (answer === 'too large') throw bulkReadTooLarge()
    return answer
  }

  async #readSingly(key: string): Promise<BulkEntry | null> {
    const { value, metadata } = await this.#readPair(key, 'text')
    return value === null ? null : { text: await value.text(), metadata }
  }

  /** Value and metadata have an address each. They belong together when the metadata was the same before and after. */
  async #readPair(
    key: string,
    type: string,
  ): Promise<{ readonly value: FoundValue | null; readonly metadata: unknown }> {
    let before = await this.#readMetadata(key)
    for (let reads = 0; reads < maxPairReads; reads++) {
      const value = before === missing ? null : await this.#readValue(key, type)
      if (value === null) return { value: null, metadata: null }
      const after = await this.#readMetadata(key)
      if (JSON.stringify(before) === JSON.stringify(after) && after !== missing) {
        return { value, metadata: after }
      }
      value.discard()
      before = after
    }
    throw new KVHttpError('KV GET failed: the metadata changed with every read', {
      code: 'unavailable',
      operation: 'read',
      retryable: true,
    })
  }

  #readMetadata(key: string): Promise<unknown> {
    return this.#call<unknown>({
      request: 'METADATA',
      operation: 'read',
      method: 'GET',
      path: `/metadata/${encodeURIComponent(key)}`,
      read: async (attempt) => (await attempt.result()).result,
      refused: toMissing,
    })
  }

  #call<T>(call: ApiCall<T>): Promise<T> {
    return this.#address.call(this.#api, call)
  }
}

async function acknowledge(attempt: Attempt): Promise<void> {
  await attempt.result()
}

function toMissing({
  status,
  cloudflareCode,
}: Refusal): { readonly value: typeof missing } | undefined {
  return status === 404 && cloudflareCode === keyNotFoundCode ? { value: missing } : undefined
}

function encodeBody(value: unknown): Uint8Array<ArrayBuffer> {
  return encodeText(JSON.stringify(value))
}

/** @returns `undefined` when the answer does not speak of the key. */
function toBulkEntry(
  values: object,
  { key, withMetadata }: { readonly key: string; readonly withMetadata: boolean },
): BulkEntry | null | undefined {
  if (!Object.hasOwn(values, key)) return undefined
  const answer = (values as Readonly<Record<string, unknown>>)[key]
  if (answer === null) return null
  if (!withMetadata)
    return typeof answer === 'string' ? { text: answer, metadata: null } : undefined
  const { value, metadata = null } = Object(answer) as { value?: unknown; metadata?: unknown }
  return typeof value === 'string' ? { text: value, metadata } : undefined
}

function bytesValue(bytes: Uint8Array<ArrayBuffer>): FoundValue {
  return {
    text: () => decodeText(bytes),
    bytes: () => bytes,
    stream: () => new Response(bytes).body,
    discard: () => undefined,
  }
}

function textValue(text: string): FoundValue {
  const bytes = (): Uint8Array<ArrayBuffer> => encodeText(text)
  return { ...bytesValue(new Uint8Array()), bytes, text: () => text }
}

/** Only ever asked for as a stream. */
function streamValue(attempt: Attempt): FoundValue {
  const stream = attempt.stream('GET')
  return {
    ...bytesValue(new Uint8Array()),
    stream: () => stream,
    discard: () => {
      attempt.discard()
    },
  }
}
