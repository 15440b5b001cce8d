import { R2Client, type R2ClientOptions, s3Bucket } from '@codex/cloudflare-clients/r2'
import type { ConfigEnvironment } from '../sources/env-source.ts'
import { encodeKey } from '../sources/kv-source.ts'
import type { BucketProfile, ConfigProfiles } from './config-profiles.ts'
import { readVariable } from './kv-address.ts'
import { parseUriParts } from './uri-parts.ts'

interface S3AddressOptions {
  readonly env: ConfigEnvironment
  readonly getProfiles: () => ConfigProfiles
  readonly client: R2ClientOptions
  readonly fetch?: typeof globalThis.fetch
}

/** An object of a bucket that can be read and written. */
export interface S3Address {
  readonly bucket: R2Client
  readonly key: string
  /** As it is always written. */
  readonly uri: string
}

/** Finds what `s3://` URIs mean. A bucket is opened once. */
export class S3Addresses {
  readonly #options: S3AddressOptions
  readonly #buckets = new Map<string, R2Client>()

  constructor(options: S3AddressOptions) {
    this.#options = options
  }

  /** @throws {TypeError} When the URI is malformed, or credentials are missing. */
  find(uri: string): S3Address {
    const { authority, segments, isPrefix } = parseUriParts('s3', uri)
    const key = segments.join('/')
    if (key === '' || isPrefix) {
      throw new TypeError(
        'Cannot resolve s3 URI: it must have the key of one object, with * encoded as %2A, received another one',
      )
    }
    const profiles = this.#options.getProfiles()
    const profile = Object.hasOwn(profiles, authority) ? profiles[authority] : undefined
    const isBucket = profile !== undefined && 'bucket' in profile
    return {
      bucket: this.#open(authority, isBucket ? profile : { bucket: authority }),
      key,
      uri: `s3://${encodeURIComponent(authority)}/${encodeKey(key)}`,
    }
  }

  #open(name: string, profile: BucketProfile): R2Client {
    const known = this.#buckets.get(name)
    if (known !== undefined) return known
    const { env, client, fetch } = this.#options
    const { accessKeyIdVariable = 'AWS_ACCESS_KEY_ID' } = profile
    const { secretAccessKeyVariable = 'AWS_SECRET_ACCESS_KEY' } = profile
    const isOwnKey = profile.accessKeyIdVariable !== undefined
    const { sessionTokenVariable = isOwnKey ? undefined : 'AWS_SESSION_TOKEN' } = profile
    const sessionToken = sessionTokenVariable === undefined ? '' : (env[sessionTokenVariable] ?? '')
    const bucket = new R2Client(
      s3Bucket({
        ...toPlace(profile, env),
        bucket: profile.bucket,
        accessKeyId: readVariable(env, accessKeyIdVariable),
        secretAccessKey: readVariable(env, secretAccessKeyVariable),
        ...(sessionToken !== '' && { sessionToken }),
        ...(fetch && { fetch }),
      }),
      client,
    )
    this.#buckets.set(name, bucket)
    return bucket
  }
}

/** An endpoint without a region is R2's, or that of a store that has none; a region without an endpoint is AWS's. */
function toPlace(
  profile: BucketProfile,
  env: ConfigEnvironment,
): { readonly endpoint: string; readonly region: string } {
  const region = first(profile.region, env.AWS_REGION, env.AWS_DEFAULT_REGION)
  const endpoint = first(profile.endpoint, env.AWS_ENDPOINT_URL_S3, env.AWS_ENDPOINT_URL)
  if (endpoint === undefined) {
    const known = region ?? 'us-east-1'
    return { endpoint: `https://s3.${known}.amazonaws.com`, region: known }
  }
  return { endpoint, region: region ?? 'auto' }
}

function first(...values: readonly (string | undefined)[]): string | undefined {
  return values.find((value) => value !== undefined && value !== '')
}
