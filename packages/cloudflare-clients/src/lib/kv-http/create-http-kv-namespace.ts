import { BindingKV } from '../kv/binding-kv.ts'
import type { KVRequestName } from '../kv/kv-responses.ts'
import { deleteMany, type KVBulkEntry, putMany } from './bulk-calls.ts'
import type { CloudflareApi } from './cloudflare-api.ts'
import { assertPathPart } from './credentials.ts'
import { HttpKVBackend } from './http-kv-backend.ts'
import {
  createApi,
  type KVHttpCallOptions,
  type KVHttpOptions,
  withCallOptions,
} from './http-kv-options.ts'
import { NamespaceAddress } from './namespace-address.ts'

/** The id of a namespace, or its title, which is looked up at the first call and kept. */
export type KVNamespaceChoice =
  | { readonly namespaceId: string; readonly namespaceTitle?: never }
  | { readonly namespaceTitle: string; readonly namespaceId?: never }

export type HttpKVNamespaceOptions = KVHttpOptions & KVNamespaceChoice

/** A `KVNamespace`, and what the API can beside. */
export interface HttpKVNamespace extends KVNamespace {
  /**
   * Writes any number of entries, 10,000 and 100 MB in a request. Of keys that are there twice the last one counts. What the
   * API says has not succeeded is sent again, and only that.
   *
   * @throws What `put` throws for an entry, before anything is sent.
   * @throws {KVHttpError} With `failedKeys`, those that are not known to be written. All others are.
   */
  putMany(entries: Iterable<KVBulkEntry>): Promise<void>
  /**
   * Deletes any number of keys, 10,000 in a request.
   *
   * @throws {KVHttpError} With `failedKeys`, those that are not known to be deleted. All others are.
   */
  deleteMany(keys: Iterable<string>): Promise<void>
  /** The same namespace with other limits, or with a signal, for some calls. */
  withCallOptions(options: KVHttpCallOptions): HttpKVNamespace
}

class HttpKV extends BindingKV<KVRequestName> {
  readonly #api: CloudflareApi
  readonly #address: NamespaceAddress

  constructor(api: CloudflareApi, address: NamespaceAddress) {
    super(new HttpKVBackend(api, address))
    this.#api = api
    this.#address = address
  }

  putMany(entries: Iterable<KVBulkEntry>): Promise<void> {
    return putMany({ api: this.#api, address: this.#address }, entries)
  }

  deleteMany(keys: Iterable<string>): Promise<void> {
    return deleteMany({ api: this.#api, address: this.#address }, keys)
  }

  withCallOptions(options: KVHttpCallOptions): HttpKVNamespace {
    const api = withCallOptions(this.#api, options, 'choose call options of KV over HTTP')
    return toNamespace(new HttpKV(api, this.#address))
  }
}

/** KVNamespace is some twenty overloads of get and getWithMetadata, which no class can satisfy. */
function toNamespace(kv: HttpKV): HttpKVNamespace {
  return kv as unknown as HttpKVNamespace
}

/**
 * Opens a Workers KV namespace over Cloudflare's REST API, for programs that are no Worker: Node 22 and later, Bun and
 * Deno. Every client of this package runs on it as on a binding.
 *
 * It takes, refuses and gives what a binding does, with the same words. Reads are as consistent as KV is: a change may
 * take 60 seconds or more to be seen. `cacheTtl` is checked and has no effect, `cacheStatus` is `null`. A text and its metadata
 * come from one version. Calls are tried again after timeouts, broken connections, 5xx and 429, until they succeed or
 * the deadline is near; all of them can be repeated safely. Requests of the account wait for one another, so that
 * there are no more than the API takes.
 *
 * @param options Which namespace, of which account, and with which credentials. Nothing is requested before the first call.
 * @throws {TypeError | RangeError} When an option is missing or cannot be; it names what, and never a credential.
 * @see https://developers.cloudflare.com/api/resources/kv/
 *
 * @example
 * ```ts
 * import { CacheClient } from '@codex/cloudflare-clients'
 * import { createHttpKVNamespace } from '@codex/cloudflare-clients/kv-http'
 *
 * // CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN are in the environment.
 * const kv = createHttpKVNamespace({ namespaceTitle: 'content-cache' })
 * await kv.put('greeting', 'hello', { expirationTtl: 3600 })
 * const cache = new CacheClient(kv)
 * ```
 */
export function createHttpKVNamespace(options: HttpKVNamespaceOptions): HttpKVNamespace {
  const action = 'open a KV namespace over HTTP'
  const namespace = toNamespaceChoice(action, options)
  const api = createApi(action, options)
  return toNamespace(new HttpKV(api, new NamespaceAddress(namespace, api)))
}

function toNamespaceChoice(
  action: string,
  // As JavaScript may pass them.
  { namespaceId: id, namespaceTitle: title }: { namespaceId?: string; namespaceTitle?: string },
): { readonly id: string } | { readonly title: string } {
  if (id !== undefined && title === undefined) {
    assertPathPart(action, 'namespaceId', id)
    return { id }
  }
  if (title !== undefined && id === undefined) return { title }
  const received = id === undefined ? 'neither' : 'both'
  throw new TypeError(
    `Cannot ${action}: namespaceId or namespaceTitle must be given, received ${received}`,
  )
}
