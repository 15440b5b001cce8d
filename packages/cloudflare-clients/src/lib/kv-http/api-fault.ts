import { statusTexts } from '../kv/kv-responses.ts'
import type { Credentials } from './credentials.ts'
import { KVHttpError, type KVHttpErrorCode } from './kv-http-error.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Why one try failed, before it is known whether it was the last one. */
export interface ApiFault {
  readonly code: KVHttpErrorCode
  /** Whether the same request may succeed in a moment. */
  readonly isTransient: boolean
  /** What goes after `KV GET failed: `. The binding's own words, where there are some. */
  readonly text: string
  readonly status?: number
  readonly cloudflareCode?: number | undefined
  readonly rayId?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: Error
}

/** Makes the rest of a try fail with a fault. */
export class ApiFaultSignal extends Error {
  readonly fault: ApiFault

  constructor(fault: ApiFault) {
    super(fault.text)
    this.fault = fault
  }
}

/** What an error names beside its message. */
export interface ApiCallNames {
  /** As the runtime names requests in its errors, such as `GET_BULK`. */
  readonly request: string
  readonly operation: string
}

export function toKVHttpError(
  { request, operation }: ApiCallNames,
  fault: ApiFault,
  more: { readonly attempts: number; readonly failedKeys?: readonly string[] },
): KVHttpError {
  const { isTransient, text, ...known } = fault
  const details = [
    fault.cloudflareCode !== undefined && `code ${fault.cloudflareCode}`,
    fault.rayId !== undefined && `ray ${fault.rayId}`,
  ].filter((detail) => detail !== false)
  const suffix = details.length > 0 ? ` (${details.join(', ')})` : ''
  return new KVHttpError(`KV ${request} failed: ${text}${suffix}`, {
    ...known,
    ...more,
    operation,
    retryable: isTransient,
  })
}

interface ErrorEnvelope {
  readonly result?: unknown
  readonly errors?: unknown
}

/** An answer that is no success. */
export interface Refusal {
  readonly status: number
  /** Of the first error. */
  readonly cloudflareCode: number | undefined
  readonly result: unknown
  /** The API's own words. They may repeat a key or a credential, so they are looked at and not passed on. */
  readonly message: string
}

export function readRefusal(status: number, body: string): Refusal {
  let envelope: ErrorEnvelope = {}
  try {
    envelope = Object(JSON.parse(body)) as ErrorEnvelope
  } catch {
    // A page of a proxy, or nothing.
  }
  const { result, errors } = envelope
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  const { code, message } = Object(first) as { code?: unknown; message?: unknown }
  return {
    status,
    result,
    cloudflareCode: typeof code === 'number' ? code : undefined,
    message: typeof message === 'string' ? message : '',
  }
}

/** Answers of the API about the credentials that come with a 400 or a 403. */
const credentialCodes = new Set([1000, 6003, 6111, 9103, 9106, 9107, 9109])

function classify({ status, cloudflareCode = 0, message }: Refusal): KVHttpErrorCode {
  if (status === 401 || (status < 404 && credentialCodes.has(cloudflareCode))) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (cloudflareCode === 10_014) return 'already_exists'
  if (status === 408) return 'timed_out'
  if (status === 413) return 'too_large'
  if (status === 429) return /\bdaily\b|\bday\b/.test(message) ? 'quota_exceeded' : 'rate_limited'
  return status >= 400 && status < 500 ? 'invalid_request' : 'unavailable'
}

const transientCodes: readonly KVHttpErrorCode[] = ['rate_limited', 'timed_out', 'unavailable']

export function toRefusedFault(refusal: Refusal, headers: Headers, nowMs: number): ApiFault {
  const { status, cloudflareCode } = refusal
  const code = classify(refusal)
  const ray = headers.get('cf-ray') ?? ''
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), nowMs) ?? undefined
  return {
    code,
    // A redirect or another odd answer stays what it is.
    isTransient: transientCodes.includes(code) && status >= 400,
    text:
      code === 'quota_exceeded'
        ? 'limit exceeded for the day'
        : `${status} ${statusTexts[status] ?? 'Error'}`,
    status,
    cloudflareCode,
    rayId: /^[0-9a-f]{8,32}(?:-[A-Z]{3})?$/.test(ray) ? ray : undefined,
    retryAfterMs: code === 'rate_limited' ? retryAfterMs : undefined,
  }
}

/** There was no answer, or not all of it. */
export function toLostFault(error: unknown, credentials: Credentials): ApiFault {
  const codes = chainOf(error).flatMap(({ code }) => (typeof code === 'string' ? [code] : []))
  const [name = 'no connection'] = codes.filter((code) => /^[A-Z_]{3,40}$/.test(code))
  return {
    code: 'unavailable',
    isTransient: true,
    text: `no answer (${name})`,
    cause: scrubCause(error, credentials),
  }
}

interface Link {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly cause?: unknown
}

function chainOf(error: unknown): Link[] {
  const chain: Link[] = []
  for (let link = error; link !== undefined && chain.length < 8;) {
    const known = Object(link) as Link
    chain.push(known)
    link = known.cause
  }
  return chain
}

/** A new error with the names and words of another one and of its causes. The other one may hold the request. */
function scrubCause(error: unknown, credentials: Credentials): Error {
  const words = chainOf(error).map(({ name, message }) =>
    typeof message === 'string' ? `${String(name)}: ${message}` : typeof error,
  )
  return new Error(credentials.scrub(words.join(', because of ')))
}
