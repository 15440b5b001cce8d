import { kvLimits } from '../kv/kv-limits.ts'
import { decodeCursor, encodeCursor, throughBytes } from './binding-text.ts'
import { assertBulkForm, assertBulkSize, toBulkAnswer, toBulkMap } from './bulk-answer.ts'
import type { StoredEntry } from './central-store.ts'
import {
  type ReadMethod,
  toDeleteArguments,
  toListArguments,
  toReadArguments,
  toWriteArguments,
} from './kv-arguments.ts'
import {
  assertBindingKey,
  assertBulkKey,
  assertCacheTtl,
  assertKeyLength,
  assertListLimit,
  assertMetadataSize,
  assertPathKey,
  failedWithStatus,
  toExpirationSeconds,
} from './kv-responses.ts'
import type { LocationStore } from './location-store.ts'
import { readBody, takeBody } from './put-body.ts'

const illegalInvocation =
  'Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.'

interface SingleResult {
  readonly value: unknown
  readonly metadata: unknown
  readonly cacheStatus: string | null
}

interface ReadOptions {
  readonly type: string | undefined
  readonly cacheTtlSeconds: number | undefined
}

/** The binding, as the runtime behaves: what it converts, checks and throws, and when. */
class SimulatedKV {
  readonly [Symbol.toStringTag] = 'KvNamespace'
  readonly #store: LocationStore

  constructor(store: LocationStore) {
    this.#store = store
  }

  get(...args: unknown[]): Promise<unknown> {
    SimulatedKV.#assertReceiver(this)
    const { key, ...options } = toReadArguments('get', args)
    if (typeof key !== 'string') return this.#readMany('get', key, options)
    return this.#readOne(key, options).then(({ value }) => value)
  }

  getWithMetadata(...args: unknown[]): Promise<unknown> {
    SimulatedKV.#assertReceiver(this)
    const { key, ...options } = toReadArguments('getWithMetadata', args)
    if (typeof key !== 'string') return this.#readMany('getWithMetadata', key, options)
    // Of all methods only this one throws at the call.
    assertBindingKey('GET', key)
    return this.#readOne(key, options)
  }

  put(...args: unknown[]): Promise<void> {
    SimulatedKV.#assertReceiver(this)
    return this.#put(args)
  }

  delete(...args: unknown[]): Promise<void> {
    SimulatedKV.#assertReceiver(this)
    return this.#delete(args)
  }

  list(...args: unknown[]): Promise<unknown> {
    SimulatedKV.#assertReceiver(this)
    return this.#list(args)
  }

  /** Static, because a method that was taken off its namespace has no `this`. */
  static #assertReceiver(receiver: SimulatedKV | undefined): void {
    if (receiver === undefined || !(#store in receiver)) throw new TypeError(illegalInvocation)
  }

  async #readOne(key: string, options: ReadOptions): Promise<SingleResult> {
    assertBindingKey('GET', key)
    const call = this.#store.begin('read', { request: 'GET', names: [key] })
    assertPathKey('GET', key)
    const { type = 'text', cacheTtlSeconds = kvLimits.defaultCacheTtlSeconds } = options
    assertCacheTtl('GET', cacheTtlSeconds)
    const [answer] = await this.#store.read(call, [key], cacheTtlSeconds)
    const cached = answer?.isCached === true ? 'HIT' : 'MISS'
    const cacheStatus = this.#store.hasCaches ? cached : null
    const entry = answer?.entry ?? null
    if (entry === null) return { value: null, metadata: null, cacheStatus }
    const { metadataJson = 'null' } = entry
    return {
      value: toValue(entry, type),
      metadata: JSON.parse(metadataJson) as unknown,
      cacheStatus,
    }
  }

