import { AwsV4Signer } from 'aws4fetch'
import { sha256Hex } from './bytes.ts'
import { createR2Error } from './r2-error.ts'
import type { S3BucketOptions } from './s3-bucket.ts'

export interface S3Request {
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: Uint8Array<ArrayBuffer>
  /** Of the body, in hexadecimal, where it is known. */
  readonly sha256?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface S3Requests {
  /** One signed request. @throws {R2Error} When no answer comes. */
  send(request: S3Request): Promise<Response>
  presign(
    request: Pick<S3Request, 'key' | 'query' | 'headers'> & {
      readonly method: string
      readonly expiresInSeconds: number
    },
  ): Promise<string>
  readonly now: () => number
}

const emptyBytes = new Uint8Array()

/** As signatures have it, which leave fewer characters as they are. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Paths are cleaned of `.` and `..` before they are sent, also of encoded ones, and so would reach another key. */
function encodeKey(key: string): string {
  const segments = key.split('/')
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new RangeError(
      'Cannot reach object over S3: key must not have "." or ".." between slashes, since they are taken out of an address',
    )
  }
  return segments.map(encodeSegment).join('/')
}

function toDateTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, '')
}

export function createS3Requests(options: S3BucketOptions): S3Requests {
  const { endpoint, bucket, accessKeyId, secretAccessKey, sessionToken } = options
  const { region = 'auto', requesterPays = false, now = Date.now } = options
  // The day's signing key, which is four digests of its own.
  const cache = new Map<string, ArrayBuffer>()
  const base = `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}`

  const toUrl = (key: string | undefined, query: S3Request['query'] = {}): string => {
    const url = new URL(key === undefined ? base : `${base}/${encodeKey(key)}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url.href
  }
  const credentials = {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    service: 's3',
    region,
    cache,
  }
  const payer = requesterPays ? [['x-amz-request-payer', 'requester'] as const] : []

  return {
    now,
    async send({ operation, method, key, query, headers = [], body, sha256, signal }) {
      const signer = new AwsV4Signer({
        ...credentials,
        method,
        url: toUrl(key, query),
        headers: [
          ...headers.map(([name, value]): [string, string] => [name, value]),
          ...payer.map(([name, value]): [string, string] => [name, value]),
          ['x-amz-content-sha256', sha256 ?? (await sha256Hex(body ?? emptyBytes))],
        ],
        datetime: toDateTime(now()),
      })
      const signed = await signer.sign()
      try {
        const { fetch = globalThis.fetch } = options
        return await fetch(signed.url.href, {
          method,
          headers: signed.headers,
          ...(body && { body }),
          ...(signal && { signal }),
        })
      } catch (cause) {
        signal?.throwIfAborted()
        // The address may be in what fetch throws. Nothing in it is secret: what signs a request is in its headers.
        throw createR2Error(operation, 'unavailable', { cause })
      }
    },

    async presign({ method, key, query, headers = [], expiresInSeconds }) {
      const signer = new AwsV4Signer({
        ...credentials,
        method,
        url: toUrl(key, { ...query, 'X-Amz-Expires': String(expiresInSeconds) }),
        headers: [...headers, ...payer].map(([name, value]): [string, string] => [name, value]),
        datetime: toDateTime(now()),
        signQuery: true,
        allHeaders: true,
      })
      return (await signer.sign()).url.href
    },
  }
}
