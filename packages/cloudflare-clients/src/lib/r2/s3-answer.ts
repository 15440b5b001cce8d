import { createR2Error, type R2Error, type R2ErrorCode } from './r2-error.ts'
import { parseXml, textOf } from './s3-xml.ts'

const codesByName: Readonly<Record<string, R2ErrorCode>> = {
  AccessDenied: 'forbidden',
  BadDigest: 'checksum_mismatch',
  EntityTooLarge: 'too_large',
  ExpiredRequest: 'unauthorized',
  InternalError: 'unavailable',
  InvalidAccessKeyId: 'unauthorized',
  InvalidDigest: 'checksum_mismatch',
  InvalidRange: 'invalid_range',
  MetadataTooLarge: 'too_large',
  NoSuchBucket: 'no_such_bucket',
  NoSuchUpload: 'no_such_upload',
  NotImplemented: 'unsupported',
  RequestTimeout: 'unavailable',
  RequestTimeTooSkewed: 'unauthorized',
  ServiceUnavailable: 'unavailable',
  SignatureDoesNotMatch: 'unauthorized',
  SlowDown: 'rate_limited',
  TooManyRequests: 'rate_limited',
  XAmzContentSHA256Mismatch: 'checksum_mismatch',
}

const codesByStatus: Readonly<Record<number, R2ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  408: 'unavailable',
  413: 'too_large',
  416: 'invalid_range',
  429: 'rate_limited',
  501: 'unsupported',
}

/** In seconds, or as a date; one in the past is 0. */
function toRetryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const seconds = Number(header)
  const delayMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs)
}

/** What an answer that is no success says. Its message stays out: it may quote the request. */
export async function toS3Error(
  operation: string,
  answer: Response,
  nowMs: number,
): Promise<R2Error> {
  const error = parseXml(await answer.text(), 'Error')
  const storeCode = textOf(error, 'Code')
  const code =
    (storeCode === undefined ? undefined : codesByName[storeCode]) ??
    codesByStatus[answer.status] ??
    (answer.status >= 500 ? 'unavailable' : 'invalid_request')
  return createR2Error(operation, code, {
    storeCode: storeCode ?? String(answer.status),
    retryAfterMs: toRetryAfterMs(answer.headers.get('retry-after'), nowMs),
  })
}
