import { type ApiAnswer, ApiFailure, bytesAnswer, success } from './api-answer.ts'
import type { FakeEntry, FakeNamespace } from './fake-namespace.ts'

// What the API does with the entries of one namespace.

export interface RouteRequest {
  readonly method: string
  /** Still encoded, without the namespace. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly contentType: string
  readonly body: Uint8Array
  readonly nowSeconds: number
  /** Which keys of a bulk request fail. */
  readonly failsKey: (key: string) => boolean
}

const noRoute = (): ApiFailure =>
  new ApiFailure(404, { code: 7000, message: 'No route for that URI' })
const invalid = (message: string, status = 400): ApiFailure =>
  new ApiFailure(status, { code: 10001, message })
const keyNotFound = (): ApiFailure =>
  new ApiFailure(404, { code: 10009, message: "get: 'key not found'" })

export async function routeKVRequest(
  namespace: FakeNamespace,
  request: RouteRequest,
): Promise<ApiAnswer> {
  const { method, segments } = request
  const [collection = '', name = ''] = segments
  const route = `${method} ${collection}`
  if (collection === 'bulk') return routeBulk(namespace, request)
  if (route === 'GET keys' && segments.length === 1) return listKeys(namespace, request.query)
  if (segments.length !== 2) throw noRoute()
  const key = decodeKey(name)
  assertKey(key)
  switch (route) {
    case 'GET values':
      return readValue(namespace, key)
    case 'PUT values':
      namespace.put(key, await toEntry(request))
      return success(null)
    case 'DELETE values':
      namespace.delete(key)
      return success(null)
    case 'GET metadata': {
      const entry = namespace.get(key)
      if (entry === null) throw keyNotFound()
      return success(parseMetadata(entry))
    }
    default:
      throw noRoute()
  }
}

function routeBulk(namespace: FakeNamespace, request: RouteRequest): ApiAnswer {
  const route = [request.method, ...request.segments].join(' ')
  const body = parseJson(request.body)
  switch (route) {
    case 'PUT bulk':
      return bulkWrite(namespace, body as readonly BulkPair[], request)
    case 'POST bulk delete':
      return bulkDelete(namespace, body as readonly string[], request)
    case 'POST bulk get':
      return bulkGet(namespace, body as BulkGet)
    default:
      throw noRoute()
  }
}

function decodeKey(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw invalid('Could not URL-decode key name')
  }
}

function assertKey(key: string): void {
  if (key === '') throw invalid('Key names must not be empty')
  if (key === '.' || key === '..') throw invalid('Illegal key name. Please use a different name.')
  const { length } = Buffer.from(key)
  if (length > 512) {
    throw invalid(`UTF-8 encoded length of ${length} exceeds key length limit of 512.`, 414)
  }
}

function readValue(namespace: FakeNamespace, key: string): ApiAnswer {
  const entry = namespace.get(key)
  if (entry === null) throw keyNotFound()
  const { value, expiration } = entry
  return bytesAnswer(value, expiration === undefined ? {} : { expiration: String(expiration) })
}

async function toEntry(request: RouteRequest): Promise<FakeEntry> {
  const { query, nowSeconds, contentType } = request
  const expiration = toExpiration(
    { expiration: query.get('expiration'), ttl: query.get('expiration_ttl') },
    nowSeconds,
  )
  if (!contentType.includes('multipart/form-data'))
    return checkEntry({ value: request.body, expiration })
  const form = await parseForm(request)
  const value = form.get('value')
  if (value === null) throw invalid('Missing value field')
  const bytes = typeof value === 'string' ? Buffer.from(value) : await value.bytes()
  const metadata = form.get('metadata')
  const text = metadata instanceof Blob ? await metadata.text() : metadata
  const metadataJson = text === null ? undefined : JSON.stringify(parseJson(Buffer.from(text)))
  return checkEntry({ value: bytes, metadataJson, expiration })
}

async function parseForm({ body, contentType }: RouteRequest): Promise<FormData> {
  try {
    const bytes = new Uint8Array(body)
    // Deprecated for servers that take bodies from strangers.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw invalid('Could not parse multipart body')
  }
}

function checkEntry(entry: FakeEntry): FakeEntry {
  if (entry.value.byteLength > 26_214_400) {
    const { byteLength } = entry.value
    throw invalid(`Value length of ${byteLength} exceeds limit of 26214400.`, 413)
  }
  const { length } = Buffer.from(entry.metadataJson ?? '')
  if (length > 1024) throw invalid(`Metadata length of ${length} exceeds limit of 1024.`, 413)
  return entry
}

