import type { Timers } from '../shared/timers.ts'
import { abortable } from './abortable.ts'
import {
  type ApiCallNames,
  type ApiFault,
  ApiFaultSignal,
  readRefusal,
  type Refusal,
  toKVHttpError,
  toLostFault,
  toRefusedFault,
} from './api-fault.ts'
import { Attempt } from './attempt.ts'
import type { Credentials } from './credentials.ts'
import type { KVHttpFetch } from './default-fetch.ts'
import type { KVHttpErrorCode } from './kv-http-error.ts'
import type { RequestPacer } from './request-pacer.ts'

/** One request that was sent, for whoever counts them. */
export interface KVHttpRequestEvent {
  /** As in errors: `GET`, `GET_BULK`, `PUT`, `PUT_BULK`, `DELETE`, `DELETE_BULK`, `METADATA`, `LIST`, `NAMESPACES`. */
  readonly request: string
  /** 1 for the first try. */
  readonly attempt: number
  /** HTTP status. `null`: there was no answer. */
  readonly status: number | null
  /** `null`: it succeeded. */
  readonly code: KVHttpErrorCode | null
  /** Whether it will be tried again. */
  readonly isRetried: boolean
  readonly durationMs: number
}

export interface ApiSettings {
  readonly credentials: Credentials
  readonly baseUrl: string
  readonly fetch: KVHttpFetch
  readonly now: () => number
  readonly random: () => number
  readonly timers: Timers
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly maxAttempts: number
  readonly pacer: RequestPacer
  readonly signal: AbortSignal | undefined
  readonly onRequest: (event: KVHttpRequestEvent) => void
}

export interface ApiCall<T> extends ApiCallNames {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** After the account, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: Uint8Array<ArrayBuffer>
  readonly contentType?: string
  /** Takes an answer that is a success. What it awaits of the attempt belongs to the try. */
  readonly read: (attempt: Attempt, attemptNumber: number) => Promise<T> | T
  /** Takes an answer that is none, where it is expected. `undefined`: it was not. */
  readonly refused?: (refusal: Refusal, attemptNumber: number) => { readonly value: T } | undefined
}

type Outcome<T> =
  | { readonly value: T; readonly status: number }
  | { readonly fault: ApiFault; readonly status: number | null }

const firstBackoffMs = 250
const maxBackoffMs = 8000
/** So that not all who were told the same come back at the same moment. */
const retryAfterJitterMs = 250

/** Cloudflare's REST API, for one account: credentials, pacing, retries, timeouts and the deadline. */
export class CloudflareApi {
  readonly settings: ApiSettings

  constructor(settings: ApiSettings) {
    this.settings = settings
  }

  /** @throws {KVHttpError} When it fails for good. The reason of the signal when that is aborted. */
  async call<T>(call: ApiCall<T>, { deadlineAtMs = this.deadlineAtMs() } = {}): Promise<T> {
    const { now, pacer, signal, maxAttempts } = this.settings
    let last: ApiFault | undefined
    for (let attempts = 0; ;) {
      const missingMs = await pacer.take({ deadlineAtMs, signal, isRepeat: attempts > 0 })
      if (missingMs !== null) {
        throw toKVHttpError(call, last ?? noTurn(missingMs), { attempts })
      }
      attempts++
      const startedMs = now()
      const outcome = await this.#try(call, { attempts, deadlineAtMs })
      const isLast = 'value' in outcome || !outcome.fault.isTransient || attempts >= maxAttempts
      const delayMs = 'value' in outcome ? 0 : this.#delayMs(outcome.fault, attempts)
      const isRetried = !isLast && now() + delayMs < deadlineAtMs
      this.settings.onRequest({
        request: call.request,
        attempt: attempts,
        status: outcome.status,
        code: 'value' in outcome ? null : outcome.fault.code,
        isRetried,
        durationMs: now() - startedMs,
      })
      if ('value' in outcome) return outcome.value
      last = outcome.fault
      if (!isRetried) throw toKVHttpError(call, last, { attempts })
      await this.pause(delayMs)
    }
  }

  /** When a call that begins now has to have ended. */
  deadlineAtMs(): number {
    return this.settings.now() + this.settings.deadlineMs
  }

  /** Waits, but not for longer than the signal lets. */
  pause(delayMs: number): Promise<void> {
    const { signal, timers } = this.settings
    return abortable(signal, (resolve) => {
      const timer = timers.setTimeout(resolve, delayMs)
      return () => {
        timers.clearTimeout(timer)
      }
    })
  }

  /** How long to wait after a number of tries that failed. */
  backoffMs(attempts: number): number {
    const ms = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (attempts - 1))
    return ms * (0.5 + this.settings.random() / 2)
  }

  #delayMs({ retryAfterMs }: ApiFault, attempts: number): number {
    const { now, pacer, random } = this.settings
    const backoffMs = this.backoffMs(attempts)
    if (retryAfterMs === undefined) return backoffMs
    // The API refuses everything of the account until then.
    pacer.pauseUntil(now() + retryAfterMs)
    return Math.max(backoffMs, retryAfterMs + random() * retryAfterJitterMs)
  }

  async #try<T>(
    call: ApiCall<T>,
    limits: { readonly attempts: number; readonly deadlineAtMs: number },
  ): Promise<Outcome<T>> {
    const { settings } = this
    const leftMs = limits.deadlineAtMs - settings.now()
    const limitMs = Math.min(settings.timeoutMs, leftMs)
    const attempt = new Attempt({ settings, limitMs })
    let status: number | null = null
    try {
      const response = await attempt.send(toUrl(settings, call), toRequestInit(settings, call))
      status = response.status
      if (response.ok) return { status, value: await call.read(attempt, limits.attempts) }
      const refusal = readRefusal(status, await attempt.text().catch(() => ''))
      const expected = call.refused?.(refusal, limits.attempts)
      if (expected !== undefined) return { status, value: expected.value }
      return { status, fault: toRefusedFault(refusal, response.headers, settings.now()) }
    } catch (error) {
      settings.signal?.throwIfAborted()
      if (error instanceof ApiFaultSignal) return { status, fault: error.fault }
      return { status, fault: toLostFault(error, settings.credentials) }
    } finally {
      attempt.end()
    }
  }
}

function noTurn(missingMs: number): ApiFault {
  return {
    code: 'rate_limited',
    isTransient: true,
    text: '429 not sent, because the requests of the account are used up beyond the deadline',
    retryAfterMs: Math.ceil(missingMs),
  }
}

function toUrl(
  { baseUrl, credentials }: ApiSettings,
  { path, query = {} }: ApiCall<unknown>,
): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  const search = parameters.length > 0 ? `?${parameters.join('&')}` : ''
  return `${baseUrl}/accounts/${credentials.accountId}${path}${search}`
}

function toRequestInit(
  { credentials }: ApiSettings,
  { method, body, contentType }: ApiCall<unknown>,
): RequestParts {
  return {
    method,
    headers: {
      ...credentials.headers,
      ...(contentType !== undefined && { 'content-type': contentType }),
    },
    ...(body !== undefined && { body }),
  }
}

type RequestParts = Omit<Parameters<KVHttpFetch>[1], 'signal' | 'redirect'>