  async #readMany(
    method: ReadMethod,
    keys: readonly string[],
    options: ReadOptions,
  ): Promise<Map<string, unknown>> {
    const names = keys.map(throughBytes)
    const call = this.#store.begin('read', { request: 'GET_BULK', names })
    assertBulkForm(options.type, names.length)
    const { type, cacheTtlSeconds = kvLimits.defaultCacheTtlSeconds } = options
    // KV takes key after key: a value that fails before a key that is refused decides.
    const refused = findRefused(names, cacheTtlSeconds)
    const accepted = refused === null ? names : names.slice(0, refused.at)
    const answers = await this.#store.read(call, accepted, cacheTtlSeconds)
    const form = { isJson: type === 'json', withMetadata: method === 'getWithMetadata' }
    const values = answers.map(({ entry }) => toBulkAnswer(entry, form))
    if (refused !== null) throw refused.error
    assertBulkSize(answers.map(({ entry }) => entry))
    return toBulkMap(names.map((name, at) => [name, values[at]]))
  }

  async #put(args: readonly unknown[]): Promise<void> {
    const { key, body, metadata, ...expiry } = toWriteArguments(args)
    assertBindingKey('PUT', key)
    const hasMetadata = metadata !== undefined && metadata !== null
    // Functions and symbols have no JSON text, whatever the types say.
    const metadataJson = hasMetadata ? (JSON.stringify(metadata) as string | undefined) : undefined
    const taken = takeBody(body)
    const call = this.#store.begin('write', { request: 'PUT', names: [key] })
    assertPathKey('PUT', key)
    const nowSeconds = Math.floor(this.#store.now() / 1000)
    const expirationSeconds = toExpirationSeconds({ ...expiry, nowSeconds })
    if (hasMetadata && metadataJson === undefined) throw failedWithStatus('PUT', 500)
    if (metadataJson !== undefined) assertMetadataSize(metadataJson)
    const value = await readBody(taken)
    await this.#store.write(call, key, { value, metadataJson, expirationSeconds })
  }

  async #delete(args: readonly unknown[]): Promise<void> {
    const key = toDeleteArguments(args)
    assertBindingKey('DELETE', key)
    const call = this.#store.begin('delete', { request: 'DELETE', names: [key] })
    assertPathKey('DELETE', key)
    await this.#store.write(call, key, null)
  }

  async #list(args: readonly unknown[]): Promise<unknown> {
    const options = toListArguments(args)
    const prefix = throughBytes(options.prefix ?? '')
    const call = this.#store.begin('list', { request: 'GET', names: [prefix] })
    // No limit, 0 and less are all the default.
    const limit = Math.max(0, options.limit ?? 0) || kvLimits.maxListKeys
    assertListLimit(limit)
    assertKeyLength('GET', prefix)
    const after = decodeCursor(options.cursor ?? '')
    const page = await this.#store.list(call, { prefix, after, limit })
    const keys = page.keys.map(({ key, entry }) => toListKey(key, entry))
    const cacheStatus = null
    return page.after === null
      ? { keys, list_complete: true, cacheStatus }
      : { keys, list_complete: false, cursor: encodeCursor(page.after), cacheStatus }
  }
}

/** A namespace seen from one location. */
export function createSimulatedKV(store: LocationStore): KVNamespace {
  // KVNamespace is some twenty overloads of get and getWithMetadata, which no class can satisfy.
  return new SimulatedKV(store) as unknown as KVNamespace
}

function toValue({ value }: StoredEntry, type: string): unknown {
  switch (type) {
    case 'text':
      return value.text
    case 'json':
      return JSON.parse(value.text) as unknown
    case 'arrayBuffer':
      return value.bytes.slice().buffer
    case 'stream':
      return new Response(value.bytes.slice()).body
    default:
      throw new TypeError(
        'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
      )
  }
}

function toListKey(name: string, entry: StoredEntry): KVNamespaceListKey<unknown> {
  const { expirationSeconds, metadataJson } = entry
  return {
    name,
    ...(expirationSeconds !== undefined && { expiration: expirationSeconds }),
    ...(metadataJson !== undefined && { metadata: JSON.parse(metadataJson) as unknown }),
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
