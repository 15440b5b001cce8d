import type { Timers } from '@codex/cloudflare-clients'
import type {
  ConfigAuthorityCalls,
  ConfigAuthorityNamespace,
  ConfigChangeReply,
  ConfigDocumentReply,
} from '../config-authority-calls.ts'
import type { ConfigRelease } from '../config-document.ts'
import { ConfigError, type ConfigErrorCode } from '../config-error.ts'
import { checkConfigDocument, checkConfigRelease } from '../check-config-document.ts'
import { isRecord } from './is-record.ts'
import { sleep } from '../client/race-timer.ts'

export interface HttpConfigAuthorityOptions {
  /** Where `createConfigHandler` is, with its base path. `https:`, or `http:` to this machine. */
  readonly url: string
  /** Sent as a bearer token. A function is asked before each call. */
  readonly token: string | (() => string | Promise<string>)
  /** Default: the global one. */
  readonly fetch?: typeof fetch
  /** Of one try, in ms. Default 15,000. */
  readonly timeoutMs?: number
  /** How often a call is tried that had no answer, a 429 or a 5xx, from 1. Each is safe to repeat. Default 4. */
  readonly attempts?: number
  /** 0 inclusive to 1 exclusive, for the time between tries. Default `Math.random`. */
  readonly random?: () => number
  readonly timers?: Timers
}

const minBackoffMs = 250
const maxRetryAfterMs = 30_000

interface Answer {
  readonly status: number
  readonly value: unknown
  readonly retryAfterMs: number
}

/**
 * Calls the authority of configurations over HTTP: for publishers outside Workers. Reads and changes are repeated where they had no answer, which makes no
 * change twice, because each carries a random id.
 *
 * @throws {TypeError} For a URL that is none, is not `https:` (or `http:` to this machine), or holds credentials.
 *
 * Its calls reject with a `ConfigError`: `forbidden`, `unavailable`, `timed_out`, `too_large`, `corrupt` for an answer of somebody else, or `invalid`.
 *
 * @example
 * ```ts
 * import { ConfigPublisher, httpConfigAuthority } from '@codex/config/publisher'
 *
 * const authority = httpConfigAuthority({ url: 'https://config.example.com', token })
 * const publisher = new ConfigPublisher({ authority, name: 'bot/production', author: 'deploy' })
 * ```
 */
export function httpConfigAuthority(options: HttpConfigAuthorityOptions): ConfigAuthorityNamespace {
  const base = toBase(options.url)
  return { getByName: (name) => toCalls(name, base, options) }
}

function toCalls(
  name: string,
  base: string,
  options: HttpConfigAuthorityOptions,
): ConfigAuthorityCalls {
  const get = (path: string, params: Readonly<Record<string, number | undefined>> = {}) =>
    callWithRetries(toUrl(base + path, { name, ...params }), options)
  return {
    async getDocument(knownVersion) {
      const { status, value } = await get('/document', { knownVersion })
      if (status === 200 && isDocumentReply(value)) return value
      throw toError(status, value)
    },
    async getHistory({ beforeVersion, limit }) {
      const { status, value } = await get('/releases', { beforeVersion, limit })
      if (status === 200 && Array.isArray(value) && value.every(isRelease)) {
        return value
      }
      throw toError(status, value)
    },
    async getRelease(version): Promise<ConfigRelease | null> {
      const { status, value } = await get(`/releases/${version}`)
      if (status === 404 && isRecord(value) && value.status === 404) return null
      if (status === 200 && isRelease(value)) return value
      throw toError(status, value)
    },
    async change(request) {
      const url = toUrl(`${base}/changes`, { name })
      const { status, value } = await callWithRetries(url, options, JSON.stringify(request))
      const reply = toChangeReply(value)
      if (reply !== undefined && (status === 200 || status === 409 || status === 422)) return reply
      throw toError(status, value)
    },
  }
}

