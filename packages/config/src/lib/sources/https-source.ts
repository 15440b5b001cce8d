import type { Timers } from '@codex/cloudflare-clients'
import { ConfigError } from '../config-error.ts'
import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import { parseHttpsUri } from './https-address.ts'
import { createSourceError, notFound, toSourceError, tooLarge } from './source-error.ts'
import { decodeSourceText, maxTextBytes, readLimited, toSyntax } from './source-text.ts'
import { untilAborted } from './until-aborted.ts'

/** As much of `fetch` as is used. */
export type SourceFetch = (
  url: string,
  init: {
    readonly headers: Headers
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

export interface HttpsSourceOptions {
  /** Sent with each request, such as `{ authorization }`; not to another host that a redirect leads to. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes of the text after it was unpacked, from 1 to 1,048,576. Default 1,048,576. */
  readonly maxBytes?: number
  /** Milliseconds for a try with all of its answer, from 1. The signal of the load is the limit for all of them. Default 5,000. */
  readonly timeoutMs?: number
  /** How often it is asked at most, from 1. Default 3. */
  readonly maxAttempts?: number
  /** Default: the global one. */
  readonly fetch?: SourceFetch
  /** For the pauses between tries. Default: the platform's. */
  readonly timers?: Timers
  /** From 0 to below 1, for the jitter of pauses. Default `Math.random`. */
  readonly random?: () => number
  /** Epoch ms, for a `Retry-After` that is a date. Default `Date.now`. */
  readonly now?: () => number
}

const maxRedirects = 5
const firstPauseMs = 250
/** A server that asks for more is asked again when the configuration is refreshed. */
const maxRetryAfterMs = 10_000
const transientStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** A failure that may be another time, and how long the server asks to wait. */
class TransientFailure extends Error {
  readonly failure: ConfigError
  readonly retryAfterMs: number | undefined

  constructor(failure: ConfigError, retryAfterMs?: number) {
    super(failure.message)
    this.failure = failure
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * A configuration at an https address.
 *
 * The text is kept with its ETag, so that an answer 304 is enough. Timeouts, broken connections, 408, 425, 429 and 5xx are tried again, with pauses that
 * double from a quarter of a second and are jittered, or as long as `Retry-After` says, up to 10 s. Up to 5 redirects are followed, only to https. The text is UTF-8; reading
 * stops where it is larger than `maxBytes`.
 *
 * @param uri `https:`, or `http:` to this machine. Its query is not in messages; a user or a password in it is refused: send them as `headers`.
 * @throws {TypeError | RangeError} When it is no such address, or an option cannot be. A header's value is not in the message.
 *
 * @example
 * ```ts
 * import { httpsSource } from '@codex/config'
 *
 * const source = httpsSource('https://config.example.com/web.yaml', {
 *   headers: { authorization: `Bearer ${token}` },
 * })
 * ```
 */
export function httpsSource(uri: string, options: HttpsSourceOptions = {}): ConfigSource {
  return new HttpsSource(uri, options)
}

class HttpsSource implements ConfigSource {
  readonly uri: string
  readonly #url: URL
  readonly #headers: Headers
  readonly #maxBytes: number
  readonly #timeoutMs: number
  readonly #maxAttempts: number
  readonly #options: HttpsSourceOptions
  #kept: { readonly etag: string; readonly document: SourceDocument } | undefined

  constructor(uri: string, options: HttpsSourceOptions) {
    const { url, shown } = parseHttpsUri(uri)
    const { maxBytes = maxTextBytes, timeoutMs = 5000, maxAttempts = 3 } = options
    this.#url = url
    this.uri = shown
    this.#headers = toHeaders(options.headers)
    this.#maxBytes = checkInteger('maxBytes', maxBytes, maxTextBytes)
    this.#timeoutMs = checkInteger('timeoutMs', timeoutMs, 2_147_483_647)
    this.#maxAttempts = checkInteger('maxAttempts', maxAttempts, 100)
    this.#options = options
  }

  async load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    try {
      return [await this.#load(signal)]
    } catch (error) {
      throw toSourceError(this.uri, error, signal)
    }
  }

  async #load(signal: AbortSignal): Promise<SourceDocument> {
    const { random = Math.random } = this.#options
    for (let made = 1; ; made++) {
      signal.throwIfAborted()
      try {
        return await this.#try(signal)
      } catch (error) {
        if (!(error instanceof TransientFailure) || signal.aborted) throw error
        const { failure, retryAfterMs = 0 } = error
        if (made >= this.#maxAttempts || retryAfterMs > maxRetryAfterMs) throw failure
        const backoffMs = firstPauseMs * 2 ** (made - 1)
        await this.#pause(Math.max(retryAfterMs, backoffMs * (0.5 + random() / 2)), signal)
      }
    }
  }

  async #try(signal: AbortSignal): Promise<SourceDocument> {
    const { timers = globalThis } = this.#options
    const ending = new AbortController()
    const timer = timers.setTimeout(() => {
      ending.abort(new DOMException('No answer came in time', 'TimeoutError'))
    }, this.#timeoutMs)
    const eitherSignal = AbortSignal.any([signal, ending.signal])
    try {
      return await untilAborted(this.#ask(eitherSignal), eitherSignal)
    } catch (error) {
      if (error instanceof ConfigError || error instanceof TransientFailure) throw error
      if (signal.aborted) throw error
      if (ending.signal.aborted) {
        const reason = `no answer came in ${this.#timeoutMs} ms`
        throw new TransientFailure(createSourceError(this.uri, 'timed_out', { reason }))
      }
      // Not as its cause: it may have the whole address in it, which can hold a signature.
      const reason = `it could not be reached${toErrorCode(error)}`
      throw new TransientFailure(createSourceError(this.uri, 'unavailable', { reason }))
    } finally {
      timers.clearTimeout(timer)
      ending.abort()
    }
  }

  async #ask(signal: AbortSignal): Promise<SourceDocument> {
    const { uri } = this
    const kept = this.#kept
    const answer = await this.#follow(signal, kept?.etag)
    if (answer.status === 304 && kept !== undefined) {
      discard(answer)
      return kept.document
    }
    if (answer.status !== 200) {
      discard(answer)
      throw this.#toFailure(answer)
    }
    if (Number(answer.headers.get('content-length') ?? 0) > this.#maxBytes) {
      discard(answer)
      throw tooLarge(uri, this.#maxBytes)
    }
    const bytes = await readLimited(uri, answer.body, this.#maxBytes)
    const text = decodeSourceText(uri, bytes, this.#maxBytes)
    const document = { uri, text, ...toHttpSyntax(this.#url, answer) }
    const etag = answer.headers.get('etag')
    this.#kept = etag === null ? undefined : { etag, document }
    return document
  }

  async #follow(signal: AbortSignal, etag: string | undefined): Promise<Response> {
    const { fetch = globalThis.fetch } = this.#options
    let url = this.#url
    for (let redirects = 0; ; redirects++) {
      const headers = new Headers(url.origin === this.#url.origin ? this.#headers : {})
      headers.set('accept', 'application/yaml, application/json;q=0.9, */*;q=0.5')
      if (etag !== undefined) headers.set('if-none-match', etag)
      const answer = await fetch(url.href, { headers, redirect: 'manual', signal })
      if (![301, 302, 303, 307, 308].includes(answer.status)) return answer
      discard(answer)
      url = this.#toNextUrl(url, answer, redirects)
    }
  }

  #toNextUrl(url: URL, answer: Response, redirects: number): URL {
    const refuse = (reason: string): ConfigError =>
      createSourceError(this.uri, 'unavailable', { reason })
    if (redirects >= maxRedirects) throw refuse(`${maxRedirects} redirects at most were wanted`)
    const location = answer.headers.get('location') ?? ''
    const next = location === '' || !URL.canParse(location, url) ? null : new URL(location, url)
    // From this machine to this machine is as good as https.
    const isSafe = next?.protocol === 'https:' || (next !== null && next.origin === url.origin)
    if (!isSafe || next.username !== '' || next.password !== '') {
      throw refuse('a redirect to https without credentials was wanted, received another one')
    }
    return next
  }

  #toFailure(answer: Response): ConfigError | TransientFailure {
    const { status } = answer
    const { uri } = this
    if (status === 404 || status === 410) return notFound(uri)
    if (status === 401 || status === 403) {
      return createSourceError(uri, 'forbidden', { reason: `the server answered ${status}` })
    }
    const reason = `an answer 200 was wanted, received ${status}`
    const failure = createSourceError(uri, 'unavailable', { reason })
    if (!transientStatuses.has(status)) return failure
    const { now = Date.now } = this.#options
    return new TransientFailure(failure, parseRetryAfter(answer.headers.get('retry-after'), now()))
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { timers = globalThis } = this.#options
    let timer: unknown
    const over = new Promise<void>((resolve) => {
      timer = timers.setTimeout(resolve, delayMs)
    })
    return untilAborted(over, signal).finally(() => {
      timers.clearTimeout(timer)
    })
  }
}

function toHeaders(given: Readonly<Record<string, string>> = {}): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given)) {
    try {
      headers.set(name, value)
    } catch {
      // What the platform throws has the value in it.
      throw new TypeError(
        `Cannot create https source: header ${JSON.stringify(name)} must be one that HTTP takes, received another one`,
      )
    }
  }
  return headers
}

function checkInteger(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value
  throw new RangeError(
    `Cannot create https source: ${name} must be an integer from 1 to ${max}, received ${value}`,
  )
}

function toHttpSyntax(url: URL, answer: Response): ReturnType<typeof toSyntax> {
  const named = toSyntax(url.pathname)
  if (named.syntax !== undefined) return named
  const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
  return /[/+]json$/i.test(type.trim()) ? { syntax: 'json' } : {}
}

function discard({ body }: Response): void {
  body?.cancel().catch(() => undefined)
}

/** `ECONNREFUSED` and the like, which say enough. */
function toErrorCode(error: unknown): string {
  const { cause, code } = Object(error) as { readonly cause?: unknown; readonly code?: unknown }
  const inner = (Object(cause) as { readonly code?: unknown }).code ?? code
  return typeof inner === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(inner) ? ` (${inner})` : ''
}

/** In ms. A date that has passed is 0. */
function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const atMs = /^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
