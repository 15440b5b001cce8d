import { throughBytes } from './binding-text.ts'
import {
  assertBulkForm,
  type BulkEntry,
  type BulkForm,
  toBulkAnswer,
  toBulkMap,
} from './bulk-answer.ts'
import {
  type ReadMethod,
  toDeleteArguments,
  toListArguments,
  toReadArguments,
  toWriteArguments,
} from './kv-arguments.ts'
import { kvLimits } from './kv-limits.ts'
import {
  assertBindingKey,
  assertBulkKey,
  assertCacheTtl,
  assertKeyLength,
  assertListLimit,
  assertMetadataSize,
  assertPathKey,
  failedWithStatus,
  type KVRequestName,
  toExpirationSeconds,
} from './kv-responses.ts'
import type { KVOperation } from './metered-kv.ts'
import { readBody, takeBody } from './put-body.ts'
import type { StoredValue } from './stored-value.ts'

const illegalInvocation =
  'Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.'

/** A call that has passed what the runtime checks before it asks KV. */
export interface BindingRequest {
  readonly type: KVOperation['type']
  readonly request: KVRequestName
  /** Its keys, or the prefix of a list. */
  readonly names: readonly string[]
}

/** A value that was found, before somebody has said in which form it is wanted. */
export interface FoundValue {
  text(): string | Promise<string>
  bytes(): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>
  stream(): ReadableStream | null
  /** Nobody wants it. */
  discard(): void
}

interface FoundEntry {
  /** `null`: there is none. */
  readonly value: FoundValue | null
  readonly metadata: unknown
  readonly cacheStatus: string | null
}

export interface ReadForm {
  readonly cacheTtlSeconds: number
  readonly withMetadata: boolean
}

export interface WrittenEntry {
  readonly value: StoredValue
  /** `undefined`: none. */
  readonly metadataJson: string | undefined
  /** When it expires, in seconds of the epoch. */
  readonly expirationSeconds: number | undefined
  /** As it was passed: it decides, where both are there. */
  readonly expirationTtlSeconds: number | undefined
}

export interface BindingPage {
  readonly keys: readonly KVNamespaceListKey<unknown>[]
  /** Where the next page starts. `null`: there is none. */
  readonly cursor: string | null
}

/** Where a {@link BindingKV} has its entries. What it is called with has passed every check but its own. */
export interface KVBackend<Call> {
  readonly now: () => number
  /** A call leaves the Worker, also one that is refused afterwards. */
  begin(request: BindingRequest): Call
  read(
    call: Call,
    key: string,
    form: ReadForm & { readonly type: string | undefined },
  ): Promise<FoundEntry>
  /** @param keys May be none, where the first one was refused. */
  readMany(call: Call, keys: readonly string[], form: ReadForm): Promise<(BulkEntry | null)[]>
  /** @throws {Error} When they are more than 25 MiB. */
  assertBulkSize(entries: readonly (BulkEntry | null)[]): void
  write(call: Call, key: string, entry: WrittenEntry): Promise<void>
  delete(call: Call, key: string): Promise<void>
  list(
    call: Call,
    page: { readonly prefix: string; readonly cursor: string; readonly limit: number },
  ): Promise<BindingPage>
}

interface ReadOptions {
  readonly type: string | undefined
  readonly cacheTtlSeconds: number | undefined
}

interface SingleResult {
  readonly value: unknown
  readonly metadata: unknown
  readonly cacheStatus: string | null
}

/** The binding, as the runtime behaves: what it converts, checks and throws, and when. */
export class BindingKV<Call> {
  readonly [Symbol.toStringTag] = 'KvNamespace'
  readonly #backend: KVBackend<Call>

  constructor(backend: KVBackend<Call>) {
    this.#backend = backend
  }

  get(...args: unknown[]): Promise<unknown> {
    BindingKV.#assertReceiver(this)
    const { key, ...options } = toReadArguments('get', args)
    if (typeof key !== 'string') return this.#readMany('get', key, options)
    return this.#readOne('get', key, options).then(({ value }) => value)
  }

  getWithMetadata(...args: unknown[]): Promise<unknown> {
    BindingKV.#assertReceiver(this)
    const { key, ...options } = toReadArguments('getWithMetadata', args)
    if (typeof key !== 'string') return this.#readMany('getWithMetadata', key, options)
    // Of all methods only this one throws at the call.
    assertBindingKey('GET', key)
    return this.#readOne('getWithMetadata', key, options)
  }

  put(...args: unknown[]): Promise<void> {
    BindingKV.#assertReceiver(this)
    return this.#put(args)
  }

  delete(...args: unknown[]): Promise<void> {
    BindingKV.#assertReceiver(this)
    return this.#delete(args)
  }

  list(...args: unknown[]): Promise<unknown> {
    BindingKV.#assertReceiver(this)
    return this.#list(args)
  }

  /** Static, because a method that was taken off its namespace has no `this`. */
  static #assertReceiver(receiver: BindingKV<unknown> | undefined): void {
    if (receiver === undefined || !(#backend in receiver)) throw new TypeError(illegalInvocation)
  }

  async #readOne(method: ReadMethod, key: string, options: ReadOptions): Promise<SingleResult> {
    assertBindingKey('GET', key)
    const call = this.#backend.begin({ type: 'read', request: 'GET', names: [key] })
    assertPathKey('GET', key)
    const { type, cacheTtlSeconds = kvLimits.defaultCacheTtlSeconds } = options
    assertCacheTtl('GET', cacheTtlSeconds)
    const withMetadata = method === 'getWithMetadata'
    const form = { cacheTtlSeconds, type, withMetadata }
    const { value, metadata, cacheStatus } = await this.#backend.read(call, key, form)
    if (value === null) return { value: null, metadata: null, cacheStatus }
    return { value: await toValue(value, type), metadata, cacheStatus }
  }

