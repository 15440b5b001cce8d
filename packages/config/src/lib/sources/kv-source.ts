import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import {
  bodyKeyPrefix,
  maxDocumentBytes,
  readConfigDocument,
  toBodyKey,
} from '../read-config-document.ts'
import { listKeys, type ReadableKV, readValue, readValues } from './kv-values.ts'
import { notFound, toSourceError } from './source-error.ts'
import { maxTextBytes, toSyntax } from './source-text.ts'
import { tooLarge } from './source-error.ts'
import { untilAborted } from './until-aborted.ts'

export interface KVSourceOptions {
  /** What the source is called in messages and in `explain`, without credentials. Default `kv:` and the key. */
  readonly uri?: string
  /**
   * Names this reader where a release is rolled out: a pod, a tenant, a machine. The same one always gets the same release. Default: none, which
   * keeps the stable release until the candidate is promoted.
   */
  readonly unit?: string
  /**
   * The version seen before, from 0: a lower one is refused as `outdated`, and what is no published document as `corrupt`. As a
   * function it is asked at each load. Default 0.
   */
  readonly minVersion?: number | (() => number)
  /** How long a location of KV may serve what it has, in seconds from 30. Default: KV's own, which is 60. KV over HTTP has no cache. */
  readonly cacheTtlSeconds?: number
}

/** One key; or all that begin with a prefix, merged in the order of their names. */
export type KVSourceKey = string | { readonly key: string } | { readonly prefix: string }

/**
 * A configuration in Workers KV: a published document, or a plain text of YAML or JSON.
 *
 * A load is one read of KV, and a second one where a published body is larger than 64 KiB and was not read before. KV is eventually
 * consistent: a change may be seen 60 seconds later or more, and an older version after a newer one (see `minVersion`; a `ConfigClient` looks at that by itself). Of
 * a published document the reader's release is handed out when all of it is there and its hash is right; there is no part of one. Values are UTF-8
 * and have 1 MiB at most, and there are 1,000 keys at most under a prefix.
 *
 * @param kv A binding, KV over HTTP, or a simulated location.
 * @param key A key. One that ends in `*` is a prefix: all keys that begin with what is before are merged in the order of their names, a read for each 100. For a key
 * that really ends in `*`, pass `{ key }`.
 * @throws {TypeError | RangeError} When the key cannot be one, or an option is out of range.
 *
 * @example
 * ```ts
 * import { env } from 'cloudflare:workers'
 * import { kvSource } from '@codex/config'
 *
 * const source = kvSource(env.CONFIG_KV, 'production/web', { unit: 'tenant-7' })
 * ```
 */
export function kvSource(
  kv: KVNamespace,
  key: KVSourceKey,
  options: KVSourceOptions = {},
): ConfigSource {
  return new KVSource(kv, toTarget(key), options)
}

interface Target {
  readonly name: string
  readonly isPrefix: boolean
}

class KVSource implements ConfigSource {
  readonly uri: string
  readonly #kv: KVNamespace
  readonly #target: Target
  readonly #options: KVSourceOptions
  /** The bodies that the last load used, by their hashes: they never change. */
  #bodies: ReadonlyMap<string, string> = new Map()

  constructor(kv: KVNamespace, target: Target, options: KVSourceOptions) {
    const { cacheTtlSeconds = 30 } = options
    if (!Number.isSafeInteger(cacheTtlSeconds) || cacheTtlSeconds < 30) {
      throw new RangeError(
        `Cannot create KV source: cacheTtlSeconds must be an integer from 30, received ${cacheTtlSeconds}`,
      )
    }
    this.#kv = kv
    this.#target = target
    this.#options = options
    this.uri = options.uri ?? `kv:${encodeKey(target.name)}${target.isPrefix ? '*' : ''}`
  }

  async load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    try {
      signal.throwIfAborted()
      return await untilAborted(this.#load(signal), signal)
    } catch (error) {
      throw toSourceError(this.uri, error, signal)
    }
  }

  async #load(signal: AbortSignal): Promise<readonly SourceDocument[]> {
    const { uri } = this
    const { cacheTtlSeconds } = this.#options
    const kv: ReadableKV = { kv: withSignal(this.#kv, signal), cacheTtlSeconds }
    const bodies = new Map<string, string>()
    const { name, isPrefix } = this.#target
    const limits = { maxBytes: maxDocumentBytes }
    let documents: SourceDocument[]
    if (isPrefix) {
      const names = (await listKeys(kv, { uri, prefix: name })).filter(
        (key) => !key.startsWith(bodyKeyPrefix),
      )
      if (names.length === 0) throw notFound(uri)
      const uriOf = (key: string): string =>
        `${uri.replace(/\*$/, '')}${encodeKey(key.slice(name.length))}`
      const texts = await readValues(kv, names, { uriOf, ...limits })
      documents = await Promise.all(
        names.map((key, index) =>
          this.#toDocument(kv, { uri: uriOf(key), key, text: texts[index] ?? '', bodies }),
        ),
      )
    } else {
      const text = await readValue(kv, name, { uri, ...limits })
      if (text === null) throw notFound(uri)
      documents = [await this.#toDocument(kv, { uri, key: name, text, bodies })]
    }
    this.#bodies = bodies
    return documents
  }

  async #toDocument(
    kv: ReadableKV,
    found: {
      readonly uri: string
      readonly key: string
      readonly text: string
      readonly bodies: Map<string, string>
    },
  ): Promise<SourceDocument> {
    const { uri, key, text, bodies } = found
    const { unit, minVersion = 0 } = this.#options
    const published = await readConfigDocument(text, {
      uri,
      unit,
      minVersion: typeof minVersion === 'function' ? minVersion() : minVersion,
      readBody: async (sha256) =>
        this.#bodies.get(sha256) ??
        (await readValue(kv, toBodyKey(sha256), { uri, maxBytes: maxTextBytes })),
    })
    if (published === null) {
      if (new TextEncoder().encode(text).byteLength > maxTextBytes)
        throw tooLarge(uri, maxTextBytes)
      return { uri, text, ...toSyntax(key) }
    }
    const { document, release } = published
    if (release.body === undefined) bodies.set(release.sha256, published.text)
    return { uri, text: published.text, syntax: release.syntax, version: document.version }
  }
}

function toTarget(key: KVSourceKey): Target {
  const target: Target =
    typeof key !== 'string'
      ? 'prefix' in key
        ? { name: key.prefix, isPrefix: true }
        : { name: key.key, isPrefix: false }
      : key.endsWith('*')
        ? { name: key.slice(0, -1), isPrefix: true }
        : { name: key, isPrefix: false }
  const { name, isPrefix } = target
  const bytes = new TextEncoder().encode(name).byteLength
  const isKey = isPrefix || (name !== '' && name !== '.' && name !== '..')
  if (!isKey || bytes > 512 || !name.isWellFormed()) {
    throw new TypeError(
      `Cannot create KV source: key must be of 1 to 512 bytes and not "." or "..", received ${bytes} bytes`,
    )
  }
  return target
}

/** As in a URI: what a key holds of `%`, `?`, `*` and the like is no syntax there. */
export function encodeKey(key: string): string {
  return key
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll('*', '%2A'))
    .join('/')
}

/** KV over HTTP can end its requests; a binding cannot, and is not waited for. */
function withSignal(kv: KVNamespace, signal: AbortSignal): KVNamespace {
  const { withCallOptions } = kv as {
    withCallOptions?: (options: { signal: AbortSignal }) => KVNamespace
  }
  return typeof withCallOptions === 'function' ? withCallOptions.call(kv, { signal }) : kv
}
