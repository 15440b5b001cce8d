import { kvLimits } from './kv-limits.ts'
import { encodeText } from './binding-text.ts'

/** As the runtime names requests in its errors. A list is a `GET` too. */
export type KVRequestName = 'GET' | 'GET_BULK' | 'PUT' | 'DELETE'

/** KV answered with a status that is no success. */
export function failedRequest(request: KVRequestName, status: number, text: string): Error {
  return new Error(`KV ${request} failed: ${status} ${text}`)
}

export const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

export function failedWithStatus(request: KVRequestName, status: number): Error {
  return failedRequest(request, status, statusTexts[status] ?? 'Error')
}

/** What the runtime checks before it sends a request. */
export function assertBindingKey(request: KVRequestName, key: string): void {
  if (key === '') throw new TypeError('Key name cannot be empty.')
  if (key === '.' || key === '..') {
    throw new TypeError(`"${key}" is not allowed as a key name.`)
  }
  assertKeyLength(request, key)
}

/** What KV checks of a key in a path. */
export function assertPathKey(request: KVRequestName, key: string): void {
  if (!key.isWellFormed()) throw failedRequest(request, 400, 'Could not URL-decode key name')
}

/** What KV checks of a key in a bulk request, which the runtime sends as it is. */
export function assertBulkKey(key: string): void {
  if (key === '') throw failedRequest('GET_BULK', 400, 'Key names must not be empty')
  if (key === '.' || key === '..') {
    const text = `Illegal key name "${key}". Please use a different name.`
    throw failedRequest('GET_BULK', 400, text)
  }
  assertKeyLength('GET_BULK', key)
}

export function assertKeyLength(request: KVRequestName, key: string): void {
  // A UTF-16 code unit is at most three bytes.
  if (key.length * 3 <= kvLimits.maxKeyBytes) return
  const { byteLength } = encodeText(key)
  if (byteLength <= kvLimits.maxKeyBytes) return
  const text = `UTF-8 encoded length of ${byteLength} exceeds key length limit of ${kvLimits.maxKeyBytes}.`
  throw failedRequest(request, 414, text)
}

export function assertCacheTtl(request: KVRequestName, cacheTtlSeconds: number): void {
  if (cacheTtlSeconds >= kvLimits.minCacheTtlSeconds) return
  const text = `Invalid cache_ttl of ${cacheTtlSeconds}. Cache TTL must be at least ${kvLimits.minCacheTtlSeconds}.`
  throw failedRequest(request, 400, text)
}

/** @returns When an entry expires, in seconds of the epoch. */
export function toExpirationSeconds(options: {
  readonly expirationSeconds: number | undefined
  readonly expirationTtlSeconds: number | undefined
  readonly nowSeconds: number
}): number | undefined {
  const { expirationSeconds: expiration, expirationTtlSeconds: ttl, nowSeconds } = options
  const least = kvLimits.minExpirationTtlSeconds
  const refuse = (text: string): never => {
    throw failedRequest('PUT', 400, text)
  }
  if (ttl !== undefined) {
    const start = `Invalid expiration_ttl of ${ttl}.`
    if (ttl <= 0) refuse(`${start} Please specify integer greater than 0.`)
    if (ttl < least) refuse(`${start} Expiration TTL must be at least ${least}.`)
    return nowSeconds + ttl
  }
  if (expiration === undefined) return undefined
  const start = `Invalid expiration of ${expiration}.`
  if (expiration <= nowSeconds) {
    refuse(
      `${start} Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    )
  }
  if (expiration < nowSeconds + least) {
    refuse(`${start} Expiration times must be at least ${least} seconds in the future.`)
  }
  return expiration
}

export function assertMetadataSize(metadataJson: string): void {
  const { byteLength } = new TextEncoder().encode(metadataJson)
  if (byteLength <= kvLimits.maxMetadataBytes) return
  const text = `Metadata length of ${byteLength} exceeds limit of ${kvLimits.maxMetadataBytes}.`
  throw failedRequest('PUT', 413, text)
}

export function valueTooLong(byteLength: number): Error {
  const text = `Value length of ${byteLength} exceeds limit of ${kvLimits.maxValueBytes}.`
  return failedRequest('PUT', 413, text)
}

export function assertListLimit(limit: number): void {
  if (limit <= kvLimits.maxListKeys) return
  const text = `Invalid key_count_limit of ${limit}. Please specify an integer less than ${kvLimits.maxListKeys}.`
  throw failedRequest('GET', 400, text)
}