  async #readMany(
    method: ReadMethod,
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<Map<string, unknown>> {
    const names = keys.map(throughBytes)
    const call = this.#backend.begin({ type: 'read', request: 'GET_BULK', names })
    assertBulkForm(options.type, names.length)
    const { type, cacheTtlSeconds = kvLimits.defaultCacheTtlSeconds } = options
    // KV takes key after key: a value that fails before a key that is refused decides.
    const refused = findRefused(names, cacheTtlSeconds)
    const accepted = refused === null ? names : names.slice(0, refused.at)
    const form: BulkForm = {
      isJson: type === 'json',
      withMetadata: method === 'getWithMetadata',
    }
    const entries = await this.#backend.readMany(call, accepted, {
      cacheTtlSeconds,
      withMetadata: form.withMetadata,
    })
    const values = entries.map((entry) => toBulkAnswer(entry, form))
    if (refused !== null) throw refused.error
    this.#backend.assertBulkSize(entries)
    return toBulkMap(names.map((name, at) => [name, values[at]]))
  }

  async #put(args: readonly unknown[]): Promise<void> {
    const taken = takeWrite(args)
    const call = this.#backend.begin({ type: 'write', request: 'PUT', names: [taken.key] })
    const { key, body, ...entry } = checkWrite(taken, this.#backend.now())
    await this.#backend.write(call, key, { ...entry, value: await readBody(body) })
  }

  async #delete(args: readonly unknown[]): Promise<void> {
    const key = toDeleteArguments(args)
    assertBindingKey('DELETE', key)
    const call = this.#backend.begin({ type: 'delete', request: 'DELETE', names: [key] })
    assertPathKey('DELETE', key)
    await this.#backend.delete(call, key)
  }

  async #list(args: readonly unknown[]): Promise<unknown> {
    const options = toListArguments(args)
    const prefix = throughBytes(options.prefix ?? '')
    const call = this.#backend.begin({ type: 'list', request: 'GET', names: [prefix] })
    // No limit, 0 and less are all the default.
    const limit = Math.max(0, options.limit ?? 0) || kvLimits.maxListKeys
    assertListLimit(limit)
    assertKeyLength('GET', prefix)
    const page = { prefix, cursor: options.cursor ?? '', limit }
    const { keys, cursor } = await this.#backend.list(call, page)
    return cursor === null
      ? { keys, list_complete: true, cacheStatus: null }
      : { keys, list_complete: false, cursor, cacheStatus: null }
  }
}

/** A namespace over a backend, with the type that bindings have. */
export function createBindingKV<Call>(backend: KVBackend<Call>): KVNamespace {
  // KVNamespace is some twenty overloads of get and getWithMetadata, which no class can satisfy.
  return new BindingKV(backend) as unknown as KVNamespace
}

interface TakenWrite {
  readonly key: string
  readonly body: StoredValue | ReadableStream
  readonly hasMetadata: boolean
  readonly metadataJson: string | undefined
  readonly expirationSeconds: number | undefined
  readonly expirationTtlSeconds: number | undefined
}

/** What the runtime does with the arguments of a put before it asks KV. */
export function takeWrite(args: readonly unknown[]): TakenWrite {
  const { body, metadata, ...write } = toWriteArguments(args)
  assertBindingKey('PUT', write.key)
  const hasMetadata = metadata !== undefined && metadata !== null
  // Functions and symbols have no JSON text, whatever the types say.
  const metadataJson = hasMetadata ? (JSON.stringify(metadata) as string | undefined) : undefined
  return { ...write, hasMetadata, metadataJson, body: takeBody(body) }
}

/** What KV checks of a write before it reads the value. */
export function checkWrite(
  taken: TakenWrite,
  nowMs: number,
): Omit<WrittenEntry, 'value'> & Pick<TakenWrite, 'key' | 'body'> {
  const { hasMetadata, ...write } = taken
  assertPathKey('PUT', write.key)
  const nowSeconds = Math.floor(nowMs / 1000)
  const expirationSeconds = toExpirationSeconds({ ...write, nowSeconds })
  if (hasMetadata && write.metadataJson === undefined) throw failedWithStatus('PUT', 500)
  if (write.metadataJson !== undefined) assertMetadataSize(write.metadataJson)
  return { ...write, expirationSeconds }
}

async function toValue(found: FoundValue, type = 'text'): Promise<unknown> {
  switch (type) {
    case 'text':
      return found.text()
    case 'json':
      return JSON.parse(await found.text()) as unknown
    case 'arrayBuffer':
      return (await found.bytes()).slice().buffer
    case 'stream':
      return found.stream()
    default:
      found.discard()
      throw new TypeError(
        'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
      )
  }
}

function findRefused(
  names: readonly string[],
  cacheTtlSeconds: number,
): { readonly at: number; readonly error: unknown } | null {
  for (const [at, name] of names.entries()) {
    try {
      assertBulkKey(name)
      assertCacheTtl('GET_BULK', cacheTtlSeconds)
    } catch (error) {
      return { at, error }
    }
  }
  return null
}
