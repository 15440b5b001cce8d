import {
  createHttpKVNamespace,
  type HttpKVNamespace,
  type KVHttpAuth,
  type KVHttpOptions,
  type KVNamespaceChoice,
} from '@codex/cloudflare-clients/kv-http'
import type { ConfigEnvironment } from '../sources/env-source.ts'
import { encodeKey, type KVSourceKey } from '../sources/kv-source.ts'
import { type ConfigProfiles, idPattern, type KVProfile } from './config-profiles.ts'
import { parseUriParts } from './uri-parts.ts'

interface KVAddressOptions {
  readonly env: ConfigEnvironment
  readonly getProfiles: () => ConfigProfiles
  readonly kvHttp: Omit<KVHttpOptions, 'accountId' | 'auth' | 'env'>
}

/** A key of a namespace that can be read and written. */
export interface KVAddress {
  /** @throws {TypeError} When credentials are missing: who only needs the address needs none. */
  readonly open: () => HttpKVNamespace
  readonly key: KVSourceKey
  /** As it is always written. */
  readonly uri: string
  /** Where the URI has an alias. */
  readonly profile?: KVProfile
}

/** Finds what `kv://` URIs mean. A namespace is opened once. */
export class KVAddresses {
  readonly #options: KVAddressOptions
  readonly #namespaces = new Map<string, HttpKVNamespace>()

  constructor(options: KVAddressOptions) {
    this.#options = options
  }

  /** @throws {TypeError} When the URI is malformed, or its alias is no profile's. */
  find(uri: string): KVAddress {
    const { authority, segments, isPrefix } = parseUriParts('kv', uri)
    const { getProfiles } = this.#options
    if (idPattern.test(authority)) {
      const [namespace = '', ...key] = segments
      const profile: KVProfile = {
        accountId: authority,
        ...(idPattern.test(namespace) ? { namespaceId: namespace } : { namespaceTitle: namespace }),
      }
      if (namespace === '') throw refuse('have a namespace after the account')
      const base = `kv://${authority}/${encodeKey(namespace).replaceAll('/', '%2F')}`
      return this.#toAddress({ base, key, isPrefix, profile })
    }
    const profiles = getProfiles()
    const profile = Object.hasOwn(profiles, authority) ? profiles[authority] : undefined
    if (profile === undefined || 'bucket' in profile) {
      const known = Object.entries(profiles).flatMap(([alias, one]) =>
        'bucket' in one ? [] : [alias],
      )
      throw refuse(
        `begin with the id of an account or the alias of a profile (${known.join(', ') || 'there is none'})`,
      )
    }
    const address = this.#toAddress({ base: `kv://${authority}`, key: segments, isPrefix, profile })
    return { ...address, profile }
  }

  #toAddress(parts: {
    readonly base: string
    readonly key: readonly string[]
    readonly isPrefix: boolean
    readonly profile: KVProfile
  }): KVAddress {
    const key = parts.key.join('/')
    if (key === '' && !parts.isPrefix) throw refuse('have a key, or * for all')
    return {
      open: () => this.#open(parts.profile),
      key: parts.isPrefix ? { prefix: key } : { key },
      uri: `${parts.base}/${encodeKey(key)}${parts.isPrefix ? '*' : ''}`,
    }
  }

  #open(profile: KVProfile): HttpKVNamespace {
    const { accountId, namespaceId, namespaceTitle, auth, baseUrl } = profile
    const id = JSON.stringify([accountId, namespaceId, namespaceTitle, auth, baseUrl])
    const known = this.#namespaces.get(id)
    if (known !== undefined) return known
    const { env, kvHttp } = this.#options
    const apiUrl = baseUrl ?? env.CLOUDFLARE_API_BASE_URL
    const credentials = auth === undefined ? undefined : readAuth(env, auth)
    const kv = createHttpKVNamespace({
      env,
      ...(apiUrl !== undefined && apiUrl !== '' && { baseUrl: apiUrl }),
      ...kvHttp,
      ...(accountId !== undefined && { accountId }),
      ...(credentials && { auth: credentials }),
      ...((namespaceId === undefined ? { namespaceTitle } : { namespaceId }) as KVNamespaceChoice),
    })
    this.#namespaces.set(id, kv)
    return kv
  }
}

function refuse(wanted: string): TypeError {
  return new TypeError(`Cannot resolve kv URI: it must ${wanted}, received another one`)
}

/** @throws {TypeError} Naming the variable that is not set. */
export function readVariable(env: ConfigEnvironment, name: string): string {
  const value = env[name] ?? ''
  if (value !== '') return value
  throw new TypeError(`Cannot read credentials: ${name} must be set, received none`)
}

function readAuth(env: ConfigEnvironment, auth: NonNullable<KVProfile['auth']>): KVHttpAuth {
  if ('tokenVariable' in auth) return { apiToken: readVariable(env, auth.tokenVariable) }
  const { keyVariable, emailVariable } = auth
  return { apiKey: readVariable(env, keyVariable), email: readVariable(env, emailVariable) }
}