function toExpiration(
  given: { readonly expiration: string | null; readonly ttl: string | null },
  nowSeconds: number,
): number | undefined {
  if (given.ttl !== null) {
    const ttl = Number(given.ttl)
    if (!(Number.isInteger(ttl) && ttl >= 60)) {
      throw invalid(`Invalid expiration_ttl of ${given.ttl}. Expiration TTL must be at least 60.`)
    }
    return nowSeconds + ttl
  }
  if (given.expiration === null) return undefined
  const expiration = Number(given.expiration)
  if (!(Number.isInteger(expiration) && expiration >= nowSeconds + 60)) {
    throw invalid(
      `Invalid expiration of ${given.expiration}. Expiration times must be at least 60 seconds in the future.`,
    )
  }
  return expiration
}

function listKeys(namespace: FakeNamespace, query: URLSearchParams): ApiAnswer {
  const limit = Number(query.get('limit') ?? 1000)
  if (!(limit >= 10 && limit <= 1000)) {
    throw new ApiFailure(400, { code: 10029, message: 'limit must be between 10 and 1000' })
  }
  const prefix = query.get('prefix') ?? ''
  const { keys, cursor } = namespace.list({ prefix, cursor: query.get('cursor') ?? '', limit })
  const result = keys.map(({ name, entry }) => ({
    name,
    expiration: entry.expiration,
    metadata: entry.metadataJson === undefined ? undefined : parseMetadata(entry),
  }))
  return success(result, { resultInfo: { count: result.length, cursor } })
}

interface BulkPair {
  readonly key: string
  readonly value: string
  readonly base64?: boolean
  readonly expiration?: number
  readonly expiration_ttl?: number
  readonly metadata?: unknown
}

function bulkWrite(
  namespace: FakeNamespace,
  pairs: readonly BulkPair[],
  request: RouteRequest,
): ApiAnswer {
  if (pairs.length > 10_000) throw invalid('More than 10000 pairs')
  if (request.body.byteLength > 100_000_000) throw invalid('Request over 100 MB', 413)
  const entries = pairs.map((pair): readonly [string, FakeEntry] => {
    assertKey(pair.key)
    const { expiration, expiration_ttl: ttl, metadata } = pair
    const times = {
      expiration: expiration === undefined ? null : String(expiration),
      ttl: ttl === undefined ? null : String(ttl),
    }
    const entry = {
      value: Buffer.from(pair.value, pair.base64 === true ? 'base64' : 'utf8'),
      metadataJson: metadata === undefined ? undefined : JSON.stringify(metadata),
      expiration: toExpiration(times, request.nowSeconds),
    }
    return [pair.key, checkEntry(entry)]
  })
  if (new Set(pairs.map(({ key }) => key)).size < pairs.length) {
    throw invalid('received duplicate key with different values or expiration parameters')
  }
  const [done, failed] = partition(entries, ([key]) => request.failsKey(key))
  for (const [key, entry] of done) namespace.put(key, entry)
  return bulkResult(
    done.length,
    failed.map(([key]) => key),
  )
}

function bulkDelete(
  namespace: FakeNamespace,
  keys: readonly string[],
  request: RouteRequest,
): ApiAnswer {
  if (keys.length > 10_000) throw invalid('More than 10000 keys')
  for (const key of keys) assertKey(key)
  const [done, failed] = partition(keys, request.failsKey)
  for (const key of done) namespace.delete(key)
  return bulkResult(done.length, failed)
}

function bulkResult(count: number, failed: readonly string[]): ApiAnswer {
  return success({ successful_key_count: count, unsuccessful_keys: failed })
}

interface BulkGet {
  readonly keys: readonly string[]
  readonly type?: 'text' | 'json'
  readonly withMetadata?: boolean
}

function bulkGet(namespace: FakeNamespace, { keys, type, withMetadata }: BulkGet): ApiAnswer {
  if (keys.length < 1 || keys.length > 100) throw invalid('Between 1 and 100 keys')
  for (const key of keys) assertKey(key)
  const entries = keys.map((key) => [key, namespace.get(key)] as const)
  const size = entries.reduce((sum, [, entry]) => sum + (entry?.value.byteLength ?? 0), 0)
  if (size > 26_214_400) throw invalid('Total size of request exceeds the limit of 25MB', 413)
  const values = entries.map(([key, entry]) => {
    if (entry === null) return [key, null] as const
    // Drops a byte order mark, as local KV does.
    const text = new TextDecoder().decode(entry.value)
    const value = type === 'json' ? parseJson(Buffer.from(text)) : text
    return [key, withMetadata === true ? { value, metadata: parseMetadata(entry) } : value] as const
  })
  // From entries, so that `__proto__` is a property as any other.
  return success({ values: Object.fromEntries(values) })
}

function parseMetadata({ metadataJson = 'null' }: FakeEntry): unknown {
  return JSON.parse(metadataJson) as unknown
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown
  } catch {
    throw invalid('Invalid JSON')
  }
}

function partition<T>(items: readonly T[], isSecond: (item: T) => boolean): [T[], T[]] {
  const first: T[] = []
  const second: T[] = []
  for (const item of items) (isSecond(item) ? second : first).push(item)
  return [first, second]
}
