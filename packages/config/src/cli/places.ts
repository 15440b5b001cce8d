import type { HttpKVNamespace, KVHttpCallOptions } from '@codex/cloudflare-clients/kv-http'
import type { ConfigSource } from '../lib/config-source.ts'
import {
  type ConfigProfiles,
  type KVProfile,
  readConfigProfiles,
} from '../lib/node/config-profiles.ts'
import { KVAddresses } from '../lib/node/kv-address.ts'
import { type S3Address, S3Addresses } from '../lib/node/s3-address.ts'
import { createSourceResolver } from '../lib/node/source-resolver.ts'
import { encodeKey } from '../lib/sources/kv-source.ts'
import { s3Source } from '../lib/sources/s3-source.ts'
import { usageFailure } from './command-failure.ts'
import type { GlobalOptions } from './command-frame.ts'
import type { CommandWorld } from './command-world.ts'
import { showUri } from './show-uri.ts'

/** A key of KV, or the prefix of many. */
export interface KVPlace {
  readonly uri: string
  readonly open: () => HttpKVNamespace
  /** Decoded; of a prefix without its `*`. */
  readonly key: string
  readonly profile?: KVProfile
}

interface PlacesOptions {
  readonly world: CommandWorld
  readonly options: GlobalOptions
  /** Names the reader that this is where a release is rolled out. */
  readonly unit?: string | undefined
}

/** Finds what the addresses on a command line mean. */
export class Places {
  readonly #kv: KVAddresses
  readonly #s3: S3Addresses
  readonly #resolve: (uri: string) => ConfigSource | undefined

  constructor({ world, options, unit }: PlacesOptions) {
    const { profiles: file, timeout } = options
    const env = { ...world.env, ...(file !== undefined && { CODEX_CONFIG_PROFILES: file }) }
    let profiles: ConfigProfiles | undefined
    const getProfiles = (): ConfigProfiles => (profiles ??= readConfigProfiles(env))
    const timeoutMs = timeout * 1000
    const kvHttp: KVHttpCallOptions = {
      deadlineMs: timeoutMs,
      timeoutMs: Math.min(timeoutMs, 10_000),
    }
    const s3 = { timeoutMs }
    this.#kv = new KVAddresses({ env, getProfiles, kvHttp })
    this.#s3 = new S3Addresses({ env, getProfiles, client: s3 })
    this.#resolve = createSourceResolver({
      env,
      kvHttp,
      s3,
      ...(unit !== undefined && { unit }),
    })
  }

  /** @throws {CommandFailure} For a scheme that nobody knows. */
  source(uri: string): ConfigSource {
    const source = withUri(uri, () => this.#resolve(uri))
    if (source !== undefined) return source
    throw usageFailure(
      `Cannot read ${showUri(uri)}: a path, file:, https:, s3:, kv: or env: was wanted, received another scheme`,
    )
  }

  /** One key. */
  kvKey(uri: string): KVPlace {
    const { key, ...place } = this.#find(uri)
    if (!('prefix' in key)) return { ...place, key: key.key }
    throw usageFailure(
      `Cannot open ${showUri(uri)}: one key of KV was wanted, such as kv://main/production/web, received a prefix`,
    )
  }

  /** `kv://…/settings/*`, or what ends in a slash and means the same. */
  kvPrefix(uri: string): KVPlace {
    if (/^kv:.*[*/]$/s.test(uri)) {
      const { key, ...place } = this.#find(uri.endsWith('*') ? uri : `${uri}*`)
      if ('prefix' in key) return { ...place, key: key.prefix }
    }
    throw usageFailure(
      `Cannot open ${showUri(uri)}: a prefix of KV was wanted, such as kv://main/settings/*, received another address`,
    )
  }

  s3Object(uri: string): S3Address {
    return withUri(uri, () => this.#s3.find(uri))
  }

  /** Every object below `s3://…/settings/*`, in the order of their keys. */
  async *s3Objects(uri: string): AsyncGenerator<ConfigSource, void, undefined> {
    const base = uri.replace(/\*$/, '')
    // An address is that of one object.
    const { bucket, key } = this.s3Object(`${base}_`)
    for await (const object of bucket.list({ prefix: key.slice(0, -1) })) {
      if (object.key.endsWith('/')) continue
      const rest = object.key.slice(key.length - 1)
      yield s3Source({ bucket, key: object.key, uri: `${base}${encodeKey(rest)}` })
    }
  }

  #find(uri: string) {
    if (!uri.startsWith('kv://')) {
      throw usageFailure(
        `Cannot open ${showUri(uri)}: an address of KV was wanted, such as kv://main/production/web, received another one`,
      )
    }
    const address = withUri(uri, () => this.#kv.find(uri))
    const { key } = address
    if (typeof key === 'string') throw new TypeError('Cannot open KV: a parsed key was wanted')
    return { ...address, key, open: () => withUri(uri, address.open) }
  }
}

/** Says which address was wrong, unless it may hold credentials. */
function withUri<T>(uri: string, find: () => T): T {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof TypeError) || uri.includes('@')) throw error
    throw usageFailure(`${error.message} (${showUri(uri)})`)
  }
}
