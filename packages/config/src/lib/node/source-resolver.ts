import type { KVHttpOptions } from '@codex/cloudflare-clients/kv-http'
import type { R2ClientOptions } from '@codex/cloudflare-clients/r2'
import type { ConfigSource, SourceResolver } from '../config-source.ts'
import { coalesceSource } from '../sources/coalesced-source.ts'
import { type ConfigEnvironment, envSource } from '../sources/env-source.ts'
import { parseHttpsUri } from '../sources/https-address.ts'
import { httpsSource, type HttpsSourceOptions } from '../sources/https-source.ts'
import { kvSource } from '../sources/kv-source.ts'
import { s3Source } from '../sources/s3-source.ts'
import { checkConfigProfiles, type ConfigProfiles, readConfigProfiles } from './config-profiles.ts'
import { fileSource } from './file-source.ts'
import { KVAddresses } from './kv-address.ts'
import { createProxyFetch } from './proxy-fetch.ts'
import { S3Addresses } from './s3-address.ts'

export interface SourceResolverOptions {
  /** Credentials, and what `env:` sources read. Default `process.env`. */
  readonly env?: ConfigEnvironment
  /** Default: what `readConfigProfiles` finds, when the first `kv://` or `s3://` is resolved. */
  readonly profiles?: ConfigProfiles
  /** Names this reader where a release of a published document is rolled out, such as the pod's name. Default: none, which keeps the stable one. */
  readonly unit?: string
  /** For `https:` and `s3://`. Default: the platform's, in Node with the proxies that the environment names. */
  readonly fetch?: typeof globalThis.fetch
  /** Of `https:` sources. Its headers are sent to every one of them: pass a source of your own where they are for one. */
  readonly https?: Omit<HttpsSourceOptions, 'fetch'>
  /** Of KV over HTTP, beside account and credentials: its pacer, its timeouts, its `fetch`. */
  readonly kvHttp?: Omit<KVHttpOptions, 'accountId' | 'auth' | 'env'>
  /** Of `s3://`. */
  readonly s3?: R2ClientOptions
}

/**
 * Makes sources of URIs, for programs in Node, Bun and Deno.
 *
 * `file:` and plain paths, `https:`, `s3://<bucket or alias>/<key>`, `kv://<account id>/<namespace id or title>/<key>`, `kv://<alias>/<key>` and `env:`. A URI gives the
 * same source each time, whose concurrent loads share one request. Credentials are read from the environment, by the names
 * that a profile has for them; a URI with credentials is refused.
 *
 * @returns A function that gives `undefined` for a scheme it does not know. It throws a `TypeError` for a URI that is malformed, without its text, and for credentials that are
 * missing, with the names of their variables.
 * @throws {TypeError} When the profiles cannot be.
 *
 * @example
 * ```ts
 * import { createSourceResolver } from '@codex/config/node'
 *
 * const resolve = createSourceResolver({ profiles: { main: { namespaceTitle: 'settings' } } })
 * const source = resolve('kv://main/production/web')
 * ```
 */
export function createSourceResolver(options: SourceResolverOptions = {}): SourceResolver {
  const resolver = new Resolver(options)
  return (uri) => resolver.resolve(uri)
}

class Resolver {
  readonly #options: SourceResolverOptions
  readonly #env: ConfigEnvironment
  readonly #fetch: typeof globalThis.fetch | undefined
  readonly #kv: KVAddresses
  readonly #s3: S3Addresses
  /** By what they read, so that a URI that is written otherwise is the same source. */
  readonly #sources = new Map<string, ConfigSource>()
  #profiles: ConfigProfiles | undefined

  constructor(options: SourceResolverOptions) {
    const { env = process.env, profiles, kvHttp = {}, s3 = {} } = options
    const fetch = options.fetch ?? createProxyFetch(env)
    this.#fetch = fetch
    this.#options = options
    this.#env = env
    if (profiles !== undefined) this.#profiles = checkConfigProfiles(profiles, 'profiles')
    const getProfiles = (): ConfigProfiles => (this.#profiles ??= readConfigProfiles(env))
    this.#kv = new KVAddresses({ env, getProfiles, kvHttp })
    this.#s3 = new S3Addresses({ env, getProfiles, client: s3, ...(fetch && { fetch }) })
  }

  resolve(uri: string): ConfigSource | undefined {
    // A single letter is a drive of Windows.
    const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(uri) ?? []
    switch (scheme?.toLowerCase()) {
      case undefined:
      case 'file':
        return this.#share(fileSource(uri))
      case 'https':
      case 'http':
        return this.#resolveHttps(uri)
      case 's3':
        return this.#resolveS3(uri)
      case 'kv':
        return this.#resolveKV(uri)
      case 'env':
        return this.#share(envSource(uri, this.#env))
      default:
        return undefined
    }
  }

  #resolveHttps(uri: string): ConfigSource {
    const { https = {} } = this.#options
    const fetch = this.#fetch
    const source = httpsSource(uri, { ...https, ...(fetch && { fetch }) })
    // Not what is shown, which is without its query.
    return this.#share(source, parseHttpsUri(uri).url.href)
  }

  #resolveS3(uri: string): ConfigSource {
    const address = this.#s3.find(uri)
    return this.#share(s3Source(address))
  }

  #resolveKV(uri: string): ConfigSource {
    const { open, key, uri: canonical } = this.#kv.find(uri)
    const kv = open()
    const { unit } = this.#options
    return this.#share(kvSource(kv, key, { uri: canonical, ...(unit !== undefined && { unit }) }))
  }

  #share(source: ConfigSource, id: string = source.uri): ConfigSource {
    const known = this.#sources.get(id)
    if (known !== undefined) return known
    const shared = coalesceSource(source)
    this.#sources.set(id, shared)
    return shared
  }
}