async function callWithRetries(
  url: string,
  options: HttpConfigAuthorityOptions,
  body?: string,
): Promise<Answer> {
  const { attempts = 4, random = Math.random, timers = globalThis } = options
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= attempts
    let waitMs = minBackoffMs * 2 ** (attempt - 1) * (1 + random())
    try {
      const answer = await callOnce(url, options, body)
      const isTransient = answer.status === 429 || answer.status >= 500
      if (isLast || !isTransient) return answer
      waitMs = Math.max(waitMs, answer.retryAfterMs)
    } catch (error) {
      if (isLast || !(error instanceof ConfigError && error.retryable)) throw error
    }
    await sleep(waitMs, timers)
  }
}

async function callOnce(
  url: string,
  {
    token,
    fetch = globalThis.fetch,
    timeoutMs = 15_000,
    timers = globalThis,
  }: HttpConfigAuthorityOptions,
  body?: string,
): Promise<Answer> {
  const bearer = typeof token === 'string' ? token : await token()
  const controller = new AbortController()
  const timer = timers.setTimeout(() => {
    controller.abort()
  }, timeoutMs)
  try {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Bearer ${bearer}`,
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
      // The token is for this address alone.
      redirect: 'manual',
      signal: controller.signal,
    })
    const { status } = response
    const text = await response.text()
    const retryAfterMs = toRetryAfterMs(response.headers.get('Retry-After'))
    return { status, value: parseJson(text), retryAfterMs }
  } catch {
    // Without the cause, which may hold the request and so the token.
    if (controller.signal.aborted)
      throw fail('timed_out', `it did not answer within ${timeoutMs} ms`)
    throw fail('unavailable', 'it could not be reached')
  } finally {
    timers.clearTimeout(timer)
  }
}

function toBase(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(parsed?.hostname ?? '')
  const isSafe = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocal)
  if (parsed === undefined || !isSafe || parsed.username !== '' || parsed.password !== '') {
    throw new TypeError(
      'Cannot create configuration authority: url must be https, or http to this machine, without credentials, received another one',
    )
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '')
}

function toUrl(
  address: string,
  params: Readonly<Record<string, string | number | undefined>>,
): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url.href
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function toRetryAfterMs(header: string | null): number {
  const seconds = header === null || header.trim() === '' ? 0 : Number(header)
  return Number.isFinite(seconds) ? Math.min(maxRetryAfterMs, Math.max(0, seconds * 1000)) : 0
}

function isDocumentReply(value: unknown): value is ConfigDocumentReply {
  return (
    isRecord(value) &&
    Number.isSafeInteger(value.version) &&
    (value.document === undefined || checkConfigDocument(value.document).length === 0)
  )
}

function isRelease(value: unknown): value is ConfigRelease {
  return checkConfigRelease(value).length === 0
}

function toChangeReply(value: unknown): ConfigChangeReply | undefined {
  if (!isRecord(value)) return undefined
  const { ok, version, reason, message } = value
  if (ok === true && Number.isSafeInteger(version)) return { ok, version: Number(version) }
  if (ok !== false) return undefined
  if (reason === 'conflict' && Number.isSafeInteger(version)) {
    return { ok, reason, version: Number(version) }
  }
  return reason === 'invalid' && typeof message === 'string' ? { ok, reason, message } : undefined
}

function toError(status: number, value: unknown): ConfigError {
  const detail = isRecord(value) && typeof value.detail === 'string' ? `: ${value.detail}` : ''
  return fail(toCode(status), `it answered ${status}${detail}`)
}

function toCode(status: number): ConfigErrorCode {
  if (status === 401 || status === 403) return 'forbidden'
  if (status === 413) return 'too_large'
  if (status === 404) return 'not_found'
  if (status === 429 || status >= 500) return 'unavailable'
  // A 200 of somebody else.
  return status >= 400 ? 'invalid' : 'corrupt'
}

function fail(code: ConfigErrorCode, what: string): ConfigError {
  return new ConfigError(`Cannot ask the authority of configurations: ${what}`, {
    code,
    operation: 'authority',
  })
}
